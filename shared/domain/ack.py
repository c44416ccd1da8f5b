"""Reads what the IIS answered to a VXU: an outcome with located errors, or the code of a fault.

Nothing that an IIS can send raises: other messages, a second ACK or no ACK at all are answers too (`answers` finds the
messages). The outcome follows from ERR-4 and ERR-2 per order group and from the IIS's profile, never from MSA-1 alone
(IG R1.5, chapter 3, table 3-1). An answer without our MSH-10 in MSA-2 proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from shared.domain.answers import Message, Syntax, messages
from shared.domain.er7 import SEGMENT_END
from shared.domain.iis_profiles import IisProfile
from shared.domain.lifecycle import Event
from shared.domain.model import Dose
from shared.domain.submission import AckError
from shared.domain.vxu import Location

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
# Characters of an ERR whose reading is kept for the next ACK that says the same.
_REMEMBERED: Final = 1_000


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
    """The ORDER groups of our message, by position: which dose each stands for."""

    def __init__(self, vxu: str, doses: Sequence[Dose]) -> None:
        self.location = Location(vxu)
        is_told = len(doses) == self.location.count("ORC")
        self.ids = tuple([dose.id for dose in doses]) if is_told else self.location.orders()
        self._rows = [dose.row for dose in doses] if is_told else [0] * len(self.ids)

    def row(self, group: int) -> int:
        return self._rows[group]

    def group(self, segment: str, sequence: int) -> int | None:
        """The group of the n-th segment of that name; in a message with one group there is no doubt."""
        if segment not in _ORDER_SEGMENTS:
            return None
        return 0 if len(self.ids) == 1 else self.location.group(segment, sequence)


class _Found(NamedTuple):
    """One ERR at one place, and what follows from its texts."""

    error: AckError
    cause: str
    group: int | None
    internal: bool
    drops_group: bool


class _Place(NamedTuple):
    """One repetition of ERR-2. `path` and `where` name it in full and for a cause.

    `is_open`: which segment is meant depends on how many our message has.
    """

    segment: str = ""
    sequence: int = 0
    field: int = 0
    component: int = 0
    path: str = ""
    where: str = ""
    is_open: bool = False


class _Said(NamedTuple):
    """What one ERR says, whichever message it answers. `places` are the repetitions of ERR-2 as they came."""

    places: tuple[str, ...]
    severity: str
    code: str
    application_code: str
    cause: str
    text: str
    internal: bool
    drops_group: bool


def _errors(fields: list[str], syntax: Syntax, msa_1: str, profile: IisProfile, orders: _Orders) -> list[_Found]:
    """One ERR, once per location in it."""
    line = syntax.field.join(fields)
    # An IIS says the same few things about most messages; what it rarely says at length is not worth the memory.
    is_short = len(line) <= _REMEMBERED
    said = (_said if is_short else _said.__wrapped__)(line, syntax, msa_1, profile)
    found = []
    for raw in said.places:
        place = (_place if is_short else _place.__wrapped__)(raw, syntax.component)
        if place.is_open:
            place = _counted(raw, syntax.component, place, orders)
        group = orders.group(place.segment, place.sequence)
        if group is None and said.drops_group and len(orders.ids) == 1:
            group = 0
        error = AckError(
            said.severity,
            said.code,
            said.application_code,
            place.segment,
            place.sequence,
            place.field,
            place.component,
            place.path,
            said.text,
            "" if group is None else orders.ids[group],
            0 if group is None else orders.row(group),
        )
        found.append(_Found(error, said.cause + place.where, group, said.internal, said.drops_group))
    return found


@lru_cache(maxsize=256)
def _said(line: str, syntax: Syntax, msa_1: str, profile: IisProfile) -> _Said:
    at = line.split(syntax.field)
    at += [""] * (13 - len(at))
    if at[1] and not at[2] and not at[3]:
        at = _from_version_2_3(at, syntax)
        line = syntax.field.join(at)
    code, own, national, cause = _codes(at, line, syntax, profile)
    line = line.lower()
    drops = _has_any(line, profile.dropping_texts)
    internal = code in profile.internal_codes or _has_any(line, profile.internal_texts)
    severity = _ERROR if drops else _severity(syntax.text(at[4]).upper()[:1], code, msa_1)
    text = syntax.text(at[8]) or syntax.text(at[9]) or syntax.text(at[10]) or syntax.text(at[7])
    text = text or syntax.part(at[5], 5) or syntax.part(at[3], 2)
    return _Said(tuple(at[2].split(syntax.repetition)), severity, code, own or national, cause, text, internal, drops)


def _has_any(line: str, texts: tuple[str, ...]) -> bool:
    return any(map(line.__contains__, texts))


def _from_version_2_3(at: list[str], syntax: Syntax) -> list[str]:
    """ERR-1 of older versions (segment, sequence, field, error code) as ERR-2 and ERR-3."""
    places, code = [], ""
    for raw in at[1].split(syntax.repetition):
        parts = raw.split(syntax.component)
        places.append(syntax.component.join(parts[:3]))
        code = code or "".join(parts[3:4]).replace(syntax.subcomponent, syntax.component)
    return ["ERR", "", syntax.repetition.join(places), code, *at[4:]]


def _codes(at: list[str], line: str, syntax: Syntax, profile: IisProfile) -> tuple[str, str, str, str]:
    """(ERR-3.1, the IIS's own code, ERR-5.1, the code for the worklist)."""
    code = syntax.part(at[3], 1)
    national = syntax.part(at[5], 1)
    local = syntax.part(at[5], 4)
    own = None
    if profile.own_code is not None:
        own = profile.own_code.search(at[5]) or profile.own_code.search(line)
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


@lru_cache(maxsize=1024)
def _place(raw: str, component: str) -> _Place:
    """One repetition of ERR-2 as it is written; of no segment where it names none."""
    parts = _parts(raw, component)
    segment = parts[0].upper()
    if not _SEGMENT_NAME.fullmatch(segment):
        return _Place()
    place = _placed(segment, _number(parts[1]), parts)
    is_plain = place.sequence > 1 and segment not in _SINGLE and parts[2] != ""
    return place._replace(is_open=not is_plain and place.sequence != 1)


def _counted(raw: str, component: str, place: _Place, orders: _Orders) -> _Place:
    """The place where its sequence is missing or odd: what our message has decides what is meant."""
    segment, sequence = place.segment, place.sequence
    parts = _parts(raw, component)
    count = 1 if segment in _SINGLE else orders.location.count(segment)
    if sequence > 1 and (segment in _SINGLE or (parts[2] == "" and sequence > count)):
        # `PID^7`: there is no seventh PID, the sender left the sequence out.
        parts.insert(1, "")
        sequence = 0
    if sequence == 0 and count == 1:
        sequence = 1
    return _placed(segment, sequence, parts)


def _parts(raw: str, component: str) -> list[str]:
    return [part.strip() for part in raw.split(component)] + [""] * 6


def _placed(segment: str, sequence: int, parts: list[str]) -> _Place:
    """The place from its components: segment, sequence, field, repetition, component."""
    field, _, component = parts[2].partition(".")
    number, repetition, leaf = _number(field), _number(parts[3]), _number(parts[4]) or _number(component)
    path = segment
    if sequence and segment in _REPEATING:
        path += f"[{sequence}]"
    if number:
        path += f"-{number}"
        if repetition > 1:
            path += f"[{repetition}]"
        if leaf:
            path += f".{leaf}"
    return _Place(segment, sequence, number, leaf, path, f" {segment}-{number}" if number else f" {segment}")


def _number(text: str) -> int:
    return int(text) if len(text) < 6 and text.isascii() and text.isdigit() else 0


# Other segments -------------------------------------------------------------------------------------------------------


def _is_security_fault(message: Message, profile: IisProfile) -> bool:
    code = profile.security_code
    return code != "" and any(
        code in SEGMENT_END.join(fields) for fields in message.segments if fields[0] in ("ERR", "MSA")
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
