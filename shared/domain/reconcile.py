"""Holds what the IIS says about a patient against what we reported, and what that proves (pure)."""

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
    """How a vaccination stands on the two sides."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING_THERE = "missing there"
    MISSING_HERE = "missing here"


@dataclass(frozen=True, slots=True)
class Side:
    """One vaccination as one side has it."""

    date: str
    cvx: str
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One vaccination: ours and theirs (None where a side does not have it), and the fields that differ."""

    kind: Kind
    ours: Side | None = None
    theirs: Side | None = None
    fields: tuple[str, ...] = ()
    msh_10: str = ""


def compare(reported: Iterable[Submission], response: Response) -> tuple[Line, ...]:
    """A line for every vaccination that was given, of ours first; refusals and deleted doses are on neither side.

    Same date and CVX is the same vaccination (it differs where both name a lot and not the same). Of what is left, the
    same lot on another day, or of another CVX on the same day, is ours told otherwise.
    """
    theirs = [one for one in response.vaccinations if one.completion in _GIVEN]
    lines: list[Line] = []
    left: list[tuple[Submission, Dose]] = []
    for submission, dose in _ours(reported):
        fitting = [one for one in theirs if _key(one) == (dose.date, dose.vaccine.code)]
        # Where two of one day and vaccine are there, the one with our lot is ours.
        found = next((one for one in fitting if lot_key(one.lot) == lot_key(dose.lot)), next(iter(fitting), None))
        if found is None:
            left.append((submission, dose))
            continue
        theirs.remove(found)
        lines.append(_line(submission, dose, found))
    for submission, dose in left:
        found = next((one for one in theirs if _is_told_otherwise(dose, one)), None)
        if found is None:
            lines.append(Line(Kind.MISSING_THERE, ours=_our_side(dose), msh_10=submission.msh_10))
        else:
            theirs.remove(found)
            lines.append(_line(submission, dose, found))
    return (*lines, *(Line(Kind.MISSING_HERE, theirs=_their_side(one)) for one in theirs))


def proves(unknown: Submission, others: Sequence[Submission], response: Response) -> bool:
    """Whether the answer proves that the IIS stored this submission, whose own answer never came.

    Only where nothing else can be why it is there: the IIS knows the patient under our record number, every dose was
    given here, is told with our date, CVX and lot, and no other submission that may have reached the IIS reported it.
    """
    patient = response.patient
    if unknown.state is not State.UNKNOWN or response.match is not Match.FOUND or patient is None:
        return False
    doses = unknown.visit.doses
    known_as = {one.id for one in patient.ids if one.type == "MR"}
    if identity.pid_3(unknown.visit.patient.mrn) not in known_as or not doses:
        return False
    elsewhere = {
        dose.id
        for other in others
        if other.msh_10 != unknown.msh_10 and other.attempt_count
        for dose in other.visit.doses
    }
    told = {(*_key(one), lot_key(one.lot)) for one in response.vaccinations if one.completion in _GIVEN}
    return all(
        dose.is_administered_here
        and dose.action is not Action.DELETE
        and dose.lot != ""
        and dose.id not in elsewhere
        and (dose.date, dose.vaccine.code, lot_key(dose.lot)) in told
        for dose in doses
    )


def _ours(reported: Iterable[Submission]) -> list[tuple[Submission, Dose]]:
    """The newest word on each dose that reached the IIS, or may have; a deleted or dropped one is not there."""
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


def _line(submission: Submission, dose: Dose, found: Vaccination) -> Line:
    ours, theirs = _our_side(dose), _their_side(found)
    fields = [name for name in ("date", "cvx") if getattr(ours, name) != getattr(theirs, name)]
    if ours.lot and theirs.lot and lot_key(ours.lot) != lot_key(theirs.lot):
        fields.append("lot")
    return Line(Kind.DIFFERS if fields else Kind.SAME, ours, theirs, tuple(fields), submission.msh_10)


def _is_told_otherwise(dose: Dose, one: Vaccination) -> bool:
    same_lot = lot_key(dose.lot) != "" and lot_key(dose.lot) == lot_key(one.lot)
    date, cvx = _key(one)
    return same_lot and (date == dose.date or cvx == dose.vaccine.code)


def _key(one: Vaccination) -> tuple[str, str]:
    return one.date[:8], one.vaccine.code


def _our_side(dose: Dose) -> Side:
    return Side(dose.date, dose.vaccine.code, dose.lot)


def _their_side(one: Vaccination) -> Side:
    return Side(*_key(one), one.lot)
