"""Queries to the IIS, for the `vaxline` commands and the web console: whom to ask about, and labels for the answer."""

from __future__ import annotations

from typing import Final

from shared.bootstrap import Application
from shared.domain.clinics import number_space
from shared.domain.hl7.rsp_model import Evaluation, Person, Vaccination
from shared.domain.identity import normalized_id
from shared.domain.model import Patient
from shared.domain.submission import Submission

_ORDINALS: Final = {1: "next", 2: "following"}
_NO_SUBMISSION: Final = "the ledger has no such submission"
_NO_PATIENT: Final = "the ledger has no patient with this MRN; fill in name and birth date as well"
_VALIDITY: Final = {"Y": "valid", "N": "not valid"}


def newest_submission(application: Application, msh_10: str, mrn: str, source: str = "") -> Submission | str:
    """Return the submission with this MSH-10, else the newest one of the patient with this record number.

    Args:
        application: The application of the stage.
        msh_10: An MSH-10; empty where a record number is given.
        mrn: A record number, as the EHR or the message writes it.
        source: The source that the record number comes from; empty where that is not known.

    Returns:
        The submission, or why there is none: nobody has the number, or patients of two EHRs have it.
    """
    msh_10s = [msh_10] if msh_10 else application.ledger.search_keys.find("mrn", normalized_id(mrn))
    submissions = [one for one in application.ledger.submissions.many(msh_10s) if source in ("", one.source)]
    sources = application.configurations.current().sources
    spaces = {number_space(sources[one.source]) if one.source in sources else one.source for one in submissions}
    if len(spaces) > 1:
        return f"{' and '.join(sorted(spaces))} both have a patient with this MRN; name the source"
    if not submissions:
        return _NO_SUBMISSION if msh_10 else _NO_PATIENT
    return max(submissions, key=lambda submission: submission.created)


def search_fields(patient: Patient) -> str:
    """Name the fields that a query has for the patient, without their values, for the audit trail."""
    fields = {"record number": patient.mrn, "name": patient.name, "birth date": patient.birth_date, "sex": patient.sex}
    return ", ".join(field for field, value in fields.items() if value)


def describe_person(person: Person) -> str:
    """Return name, birth date, sex and ids of a person in one line."""
    name = person.name
    ids = ", ".join(f"{identifier.type or 'id'} {identifier.id}" for identifier in person.ids)
    born = f"born {person.birth_date} {person.sex}"
    return f"{name.family}, {name.given} {name.middle}".strip() + f", {born}; {ids}"


def describe_vaccine(vaccination: Vaccination) -> str:
    """Return name and CVX code of the vaccine; another code where it has none."""
    vaccine = vaccination.vaccine
    is_alternate = vaccination.cvx == vaccine.alternate_code
    name = (vaccine.alternate_text if is_alternate else "") or vaccine.text or vaccine.alternate_text
    return f"{name} ({vaccination.cvx})".strip()


def describe_completion(vaccination: Vaccination) -> str:
    """Return the completion status, with the reason where the dose was refused, and that the IIS deleted it."""
    words = (vaccination.completion, vaccination.refusal_reason.text, "deleted" if vaccination.action == "D" else "")
    return " ".join(filter(None, words))


def describe_evaluation(evaluation: Evaluation) -> str:
    """Say which dose of which series a vaccination counts as, whether it is valid, and why."""
    words = [evaluation.vaccine.text or evaluation.vaccine.code]
    words += [f"dose {evaluation.dose_number}"] if evaluation.dose_number else []
    words += [_VALIDITY.get(evaluation.validity, evaluation.validity)] if evaluation.validity else []
    words += [reason.text or reason.code for reason in evaluation.reasons]
    return " ".join(words)


def ordinal(number: int) -> str:
    """Return the position of a recommended dose among those of its vaccine: next, following, then a number."""
    return _ORDINALS.get(number, f"{number}th")
