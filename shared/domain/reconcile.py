"""Compares the history that an IIS returns for a patient with the doses that we reported. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain import identity
from shared.domain.hl7.rsp_model import Match, Response, Vaccination
from shared.domain.lifecycle import State
from shared.domain.model import Action, Dose
from shared.domain.outcome import lot_key
from shared.domain.submission import Submission

_REPORTED = frozenset({State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, State.PARTLY_ACCEPTED, State.UNKNOWN})
_GIVEN = frozenset({"", "CP", "PA"})


class Kind(StrEnum):
    """The result of comparing one vaccination."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING_THERE = "missing there"
    MISSING_HERE = "missing here"


@dataclass(frozen=True, slots=True)
class Side:
    """One vaccination as we reported it, or as the IIS has it. `date` is YYYYMMDD."""

    date: str
    cvx: str
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One vaccination: as we reported it, as the IIS has it (None where it is missing), and the fields that differ."""

    kind: Kind
    ours: Side | None = None
    theirs: Side | None = None
    fields: tuple[str, ...] = ()
    msh_10: str = ""


def compare(reported: Iterable[Submission], response: Response) -> tuple[Line, ...]:
    """Compare what we reported with the history of the IIS.

    Vaccinations with the same date and CVX code are the same; they differ where both have a lot and the lots are not
    equal. Of the rest, vaccinations with the same lot are the same if they also have the same date or the same CVX
    code. Only given doses are compared: not refusals, and not deleted doses.

    Args:
        reported: The patient's submissions.
        response: The answer of the IIS.

    Returns:
        One line for each vaccination, those that we reported first.
    """
    theirs = [vaccination for vaccination in response.vaccinations if vaccination.completion in _GIVEN]
    lines: list[Line] = []
    unmatched: list[tuple[Submission, Dose]] = []
    for submission, dose in _ours(reported):
        candidates = [vaccination for vaccination in theirs if _key(vaccination) == (dose.date, dose.vaccine.code)]
        # Of two with this date and vaccine, ours is the one with our lot.
        match = next((one for one in candidates if lot_key(one.lot) == lot_key(dose.lot)), next(iter(candidates), None))
        if match is None:
            unmatched.append((submission, dose))
            continue
        theirs.remove(match)
        lines.append(_line(submission, dose, match))
    for submission, dose in unmatched:
        match = next((vaccination for vaccination in theirs if _has_same_lot(dose, vaccination)), None)
        if match is None:
            lines.append(Line(Kind.MISSING_THERE, ours=_our_side(dose), msh_10=submission.msh_10))
        else:
            theirs.remove(match)
            lines.append(_line(submission, dose, match))
    return (*lines, *(Line(Kind.MISSING_HERE, theirs=_their_side(vaccination)) for vaccination in theirs))


def proves(unknown: Submission, others: Sequence[Submission], response: Response) -> bool:
    """Whether an answer proves that the IIS stored a submission whose acknowledgment was lost.

    It does if nothing else can explain the answer: the IIS has the patient under our record number; every dose was
    given here and is in the answer with our date, CVX code and lot; and no other submission that may have reached the
    IIS reported the dose.

    Args:
        unknown: The submission in doubt.
        others: All submissions for the patient.
        response: The answer of the IIS.
    """
    patient = response.patient
    if unknown.state is not State.UNKNOWN or response.match is not Match.FOUND or patient is None:
        return False
    doses = unknown.visit.doses
    record_numbers = {identifier.id for identifier in patient.ids if identifier.type == "MR"}
    number = identity.pid_3(unknown.visit.patient.mrn, unknown.visit.numbering.prefix)
    if number not in record_numbers or not doses:
        return False
    reported_elsewhere = {
        dose.id
        for other in others
        if other.msh_10 != unknown.msh_10 and other.attempt_count
        for dose in other.visit.doses
    }
    at_the_iis = {(*_key(one), lot_key(one.lot)) for one in response.vaccinations if one.completion in _GIVEN}
    return all(
        dose.is_administered_here
        and dose.action is not Action.DELETE
        and dose.lot != ""
        and dose.id not in reported_elsewhere
        and (dose.date, dose.vaccine.code, lot_key(dose.lot)) in at_the_iis
        for dose in doses
    )


def _ours(reported: Iterable[Submission]) -> list[tuple[Submission, Dose]]:
    """Return the newest report of each dose that the IIS has or may have, without deleted and dropped doses."""
    newest: dict[str, tuple[Submission, Dose]] = {}
    for submission in sorted(reported, key=lambda one: one.created):
        if submission.state not in _REPORTED:
            continue
        dropped = {dose for attempt in submission.attempts[-1:] for dose in attempt.dropped}
        for dose in submission.visit.doses:
            if dose.action is Action.DELETE:
                newest.pop(dose.id, None)
            elif dose.is_given and dose.id not in dropped:
                newest[dose.id] = (submission, dose)
    return list(newest.values())


def _line(submission: Submission, dose: Dose, vaccination: Vaccination) -> Line:
    ours, theirs = _our_side(dose), _their_side(vaccination)
    fields = [name for name in ("date", "cvx") if getattr(ours, name) != getattr(theirs, name)]
    if ours.lot and theirs.lot and lot_key(ours.lot) != lot_key(theirs.lot):
        fields.append("lot")
    return Line(Kind.DIFFERS if fields else Kind.SAME, ours, theirs, tuple(fields), submission.msh_10)


def _has_same_lot(dose: Dose, vaccination: Vaccination) -> bool:
    """Whether both have the same lot, and the same date or CVX code."""
    same_lot = lot_key(dose.lot) != "" and lot_key(dose.lot) == lot_key(vaccination.lot)
    date, cvx = _key(vaccination)
    return same_lot and (date == dose.date or cvx == dose.vaccine.code)


def _key(vaccination: Vaccination) -> tuple[str, str]:
    return vaccination.date[:8], vaccination.vaccine.code


def _our_side(dose: Dose) -> Side:
    return Side(dose.date, dose.vaccine.code, dose.lot)


def _their_side(vaccination: Vaccination) -> Side:
    return Side(*_key(vaccination), vaccination.lot)
