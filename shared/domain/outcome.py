"""The outcome of a submission: everything that reports count, without patient data.

There is one per submission, written when its final answer is known or when it is held. It is computed from the stored
submission alone, so processing a redelivered reference yields an equal outcome (ADR 0011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from shared.domain import faults, identity
from shared.domain.hl7.message import parse
from shared.domain.lifecycle import IN_FLIGHT, State
from shared.domain.model import Action, Completion, Dose, Patient
from shared.domain.submission import Attempt, Submission

ANSWERED: Final = frozenset(
    {State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN}
)
"""States of an attempt whose message reached the IIS, or may have (see `may_have_arrived`)."""

ADMINISTERED: Final = "administered here"
HISTORICAL: Final = "historical"
REFUSED_BY_PATIENT: Final = "refused by the patient"
NOT_ADMINISTERED: Final = "not administered"
DELETED: Final = "deleted"
KINDS: Final = (ADMINISTERED, HISTORICAL, REFUSED_BY_PATIENT, NOT_ADMINISTERED, DELETED)
"""The kinds of a dose, from RXA-20 (HL7 table 0322), RXA-9 (NIP001) and RXA-21 (table 0323)."""

_AGES: Final = ((2, "0 to 1"), (7, "2 to 6"), (19, "7 to 18"), (65, "19 to 64"), (200, "65 and older"))
AGES: Final = tuple(label for _, label in _AGES)
"""Age bands at the dose, in years. VFC ends at the 19th birthday."""

ADULT_AGES: Final = tuple(label for limit, label in _AGES if limit > 19)

PATIENT_FIELDS: Final[dict[str, Callable[[Patient], object]]] = {
    "PID-3 record number": lambda patient: patient.mrn,
    "PID-5 name": lambda patient: patient.name.family and patient.name.given,
    "PID-6 mother's maiden name": lambda patient: patient.mothers_maiden_name,
    "PID-7 birth date": lambda patient: patient.birth_date,
    "PID-8 sex": lambda patient: patient.sex,
    "PID-10 race": lambda patient: patient.races,
    "PID-11 address": lambda patient: patient.addresses,
    "PID-13 telephone or e-mail": lambda patient: patient.telecoms,
    "PID-22 ethnicity": lambda patient: patient.ethnicity,
    "NK1 next of kin": lambda patient: patient.next_of_kin,
}
"""Fields of the patient whose presence reports count → a value that is false where the field is absent."""

DOSE_FIELDS: Final[dict[str, Callable[[Dose], object]]] = {
    "RXA-5 vaccine": lambda dose: dose.vaccine or dose.ndc,
    "RXA-6 amount": lambda dose: dose.amount,
    "RXA-10 administered by": lambda dose: dose.administered_by,
    "RXA-15 lot": lambda dose: dose.lot,
    "RXA-16 expiry": lambda dose: dose.expiry,
    "RXA-17 manufacturer": lambda dose: dose.manufacturer,
    "RXR-1 route": lambda dose: dose.route,
    "RXR-2 site": lambda dose: dose.site,
    "OBX 64994-7 eligibility": lambda dose: dose.eligibility,
    "OBX 30963-3 funding source": lambda dose: dose.funding_source,
    "OBX 69764-9 information statement": lambda dose: dose.vis,
}
"""Fields of a dose administered here whose presence reports count → a value that is false where it is absent."""


class DoseOutcome(msgspec.Struct, frozen=True, gc=False):
    """One dose of an outcome.

    Attributes:
        kind: one of `KINDS`.
        vaccine: CVX code; NDC or the EHR's code where there is none.
        lot: lot number, normalized by `lot_key`.
        eligibility: code of the funding eligibility.
        age: one of `AGES`; empty where it is not known.
        delay: whole days from the dose to its report; None where it is not known.
        absent: keys of `DOSE_FIELDS` that are absent.
    """

    kind: str
    vaccine: str
    lot: str = ""
    eligibility: str = ""
    age: str = ""
    delay: int | None = None
    absent: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one submission.

    Attributes:
        msh_10: the submission's message control id.
        clinic: the clinic's key.
        source: the source's name.
        state: HELD, or the state of the final answer. It stays when a correction supersedes the submission.
        when: start of the attempt that was answered (UTC); the creation time of a held submission.
        rows: rows of the export.
        is_correction: whether the submission replaces another one.
        attempts: number of attempts.
        seconds: answer time of the IIS in seconds.
        msa_1: MSA-1 of the ACK.
        fault: code of the delivery fault.
        causes: causes as in the worklist.
        errors: (severity of HL7 table 0516, code, path) of each ERR segment.
        facility: RXA-11.4, or MSH-4 where there is none; empty where no message was built.
        profile: MSH-21.1; empty where no message was built.
        doses: the doses.
        absent: keys of `PATIENT_FIELDS` that are absent.
    """

    msh_10: str
    clinic: str
    source: str
    state: State
    when: datetime
    rows: int
    is_correction: bool = False
    attempts: int = 0
    seconds: float = 0.0
    msa_1: str = ""
    fault: str = ""
    causes: tuple[str, ...] = ()
    errors: tuple[tuple[str, str, str], ...] = ()
    facility: str = ""
    profile: str = ""
    doses: tuple[DoseOutcome, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        return self.when.date()


def outcome_of(submission: Submission, causes: tuple[str, ...]) -> Outcome | None:
    """Return the outcome; None while the submission waits, or where it was overtaken before it was sent.

    An UNKNOWN attempt counts as ACCEPTED, on its day, once a query proved that the IIS has the submission.

    Args:
        submission: the submission.
        causes: causes as in the worklist: why it needs a person, or the IIS's warnings.
    """
    final = next((attempt for attempt in reversed(submission.attempts) if may_have_arrived(attempt)), None)
    if final is None and submission.state is not State.HELD and (submission.attempts or submission.state in IN_FLIGHT):
        return None
    proven = final is not None and final.state is State.UNKNOWN and submission.state is State.ACCEPTED
    when = (final.started if final else submission.created).astimezone(UTC)
    answer = final or Attempt(0, when, 0.0, State.HELD)
    facility, profile = _from_message(submission.vxu)
    return Outcome(
        msh_10=submission.msh_10,
        clinic=submission.clinic,
        source=submission.source,
        state=State.ACCEPTED if proven else answer.state,
        when=when,
        rows=submission.row_count,
        is_correction=submission.replaces != "",
        attempts=len(submission.attempts),
        seconds=answer.seconds,
        msa_1=answer.msa_1,
        fault=faults.cause_of_unknown(submission.attempts) if answer.state is State.UNKNOWN else answer.fault,
        causes=() if proven else causes,
        errors=tuple((error.severity, error.application_code or error.code, error.path) for error in answer.errors),
        facility=facility,
        profile=profile,
        doses=tuple(_dose(dose, submission.visit.patient, when.date()) for dose in submission.visit.doses),
        absent=tuple(name for name, value in PATIENT_FIELDS.items() if not value(submission.visit.patient)),
    )


def may_have_arrived(attempt: Attempt) -> bool:
    """Whether the message of this attempt reached the IIS, or may have."""
    return attempt.state in ANSWERED and (attempt.state is not State.UNKNOWN or faults.is_doubtful(attempt))


def _dose(dose: Dose, patient: Patient, reported: date) -> DoseOutcome:
    kind = kind_of(dose)
    given, born = _date(dose.date), _date(patient.birth_date)
    return DoseOutcome(
        kind=kind,
        vaccine=dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code,
        lot=lot_key(dose.lot),
        eligibility=dose.eligibility.code,
        age=_age(born, given) if born and given else "",
        delay=(reported - given).days if given else None,
        absent=tuple(name for name, value in DOSE_FIELDS.items() if not value(dose)) if kind == ADMINISTERED else (),
    )


def kind_of(dose: Dose) -> str:
    """Return what a dose says happened, one of `KINDS`."""
    if dose.action is Action.DELETE:
        return DELETED
    if dose.completion is Completion.REFUSED:
        return REFUSED_BY_PATIENT
    if dose.completion is Completion.NOT_ADMINISTERED:
        return NOT_ADMINISTERED
    return ADMINISTERED if dose.is_administered_here else HISTORICAL


def lot_key(lot: str) -> str:
    """Normalize a lot number for comparison: upper case, without white space."""
    return "".join(lot.split()).upper()


def _date(text: str) -> date | None:
    """Parse an HL7 date of at least `YYYYMMDD`; None for any other text."""
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _age(born: date, given: date) -> str:
    years = given.year - born.year - ((given.month, given.day) < (born.month, born.day))
    return next((label for limit, label in _AGES if 0 <= years < limit), "")


def _from_message(vxu: str) -> tuple[str, str]:
    """Return the facility (RXA-11.4 of the first dose that names one, else MSH-4) and the profile (MSH-21)."""
    message = parse(vxu)
    msh = message.first("MSH")
    facilities = (rxa.text(11, 4) for rxa in message.named("RXA"))
    return next(filter(None, facilities), msh.text(4)), msh.text(21)


def search_terms(submission: Submission) -> Iterator[tuple[str, str]]:
    """Yield (kind, value) by which a search finds the submission: `mrn`, `orc_3`, `lot`.

    Ids are yielded as the EHR writes them, and as the message does where it shortens them.
    """
    visit, prefix = submission.visit, submission.visit.numbering.prefix
    if visit.patient.mrn:
        yield from dict.fromkeys((("mrn", visit.patient.mrn), ("mrn", identity.pid_3(visit.patient.mrn, prefix))))
    for dose in visit.doses:
        if dose.id:
            yield from dict.fromkeys((("orc_3", dose.id), ("orc_3", identity.orc_3(dose.id, prefix))))
        if dose.lot:
            yield "lot", lot_key(dose.lot)


class SearchTerm(msgspec.Struct, frozen=True, gc=False):
    """A value that a search can look up, and the MSH-10s of the submissions that have it."""

    kind: str
    value: str
    msh_10s: tuple[str, ...]


def collect_search_terms(submissions: Iterable[Submission]) -> list[SearchTerm]:
    """Return the search terms of submissions, each term once with all submissions that have it."""
    by_term: dict[tuple[str, str], list[str]] = {}
    for submission in submissions:
        for term in dict.fromkeys(search_terms(submission)):
            by_term.setdefault(term, []).append(submission.msh_10)
    return [SearchTerm(kind, value, tuple(msh_10s)) for (kind, value), msh_10s in by_term.items()]
