"""Reads what the IIS answered to a VXU: an outcome with located errors, or the code of a fault.

Nothing that an IIS can send raises: other messages, a second ACK or no ACK at all are answers too. The outcome follows
from ERR-4 and ERR-2 per ORDER group and from the IIS's profile, never from MSA-1 alone (IG R1.5, chapter 3, table
3-1). An answer without our MSH-10 in MSA-2 proves nothing, and neither does the answer to a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.hl7.account import refuses_account
from shared.domain.hl7.ack_errors import ORDER_SEGMENTS, LocatedError, OrderGroups, locate, read_err, says
from shared.domain.hl7.extract import extract_messages
from shared.domain.hl7.iis_profiles import ERROR, INFORMATION, VERDICTS, WARNING, IisProfile, Verdict
from shared.domain.hl7.message import Message, Segment
from shared.domain.lifecycle import Event
from shared.domain.model import Dose
from shared.domain.submission import AckError

NOT_AN_ACK: Final = "NOT-AN-ACK"
WRONG_MSA_2: Final = "WRONG-MSA-2"
SECURITY_FAULT: Final = "SECURITY-FAULT"
IIS_INTERNAL_ERROR: Final = "IIS-INTERNAL-ERROR"

MAX_CAUSES: Final = 12
_UNKNOWN_GRAVITY: Final = 9


class AckReading(msgspec.Struct, frozen=True, gc=False):
    """The content of an ACK.

    Attributes:
        event: The event that moves the submission.
        msa_1: MSA-1 as it came.
        msa_3: The texts of MSA-3, which may quote PHI.
        errors: One entry per ERR and location in it, with the severity that takes effect.
        trace_ids: The IIS's own log ids, as `NAME id`.
        causes: Short stable codes without PHI (`WEBIZ-501 PID-3`), errors before warnings.
        dropped: Ids of the doses that the IIS did not store.
        unproven: Ids of the doses of which the ACK does not say whether the IIS stored them.
    """

    event: Event
    msa_1: str
    errors: tuple[AckError, ...] = ()
    trace_ids: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    msa_3: str = ""


def read_ack(text: str, *, msh_10: str, vxu: str, profile: IisProfile, doses: Sequence[Dose] = ()) -> AckReading | str:
    """Read the answer to a VXU.

    Args:
        text: The answer.
        msh_10: MSH-10 of the VXU.
        vxu: The VXU.
        profile: How this IIS answers.
        doses: The doses that the VXU was built of, in order. Without them errors name ORC-3 and no row.

    Returns:
        The outcome, or a code of the fault catalogue: NOT-AN-ACK, WRONG-MSA-2, SECURITY-FAULT, IIS-INTERNAL-ERROR,
        COMMIT-ACK.
    """
    messages = extract_messages(text)
    ours, msa_1 = _answers_to(msh_10, messages, profile)
    if not ours:
        return _fault_of_others(messages, profile)
    verdict = profile.verdicts.get(msa_1)
    if verdict is None or any(message.first("MSH").text(9).upper() not in profile.message_types for message in ours):
        return NOT_AN_ACK
    errs = [read_err(err, verdict, profile) for message in ours for err in message.named("ERR")]
    if not verdict.accepts and _refuse_account(ours, profile):
        return SECURITY_FAULT
    orders = OrderGroups(vxu, doses)
    located = [error for err in errs for error in locate(err, orders)]
    msa_3 = [text for message in ours for msa in message.named("MSA") if (text := msa.value(3))]
    rejects = any(says(pattern, msa_3, profile) for pattern in (profile.rejecting_text, profile.dropping_text))
    outcome = _Outcome(Event.REFUSE) if rejects else _outcome(located, verdict, profile, orders)
    if isinstance(outcome, str):
        return outcome
    if outcome.event is not Event.ACCEPT_PARTLY and not verdict.accepts and _is_internal(ours, located, profile):
        return IIS_INTERNAL_ERROR
    return AckReading(
        event=outcome.event,
        msa_1=msa_1,
        msa_3="; ".join(dict.fromkeys(msa_3)),
        errors=tuple([one.error for one in located]),
        trace_ids=tuple([trace_id for message in ours for trace_id in _trace_ids(message, profile)]),
        causes=_causes(located, outcome.event, msa_1),
        dropped=orders.dose_ids if outcome.event is Event.REFUSE else outcome.dropped,
        unproven=outcome.unproven,
    )


def errors_in(message: Message, *, profile: IisProfile, vxu: str = "") -> list[tuple[int, AckError]]:
    """Read the ERR segments of an answer, whoever it is for and whatever comes of it.

    Args:
        message: The answer, an ACK or an RSP.
        profile: How this IIS answers.
        vxu: The message that it answers; without it errors name no dose.

    Returns:
        Each error with the index of its ERR among the segments; an ERR with several locations gives several.
    """
    msa_1 = message.first("MSA").value(1).upper()
    verdict = profile.verdicts.get(msa_1) or VERDICTS["AE"]
    orders = OrderGroups(vxu, ())
    return [
        (index, one.error)
        for index, segment in enumerate(message.segments)
        if segment.name == "ERR"
        for one in locate(read_err(segment, verdict, profile), orders)
    ]


# which messages are about ours ----------------------------------------------------------------------------------------


def _answers_to(msh_10: str, messages: list[Message], profile: IisProfile) -> tuple[list[Message], str]:
    """The messages with our MSH-10 in an MSA, and the gravest MSA-1 of those; an unknown one is graver than all."""
    ours: list[Message] = []
    msa_1, gravest = "", -1
    for message in messages:
        mine = [msa for msa in message.named("MSA") if _is_about(msa, msh_10)]
        for msa in mine:
            code = msa.value(1).upper()
            verdict = profile.verdicts.get(code)
            gravity = verdict.gravity if verdict is not None else _UNKNOWN_GRAVITY
            if gravity > gravest:
                msa_1, gravest = code, gravity
        if mine:
            ours.append(_without_others(message, msh_10))
    return ours, msa_1


def _is_about(msa: Segment, msh_10: str) -> bool:
    return msh_10 != "" and msa.value(2) == msh_10


def _without_others(message: Message, msh_10: str) -> Message:
    """The message without each MSA that names another message, and without what follows it."""
    segments, is_ours = [], True
    for segment in message.segments:
        if segment.name == "MSA":
            is_ours = _is_about(segment, msh_10)
        if is_ours:
            segments.append(segment)
    return Message(segments)


def _fault_of_others(messages: list[Message], profile: IisProfile) -> str:
    """The fault of an answer that does not name our message.

    WebIZ refuses an account before it reads the message, so its refusal may lack MSA-2; nothing is stored then.
    """
    acks = [message for message in messages if message.named("MSA")]
    nameless = [message for message in acks if not any(msa.value(2) for msa in message.named("MSA"))]
    if _refuse_account(nameless, profile):
        return SECURITY_FAULT
    return WRONG_MSA_2 if acks else NOT_AN_ACK


# the outcome ----------------------------------------------------------------------------------------------------------


class _Outcome(msgspec.Struct, frozen=True):
    """The event of an answer, and the ids of the doses that were not stored and of those that may not have been."""

    event: Event
    dropped: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def _outcome(located: list[LocatedError], verdict: Verdict, profile: IisProfile, orders: OrderGroups) -> _Outcome | str:
    """The outcome, or the code of a fault."""
    errors = [one for one in located if one.error.severity == ERROR]
    if verdict.refuses_all or any(one.err.rejects_message for one in located):
        return _Outcome(Event.REFUSE)
    if errors:
        return _outcome_of_errors(errors, profile, orders)
    has_warning = any(one.error.severity == WARNING for one in located)
    is_remarked = has_warning if verdict.accepts else bool(located)
    result = verdict.remarked if is_remarked else verdict.bare
    return _Outcome(result) if isinstance(result, Event) else result


def _outcome_of_errors(errors: list[LocatedError], profile: IisProfile, orders: OrderGroups) -> _Outcome:
    """An error in an ORDER group costs that group, in a required segment outside the groups all of the message.

    The other groups are stored where the IIS is known to go on after an error; else nobody knows.
    """
    lost: set[int] = set()
    has_unknown_group = False
    for one in errors:
        segment = one.error.segment
        if segment in ORDER_SEGMENTS or (segment == "" and one.err.drops_group):
            if one.group is None:
                has_unknown_group = True
            else:
                lost.add(one.group)
        elif segment not in profile.optional_segments:
            return _Outcome(Event.REFUSE)
    if lost and len(lost) == len(orders):
        return _Outcome(Event.REFUSE)
    ids = orders.dose_ids
    dropped = tuple([ids[group] for group in sorted(lost)])
    if profile.goes_on and not has_unknown_group:
        return _Outcome(Event.ACCEPT_PARTLY, dropped)
    return _Outcome(
        Event.ACCEPT_PARTLY, dropped, tuple([dose_id for group, dose_id in enumerate(ids) if group not in lost])
    )


def _is_internal(ours: list[Message], located: list[LocatedError], profile: IisProfile) -> bool:
    """Tell if the IIS names nothing but a failure of its own. Trace segments may say so when no ERR does."""
    errors = [one for one in located if one.error.severity == ERROR]
    if errors:
        return all(one.err.is_internal for one in errors)
    names = {"MSA", *profile.trace_segments}
    lines = [" ".join(one.fields) for message in ours for one in message.segments if one.name in names]
    return any(map(profile.internal_text.search, lines))


def _causes(located: list[LocatedError], event: Event, msa_1: str) -> tuple[str, ...]:
    """The causes of errors, then of warnings, each once.

    Information is a cause only where the IIS says nothing else about an outcome that needs one; then MSA-1 is.
    """
    by_severity: dict[str, list[str]] = {ERROR: [], WARNING: [], INFORMATION: []}
    for one in located:
        by_severity[one.error.severity].append(one.cause)
    causes = by_severity[ERROR] + by_severity[WARNING]
    if event is not Event.ACCEPT and not causes:
        causes = by_severity[INFORMATION] or [msa_1]
    return tuple(dict.fromkeys(causes))[:MAX_CAUSES]


# other segments -------------------------------------------------------------------------------------------------------


def _refuse_account(messages: list[Message], profile: IisProfile) -> bool:
    """Tell if a segment refuses our facility, password or account."""
    return any(refuses_account(one, profile) for message in messages for one in message.segments)


def _trace_ids(message: Message, profile: IisProfile) -> list[str]:
    """The ids in field 2 of the trace segments, each with its type (CX.5)."""
    ids = [
        (repetition.component(5), repetition.component(1))
        for name in profile.trace_segments
        for segment in message.named(name)
        for repetition in segment.repetitions(2)
    ]
    return [f"{kind} {number}".strip() for kind, number in ids if number]
