"""Reads what the IIS answered to a VXU: an outcome with located errors, or the code of a fault.

Nothing that an IIS can send raises: other messages, a second ACK or no ACK at all are answers too (`answers` finds the
messages). The outcome follows from ERR-4 and ERR-2 per order group and from the IIS's profile, never from MSA-1 alone
(IG R1.5, chapter 3, table 3-1). An answer without our MSH-10 in MSA-2 proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from shared.domain.answers import Message, Syntax, messages
from shared.domain.iis_profiles import IisProfile
from shared.domain.lifecycle import Event
from shared.domain.model import Dose
from shared.domain.submission import AckError
from shared.domain.vxu import Location, locate

NOT_AN_ACK: Final = "NOT-AN-ACK"
WRONG_MSA_2: Final = "WRONG-MSA-2"
SECURITY_FAULT: Final = "SECURITY-FAULT"
IIS_INTERNAL_ERROR: Final = "IIS-INTERNAL-ERROR"

MAX_CAUSES: Final = 12


@dataclass(frozen=True, slots=True)
class AckReading:
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


# MSA-1 in original and enhanced mode (table 0008).
_ACCEPTING: Final = frozenset({"AA", "CA"})
_REJECTING: Final = frozenset({"AR", "CR"})
_GRAVITY: Final = {"AA": 0, "CA": 0, "AE": 1, "CE": 1, "AR": 2, "CR": 2}

_ORDER_SEGMENTS: Final = frozenset({"ORC", "RXA", "RXR", "OBX", "NTE", "TQ1", "TQ2"})
# Outside the groups and not required: the IIS leaves them out and keeps the rest (IG, table 3-1).
_OPTIONAL_SEGMENTS: Final = frozenset({"SFT", "PD1", "NK1", "PV1", "PV2", "GT1", "IN1", "IN2", "IN3"})
_SINGLE: Final = frozenset({"MSH", "PID", "PD1"})
_REPEATING: Final = _ORDER_SEGMENTS | {"NK1", "IN1", "GT1"}

_SEGMENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_TABLE_CODE: Final = re.compile(r"[0-9]{1,4}")
# A code has a digit in it; a word could be a name.
_CODE: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,23}")
_ERROR, _WARNING, _REMARK = "E", "W", "I"


def read_ack(text: str, *, msh_10: str, vxu: str, profile: IisProfile, doses: Sequence[Dose] = ()) -> AckReading | str:
    """The outcome of the answer `text` to the message `vxu` with that MSH-10, or a code of the fault catalogue.

    `doses` are the visit's, in the order of the message; with them errors name `Dose.id` and row, else ORC-3.

    Faults: NOT-AN-ACK, WRONG-MSA-2, SECURITY-FAULT, IIS-INTERNAL-ERROR.
    """
    answers = [message for message in messages(text) if message.named("MSA")]
    ours = [part for part in (_about(message, msh_10) for message in answers) if part.named("MSA")]
    if not ours:
        return _of_another(answers, profile)
    acknowledgments = [code.upper() for message in ours for code in message.leaves("MSA", 1)]
    if not _GRAVITY.keys() >= set(acknowledgments):
        return NOT_AN_ACK
    msa_1 = max(acknowledgments, key=_GRAVITY.__getitem__)
    if msa_1 not in _ACCEPTING and any(_is_security_fault(message, profile) for message in ours):
        return SECURITY_FAULT
    trace_ids = tuple(trace for message in ours for trace in _trace_ids(message, profile))
    if msa_1 in _ACCEPTING and not any(message.named("ERR") for message in ours):
        return AckReading(Event.ACCEPT, msa_1, trace_ids=trace_ids)
    return _judged(ours, msa_1, trace_ids, profile, _Orders(vxu, doses))


def _about(message: Message, msh_10: str) -> Message:
    """The message without what follows an MSA that names another message, or none."""
    segments, ours = [], True
    for fields in message.segments:
        if fields[0] == "MSA":
            ours = msh_10 != "" and len(fields) > 2 and message.syntax.text(fields[2]) == msh_10
        if ours:
            segments.append(fields)
    return Message(message.syntax, segments)


def _of_another(answers: list[Message], profile: IisProfile) -> str:
    """The fault of an answer that does not name our message.

    WebIZ refuses an account before it reads the message, so its refusal may lack MSA-2; nothing is stored then.
    """
    for message in answers:
        if not any(message.leaves("MSA", 2)) and _is_security_fault(message, profile):
            return SECURITY_FAULT
    return WRONG_MSA_2 if answers else NOT_AN_ACK


def _judged(
    ours: list[Message], msa_1: str, trace_ids: tuple[str, ...], profile: IisProfile, orders: _Orders
) -> AckReading | str:
    found = [
        error
        for message in ours
        for fields in message.named("ERR")
        for error in _errors(fields, message.syntax, msa_1, profile, orders)
    ]
    grave = [one for one in found if one.error.severity == _ERROR]
    event, dropped = _outcome(found, grave, msa_1, profile, orders)
    if msa_1 not in _ACCEPTING and event is not Event.ACCEPT_PARTLY and _failed_itself(ours, grave, profile):
        return IIS_INTERNAL_ERROR
    # Errors before warnings; a remark is no cause.
    causes = dict.fromkeys(one.cause for one in grave)
    causes.update(dict.fromkeys(one.cause for one in found if one.error.severity == _WARNING))
    if event is not Event.ACCEPT and not causes:
        causes[msa_1] = None
    return AckReading(
        event,
        msa_1,
        errors=tuple(one.error for one in found),
        trace_ids=trace_ids,
        causes=tuple(causes)[:MAX_CAUSES],
        dropped=dropped,
    )


def _failed_itself(ours: list[Message], grave: list[_Found], profile: IisProfile) -> bool:
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


def _outcome(
    found: list[_Found], grave: list[_Found], msa_1: str, profile: IisProfile, orders: _Orders
) -> tuple[Event, tuple[str, ...]]:
    """The event, and the ids of the doses that the IIS did not store."""
    if msa_1 in _REJECTING:
        return Event.REFUSE, orders.ids
    if not grave:
        if msa_1 not in _ACCEPTING:
            event = profile.remarked_error if found else profile.bare_error
            return event, orders.ids if event is Event.REFUSE else ()
        warned = any(one.error.severity == _WARNING for one in found)
        return (Event.ACCEPT_WITH_WARNINGS if warned else Event.ACCEPT), ()
    lost: set[int] = set()
    somewhere = False
    for one in grave:
        segment = one.error.segment
        if segment in _ORDER_SEGMENTS or (segment == "" and one.drops_group):
            if one.group is None:
                somewhere = True
            else:
                lost.add(one.group)
        elif segment not in _OPTIONAL_SEGMENTS:
            return Event.REFUSE, orders.ids
    if len(orders.ids) == len(lost) and lost:
        return Event.REFUSE, orders.ids
    # Where the ACK does not say which group was dropped, a person has to look at each.
    return Event.ACCEPT_PARTLY, orders.ids if somewhere else tuple(orders.ids[group] for group in sorted(lost))


# ERR ------------------------------------------------------------------------------------------------------------------


class _Orders:
    """The ORDER groups of our message, by position: which dose each stands for. The VXU is read when first asked."""

    def __init__(self, vxu: str, doses: Sequence[Dose]) -> None:
        self._vxu = vxu
        self._doses = doses

    @cached_property
    def location(self) -> Location:
        return locate(self._vxu)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(dose.id for dose in self._doses) if self._are_told else self.location.orders

    @property
    def _are_told(self) -> bool:
        return len(self._doses) == len(self.location.orders)

    def row(self, group: int) -> int:
        return self._doses[group].row if self._are_told else 0

    def group(self, segment: str, sequence: int) -> int | None:
        """The group of the n-th segment of that name; in a message with one group there is no doubt."""
        if segment not in _ORDER_SEGMENTS:
            return None
        return 0 if len(self.ids) == 1 else self.location.groups.get((segment, sequence))


class _Found(NamedTuple):
    """One ERR at one place, and what follows from its texts."""

    error: AckError
    cause: str
    group: int | None
    internal: bool
    drops_group: bool


class _Place(NamedTuple):
    """One repetition of ERR-2."""

    segment: str = ""
    sequence: int = 0
    field: int = 0
    repetition: int = 0
    component: int = 0


def _errors(fields: list[str], syntax: Syntax, msa_1: str, profile: IisProfile, orders: _Orders) -> list[_Found]:
    """One ERR, once per location in it."""
    at = [*fields, *[""] * (13 - len(fields))]
    if at[1] and not at[2] and not at[3]:
        at = _from_version_2_3(at, syntax)
    code, own, national, cause = _codes(at, syntax, profile)
    said = syntax.field.join(at).lower()
    drops = any(text in said for text in profile.dropping_texts)
    internal = code in profile.internal_codes or any(text in said for text in profile.internal_texts)
    severity = _ERROR if drops else _severity(syntax.text(at[4]).upper()[:1], code, msa_1)
    text = next((words for words in (syntax.text(at[n]) for n in (8, 9, 10, 7)) if words), "")
    text = text or syntax.part(at[5], 5) or syntax.part(at[3], 2)
    found = []
    for raw in at[2].split(syntax.repetition):
        place = _place(raw, syntax, orders)
        group = orders.group(place.segment, place.sequence)
        if group is None and drops and len(orders.ids) == 1:
            group = 0
        error = AckError(
            severity=severity,
            code=code,
            application_code=own or national,
            segment=place.segment,
            sequence=place.sequence,
            field=place.field,
            component=place.component,
            path=_path(place),
            text=text,
            dose_id="" if group is None else orders.ids[group],
            row=0 if group is None else orders.row(group),
        )
        where = f" {place.segment}-{place.field}" if place.field else f" {place.segment}" if place.segment else ""
        found.append(_Found(error, f"{cause}{where}", group, internal, drops))
    return found


def _from_version_2_3(at: list[str], syntax: Syntax) -> list[str]:
    """ERR-1 of older versions (segment, sequence, field, error code) as ERR-2 and ERR-3."""
    places, code = [], ""
    for raw in at[1].split(syntax.repetition):
        parts = raw.split(syntax.component)
        places.append(syntax.component.join(parts[:3]))
        code = code or "".join(parts[3:4]).replace(syntax.subcomponent, syntax.component)
    return ["ERR", "", syntax.repetition.join(places), code, *at[4:]]


def _codes(at: list[str], syntax: Syntax, profile: IisProfile) -> tuple[str, str, str, str]:
    """(ERR-3.1, the IIS's own code, ERR-5.1, the code for the worklist)."""
    code = syntax.part(at[3], 1)
    national = syntax.part(at[5], 1)
    local = syntax.part(at[5], 4)
    own = None
    if profile.own_code is not None:
        own = profile.own_code.search(at[5]) or profile.own_code.search(syntax.field.join(at))
    if own is not None:
        return code, own.group(), national, own.group()
    if _CODE.fullmatch(local):
        return code, local, national, local
    table = code if _TABLE_CODE.fullmatch(code) else ""
    if table in ("", "999") and _CODE.fullmatch(national):
        return code, local, national, f"{table or '999'}-{national}"
    return code, local, national, table or "ERR"


def _severity(given: str, code: str, msa_1: str) -> str:
    """ERR-4, else what MSA-1 suggests. Code 0 ("message accepted") is no error in an accepting ACK."""
    if given == "F":
        return _ERROR
    if given not in (_ERROR, _WARNING, _REMARK):
        given = _WARNING if msa_1 in _ACCEPTING else _ERROR
    if code == "0" and msa_1 in _ACCEPTING and given == _ERROR:
        return _REMARK
    return given


def _place(raw: str, syntax: Syntax, orders: _Orders) -> _Place:
    parts = [part.strip() for part in raw.split(syntax.component)] + [""] * 6
    segment = parts[0].upper()
    if not _SEGMENT_NAME.fullmatch(segment):
        return _Place()
    sequence = _number(parts[1])
    if sequence != 1:
        count = 1 if segment in _SINGLE else orders.location.counts.get(segment, 0)
        if sequence > 1 and (segment in _SINGLE or (parts[2] == "" and sequence > count)):
            # `PID^7`: there is no seventh PID, the sender left the sequence out.
            parts.insert(1, "")
            sequence = 0
        if sequence == 0 and count == 1:
            sequence = 1
    field, _, component = parts[2].partition(".")
    return _Place(segment, sequence, _number(field), _number(parts[3]), _number(parts[4]) or _number(component))


def _number(text: str) -> int:
    return int(text) if len(text) < 6 and text.isascii() and text.isdigit() else 0


def _path(place: _Place) -> str:
    if not place.segment:
        return ""
    path = place.segment
    if place.sequence and place.segment in _REPEATING:
        path += f"[{place.sequence}]"
    if place.field:
        path += f"-{place.field}"
        if place.repetition > 1:
            path += f"[{place.repetition}]"
        if place.component:
            path += f".{place.component}"
    return path


# Other segments -------------------------------------------------------------------------------------------------------


def _is_security_fault(message: Message, profile: IisProfile) -> bool:
    return profile.security_code != "" and any(
        profile.security_code in field for fields in message.segments if fields[0] in ("ERR", "MSA") for field in fields
    )


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
