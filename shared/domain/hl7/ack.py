"""Reads what the IIS answered to a VXU: an outcome with located errors, or the code of a fault.

Nothing that an IIS can send raises: other messages, a second ACK or no ACK at all are answers too. The outcome follows
from ERR-4 and ERR-2 per ORDER group and from the IIS's profile, never from MSA-1 alone (IG R1.5, chapter 3, table
3-1). An answer without our MSH-10 in MSA-2 proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.hl7.ack_errors import (
    ACCEPTING,
    ERROR,
    ORDER_SEGMENTS,
    WARNING,
    LocatedError,
    OrderGroups,
    locate,
    read_err,
)
from shared.domain.hl7.extract import extract_messages
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.message import Message, Segment
from shared.domain.lifecycle import Event
from shared.domain.model import Dose
from shared.domain.submission import AckError

NOT_AN_ACK: Final = "NOT-AN-ACK"
WRONG_MSA_2: Final = "WRONG-MSA-2"
SECURITY_FAULT: Final = "SECURITY-FAULT"
IIS_INTERNAL_ERROR: Final = "IIS-INTERNAL-ERROR"

MAX_CAUSES: Final = 12

_REJECTING: Final = frozenset({"AR", "CR"})
# MSA-1 in original and enhanced mode (HL7 table 0008), by how grave it is; an unknown one is graver than all.
_GRAVITY: Final = {"AA": 0, "CA": 0, "AE": 1, "CE": 1, "AR": 2, "CR": 2}
_UNKNOWN_GRAVITY: Final = 3
# Outside the ORDER groups and not required: the IIS leaves them out and keeps the rest (IG R1.5, table 3-1).
_OPTIONAL_SEGMENTS: Final = frozenset({"SFT", "PD1", "NK1", "PV1", "PV2", "GT1", "IN1", "IN2", "IN3"})


class AckReading(msgspec.Struct, frozen=True, gc=False):
    """The content of an ACK.

    Attributes:
        event: The event that moves the submission.
        msa_1: MSA-1 as it came.
        errors: One entry per ERR and location in it, with the severity that takes effect.
        trace_ids: The IIS's own log ids, as `NAME id`.
        causes: Short stable codes without PHI (`WEBIZ-501 PID-3`), errors before warnings.
        dropped: Ids of the doses that the IIS did not store; if the ACK does not tell which, of all that it may mean.
    """

    event: Event
    msa_1: str
    errors: tuple[AckError, ...] = ()
    trace_ids: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def read_ack(text: str, *, msh_10: str, vxu: str, profile: IisProfile, doses: Sequence[Dose] = ()) -> AckReading | str:
    """Read the answer to a VXU.

    Args:
        text: The answer.
        msh_10: MSH-10 of the VXU.
        vxu: The VXU.
        profile: How this IIS answers.
        doses: The doses that the VXU was built of, in order. Without them errors name ORC-3 and no row.

    Returns:
        The outcome, or a code of the fault catalogue: NOT-AN-ACK, WRONG-MSA-2, SECURITY-FAULT, IIS-INTERNAL-ERROR.
    """
    messages = extract_messages(text)
    ours, msa_1 = _answers_to(msh_10, messages)
    if not ours:
        return _fault_of_others(messages, profile)
    if msa_1 not in _GRAVITY:
        return NOT_AN_ACK
    errs = [read_err(err, msa_1, profile) for message in ours for err in message.named("ERR")]
    refuses_account = any(err.refuses_account for err in errs) or _mentions(ours, ("MSA",), profile.security_code)
    if refuses_account and msa_1 not in ACCEPTING:
        return SECURITY_FAULT
    orders = OrderGroups(vxu, doses)
    located = [error for err in errs for error in locate(err, orders)]
    event, dropped = _outcome(located, msa_1, profile, orders)
    if event is not Event.ACCEPT_PARTLY and msa_1 not in ACCEPTING and _is_internal(ours, located, profile):
        return IIS_INTERNAL_ERROR
    return AckReading(
        event=event,
        msa_1=msa_1,
        errors=tuple([one.error for one in located]),
        trace_ids=tuple([trace_id for message in ours for trace_id in _trace_ids(message, profile)]),
        causes=_causes(located, event, msa_1),
        dropped=dropped,
    )


# which messages are about ours ----------------------------------------------------------------------------------------


def _answers_to(msh_10: str, messages: list[Message]) -> tuple[list[Message], str]:
    """The messages with our MSH-10 in an MSA, and the gravest MSA-1 of those."""
    ours: list[Message] = []
    msa_1, gravest = "", -1
    for message in messages:
        mine = [msa for msa in message.named("MSA") if _is_about(msa, msh_10)]
        for msa in mine:
            code = msa.value(1).upper()
            gravity = _GRAVITY.get(code, _UNKNOWN_GRAVITY)
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
    if _mentions(nameless, ("ERR", "MSA"), profile.security_code):
        return SECURITY_FAULT
    return WRONG_MSA_2 if acks else NOT_AN_ACK


# the outcome ----------------------------------------------------------------------------------------------------------


def _outcome(
    located: list[LocatedError], msa_1: str, profile: IisProfile, orders: OrderGroups
) -> tuple[Event, tuple[str, ...]]:
    """The event, and the ids of the doses that the IIS did not store."""
    if msa_1 in _REJECTING:
        return Event.REFUSE, orders.dose_ids
    errors = [one for one in located if one.error.severity == ERROR]
    if errors:
        return _outcome_of_errors(errors, orders)
    if msa_1 in ACCEPTING:
        has_warning = any(one.error.severity == WARNING for one in located)
        return (Event.ACCEPT_WITH_WARNINGS if has_warning else Event.ACCEPT), ()
    event = profile.remarked_error if located else profile.bare_error
    return event, orders.dose_ids if event is Event.REFUSE else ()


def _outcome_of_errors(errors: list[LocatedError], orders: OrderGroups) -> tuple[Event, tuple[str, ...]]:
    """An error in an ORDER group costs that group, in a required segment outside the groups all of the message."""
    lost: dict[int, str] = {}
    has_unknown_group = False
    for one in errors:
        segment = one.error.segment
        if segment in ORDER_SEGMENTS or (segment == "" and one.drops_group):
            if one.group is None:
                has_unknown_group = True
            else:
                lost[one.group] = one.error.dose_id
        elif segment not in _OPTIONAL_SEGMENTS:
            return Event.REFUSE, orders.dose_ids
    if lost and len(lost) == len(orders):
        return Event.REFUSE, orders.dose_ids
    if has_unknown_group:
        # The ACK does not say which group was dropped, so a person has to look at each.
        return Event.ACCEPT_PARTLY, orders.dose_ids
    return Event.ACCEPT_PARTLY, tuple([dose_id for _, dose_id in sorted(lost.items())])


def _is_internal(ours: list[Message], located: list[LocatedError], profile: IisProfile) -> bool:
    """Tell if the IIS names nothing but a failure of its own. Trace segments may say so when no ERR does."""
    errors = [one for one in located if one.error.severity == ERROR]
    if errors:
        return all(one.is_internal for one in errors)
    names = {"MSA", *profile.trace_segments}
    lines = [" ".join(one.fields).lower() for message in ours for one in message.segments if one.name in names]
    return any(text in line for line in lines for text in profile.internal_texts)


def _causes(located: list[LocatedError], event: Event, msa_1: str) -> tuple[str, ...]:
    """The causes of errors, then of warnings, each once; MSA-1 if there is none. Information is no cause."""
    causes = [one.cause for severity in (ERROR, WARNING) for one in located if one.error.severity == severity]
    if event is not Event.ACCEPT and not causes:
        causes = [msa_1]
    return tuple(dict.fromkeys(causes))[:MAX_CAUSES]


# other segments -------------------------------------------------------------------------------------------------------


def _mentions(messages: list[Message], names: tuple[str, ...], code: str) -> bool:
    """Tell if a segment of these names has the code in it. An IIS without such a code has an empty one."""
    if not code:
        return False
    return any(code in one.line for message in messages for one in message.segments if one.name in names)


def _trace_ids(message: Message, profile: IisProfile) -> list[str]:
    """The ids in field 2 of the trace segments, each with its type (CX.5)."""
    ids = [
        (repetition.component(5), repetition.component(1))
        for name in profile.trace_segments
        for segment in message.named(name)
        for repetition in segment.repetitions(2)
    ]
    return [f"{kind} {number}".strip() for kind, number in ids if number]
