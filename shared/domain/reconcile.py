"""Compares the history that an IIS returns for a patient with the doses that we reported. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain import identity
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.message import parse
from shared.domain.hl7.rsp_model import Match, Response, Vaccination, cvx_of
from shared.domain.lifecycle import State
from shared.domain.model import Action, Dose
from shared.domain.outcome import lot_key
from shared.domain.submission import Submission

_REPORTED = frozenset({State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, State.PARTLY_ACCEPTED, State.UNKNOWN})


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

    Vaccinations with the same date and CVX code (`8` is `08`) are the same; they differ where both have a lot and the
    lots are not equal. Of the rest, vaccinations with the same lot are the same if they also have the same date or the
    same CVX code. Only given doses are compared: not refusals, and not doses that either side deleted.

    Args:
        reported: The patient's submissions.
        response: The answer of the IIS.

    Returns:
        One line for each vaccination, those that we reported first.
    """
    theirs = [vaccination for vaccination in response.vaccinations if vaccination.is_there]
    lines: list[Line] = []
    unmatched: list[tuple[Submission, Dose]] = []
    for submission, dose in _ours(reported):
        candidates = [vaccination for vaccination in theirs if _key(vaccination) == (dose.date, cvx_of(dose.vaccine))]
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


def doses_in_doubt(submission: Submission) -> tuple[Dose, ...]:
    """Return the doses that the IIS may have stored or not: all of an UNKNOWN submission, the unproven of another."""
    doses = submission.visit.doses
    if submission.state is State.UNKNOWN:
        return doses
    unproven = submission.unproven
    return tuple(dose for dose in doses if dose.id in unproven)


def doubt(submission: Submission) -> str:
    """Say which doses may be stored at the IIS or not, and what to do; empty if none is in doubt."""
    count, total = len(doses_in_doubt(submission)), len(submission.visit.doses)
    if not count:
        return ""
    which = "its doses are" if count == total else f"{count} of its {total} doses are"
    return f"nothing proves that {which} stored at the IIS; `vaxline reconcile {submission.msh_10}` asks"


def proves(unknown: Submission, others: Sequence[Submission], response: Response, profile: IisProfile) -> bool:
    """Whether an answer proves that the IIS stored the doses of a submission that are in doubt.

    It does if nothing else can explain the answer: the IIS has the patient under our record number and its authority;
    every dose in doubt was given here and is in the answer with our date, CVX code and lot; and no other submission
    that may have reached the IIS reported the dose.

    Args:
        unknown: The submission in doubt.
        others: All submissions for the patient.
        response: The answer of the IIS.
        profile: How this IIS answers.
    """
    patient = response.patient
    doses = doses_in_doubt(unknown)
    if response.match is not Match.FOUND or patient is None or not doses:
        return False
    record_numbers = {(one.id, one.authority.upper()) for one in patient.ids if one.type == "MR"}
    if not record_numbers & _our_numbers(unknown, profile):
        return False
    reported_elsewhere = {
        dose.id
        for other in others
        if other.msh_10 != unknown.msh_10 and other.attempt_count
        for dose in other.visit.doses
    }
    at_the_iis = {(*_key(one), lot_key(one.lot)) for one in response.vaccinations if one.is_there}
    return all(
        dose.is_administered_here
        and dose.action is not Action.DELETE
        and dose.lot != ""
        and dose.id not in reported_elsewhere
        and (dose.date, cvx_of(dose.vaccine), lot_key(dose.lot)) in at_the_iis
        for dose in doses
    )


def _our_numbers(submission: Submission, profile: IisProfile) -> set[tuple[str, str]]:
    """Our record number with each authority under which the IIS may have it: PID-3.4, or MSH-4 where it files so."""
    message = parse(submission.vxu)
    authorities = {message.first("PID").first(3).authority(4)}
    if profile.files_patients_by_sender:
        sender = message.first("MSH").first(4)
        authorities |= {sender.component(1) or sender.component(2)}
    number = identity.pid_3(submission.visit.patient.mrn, submission.visit.numbering.prefix)
    return {(number, authority.upper()) for authority in authorities if number and authority}


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
    return same_lot and (date == dose.date or cvx == cvx_of(dose.vaccine))


def _key(vaccination: Vaccination) -> tuple[str, str]:
    return vaccination.date[:8], vaccination.cvx


def _our_side(dose: Dose) -> Side:
    return Side(dose.date, cvx_of(dose.vaccine), dose.lot)


def _their_side(vaccination: Vaccination) -> Side:
    return Side(*_key(vaccination), vaccination.lot)
