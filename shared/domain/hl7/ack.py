"""Reads what the IIS answered to a VXU: an outcome with located errors, or the code of a fault.

Nothing that an IIS can send raises: other messages, a second ACK or no ACK at all are answers too (`answers` finds the
messages). The outcome follows from ERR-4 and ERR-2 per order group and from the IIS's profile, never from MSA-1 alone
(IG R1.5, chapter 3, table 3-1). An answer without our MSH-10 in MSA-2 proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.hl7.ack_segments import (
    ACCEPTING,
    ERROR,
    ORDER_SEGMENTS,
    WARNING,
    Found,
    Orders,
    Said,
    located,
    reader,
)
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.messages import Message, messages, of_lines
from shared.domain.lifecycle import Event
from shared.domain.model import Dose
from shared.domain.submission import AckError

NOT_AN_ACK: Final = "NOT-AN-ACK"
WRONG_MSA_2: Final = "WRONG-MSA-2"
SECURITY_FAULT: Final = "SECURITY-FAULT"
IIS_INTERNAL_ERROR: Final = "IIS-INTERNAL-ERROR"

MAX_CAUSES: Final = 12

# MSA-1 in original and enhanced mode (table 0008).
_REJECTING: Final = frozenset({"AR", "CR"})
_GRAVITY: Final = {"AA": 0, "CA": 0, "AE": 1, "CE": 1, "AR": 2, "CR": 2}
_UNHEARD_OF: Final = 3
# Outside the groups and not required: the IIS leaves them out and keeps the rest (IG, table 3-1).
_OPTIONAL_SEGMENTS: Final = frozenset({"SFT", "PD1", "NK1", "PV1", "PV2", "GT1", "IN1", "IN2", "IN3"})

# Looked up once: in Python 3.11 a member of an enum costs as much as a field of the ACK.
_ACCEPT: Final = Event.ACCEPT
_ACCEPT_PARTLY: Final = Event.ACCEPT_PARTLY
_REFUSE: Final = Event.REFUSE

# The event, and the ids of the doses that the IIS did not store.
_Outcome = tuple[Event, tuple[str, ...]]


class AckReading(msgspec.Struct, frozen=True, gc=False):
    """What an ACK says. `event` moves the submission; `msa_1` is as it came.

    `errors` has one entry per ERR and location in it, with the severity that it has in effect; `trace_ids` are the
    IIS's own log ids as `NAME id`, `causes` short stable codes without PHI (`WEBIZ-501 PID-3`), errors before warnings.
    `dropped` names the doses that the IIS did not store (all that may be meant, where the ACK does not tell which).
    """

    event: Event
    msa_1: str
    errors: tuple[AckError, ...] = ()
    trace_ids: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def read_ack(text: str, *, msh_10: str, vxu: str, profile: IisProfile, doses: Sequence[Dose] = ()) -> AckReading | str:
    """The outcome of the answer `text` to the message `vxu` with that MSH-10, or a code of the fault catalogue.

    `doses` are those that the message was built of, in its order; without them errors name ORC-3, and no row.

    Faults: NOT-AN-ACK, WRONG-MSA-2, SECURITY-FAULT, IIS-INTERNAL-ERROR.
    """
    answers = messages(text)
    ours, msa_1 = _about(answers, msh_10)
    if not ours:
        return _of_another(answers, profile)
    if msa_1 not in _GRAVITY:
        return NOT_AN_ACK
    trace_ids: list[str] = []
    said: list[Said] = []
    for message in ours:
        by_name = message.by_name
        if not profile.trace_segments.isdisjoint(by_name):
            trace_ids += _trace_ids(message, profile)
        if "ERR" in by_name:
            said += reader(message.syntax, msa_1, profile).said(by_name["ERR"])
    if msa_1 not in ACCEPTING:
        if _refuses_account(ours, said, profile):
            return SECURITY_FAULT
    elif not said:
        return AckReading(_ACCEPT, msa_1, trace_ids=tuple(trace_ids))
    return _judged(ours, said, msa_1, tuple(trace_ids), profile, Orders(vxu, doses))


def _about(answers: list[Message], msh_10: str) -> tuple[list[Message], str]:
    """The messages without what follows an MSA that names another message than ours, and the gravest MSA-1; of those
    only in which an MSA names ours.
    """
    ours: list[Message] = []
    msa_1, gravest = "", -1
    for message in answers:
        syntax, mine = message.syntax, []
        named = message.by_name.get("MSA", ())
        for line in named:
            fields = line.split(syntax.field, 3)
            if msh_10 and len(fields) > 2 and (fields[2] == msh_10 or syntax.text(fields[2]) == msh_10):
                mine.append(line)
                code = fields[1]
                if code not in _GRAVITY:
                    code = syntax.text(code).upper()
                gravity = _GRAVITY.get(code, _UNHEARD_OF)
                if gravity > gravest:
                    msa_1, gravest = code, gravity
        if mine:
            ours.append(message if len(mine) == len(named) else _cut(message, mine))
    return ours, msa_1


def _cut(message: Message, mine: list[str]) -> Message:
    """The message without what follows an MSA that is not among those."""
    msas = set(message.by_name["MSA"])
    lines, is_ours = [], True
    for line in message.lines:
        if line in msas:
            is_ours = line in mine
        if is_ours:
            lines.append(line)
    return of_lines(message.syntax, message.header, lines)


def _of_another(answers: list[Message], profile: IisProfile) -> str:
    """The fault of an answer that does not name our message.

    WebIZ refuses an account before it reads the message, so its refusal may lack MSA-2; nothing is stored then.
    """
    acks = [message for message in answers if "MSA" in message.by_name]
    nameless = [message for message in acks if not any(message.leaves("MSA", 2))]
    if _has_code(nameless, profile.security_code, ("ERR", "MSA")):
        return SECURITY_FAULT
    return WRONG_MSA_2 if acks else NOT_AN_ACK


def _judged(
    ours: list[Message],
    said: list[Said],
    msa_1: str,
    trace_ids: tuple[str, ...],
    profile: IisProfile,
    orders: Orders,
) -> AckReading | str:
    errors: list[AckError] = []
    grave: list[Found] = []
    # A remark is no cause.
    causes: dict[str, None] = {}
    warned: dict[str, None] = {}
    for each in said:
        for one in each.found or located(each, orders):
            error = one.error
            errors.append(error)
            if error.severity == ERROR:
                grave.append(one)
                causes[one.cause] = None
            elif error.severity == WARNING:
                warned[one.cause] = None
    if grave or msa_1 in _REJECTING:
        event, dropped = _with_errors(grave, msa_1, orders)
    else:
        event, dropped = _without_error(errors, msa_1, profile, orders, warned=bool(warned))
    if event is not _ACCEPT_PARTLY and msa_1 not in ACCEPTING and _failed_itself(ours, grave, profile):
        return IIS_INTERNAL_ERROR
    # Errors before warnings.
    causes.update(warned)
    if event is not _ACCEPT and not causes:
        causes[msa_1] = None
    return AckReading(event, msa_1, tuple(errors), trace_ids, tuple(causes)[:MAX_CAUSES], dropped)


def _failed_itself(ours: list[Message], grave: list[Found], profile: IisProfile) -> bool:
    """Whether the IIS names nothing but a failure of its own; trace segments may say so when no ERR does."""
    if grave:
        return all(one.internal for one in grave)
    return any(
        text in " ".join(fields).lower()
        for message in ours
        for fields in message.segments
        if fields[0] == "MSA" or fields[0] in profile.trace_segments
        for text in profile.internal_texts
    )


def _without_error(
    errors: list[AckError], msa_1: str, profile: IisProfile, orders: Orders, *, warned: bool
) -> _Outcome:
    """What follows from warnings and remarks."""
    if msa_1 in ACCEPTING:
        return (Event.ACCEPT_WITH_WARNINGS if warned else _ACCEPT), ()
    event = profile.remarked_error if errors else profile.bare_error
    return event, orders.ids if event is _REFUSE else ()


def _with_errors(grave: list[Found], msa_1: str, orders: Orders) -> _Outcome:
    """What follows from errors, or from a rejection as a whole."""
    if msa_1 in _REJECTING:
        return _REFUSE, orders.ids
    lost: dict[int, str] = {}
    somewhere = False
    for one in grave:
        segment = one.error.segment
        if segment in ORDER_SEGMENTS or (segment == "" and one.drops_group):
            if one.group is None:
                somewhere = True
            else:
                lost[one.group] = one.error.dose_id
        elif segment not in _OPTIONAL_SEGMENTS:
            return _REFUSE, orders.ids
    if orders.count == len(lost) and lost:
        return _REFUSE, orders.ids
    if somewhere:
        # The ACK does not say which group was dropped, so a person has to look at each.
        return _ACCEPT_PARTLY, orders.ids
    return _ACCEPT_PARTLY, tuple(lost.values()) if len(lost) == 1 else tuple([lost[group] for group in sorted(lost)])


# Other segments -------------------------------------------------------------------------------------------------------


def _refuses_account(ours: list[Message], said: list[Said], profile: IisProfile) -> bool:
    """Whether an ERR, which was read for it already, or an MSA says so."""
    for each in said:
        if each.refuses_account:
            return True
    return _has_code(ours, profile.security_code, ("MSA",))


def _has_code(among: list[Message], code: str, names: tuple[str, ...]) -> bool:
    """Whether the code, where the IIS has one, stands in a segment of these names."""
    if code:
        for message in among:
            for name in names:
                for line in message.by_name.get(name, ()):
                    if code in line:
                        return True
    return False


def _trace_ids(message: Message, profile: IisProfile) -> list[str]:
    """The repetitions of the second field of trace segments, as type (CX.5) and id."""
    syntax, traces = message.syntax, []
    for name in profile.trace_segments:
        for fields in message.named(name):
            for raw in "".join(fields[2:3]).split(syntax.repetition):
                number = syntax.part(raw, 1)
                if number:
                    traces.append(f"{syntax.part(raw, 5)} {number}".strip())
    return traces
