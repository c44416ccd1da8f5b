"""Reads the ERR segments of an ACK: what each says, and which segment, field and dose of our VXU it means.

IISs write ERR in many ways: codes in ERR-3 or ERR-5 or in the diagnostics, locations without a sequence, ERR-1 of
older versions. This module brings all of them into one form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec

from shared.domain.hl7.account import is_account_code, refuses_account
from shared.domain.hl7.iis_profiles import ERROR, INFORMATION, WARNING, IisProfile, Verdict
from shared.domain.hl7.message import Message, Repetition, Segment, parse
from shared.domain.model import Dose
from shared.domain.submission import AckError

ORDER_SEGMENTS: Final = frozenset({"ORC", "RXA", "RXR", "OBX", "NTE", "TQ1", "TQ2"})
_SINGLE: Final = frozenset({"MSH", "PID", "PD1"})
_REPEATING: Final = ORDER_SEGMENTS | {"NK1", "IN1", "GT1"}

# Some senders spell the name out: `RXA_PharmacyTreatmentAdministration`.
_SEGMENT_NAME: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?: ?[_(].*)?", re.DOTALL)
_TABLE_CODE: Final = re.compile(r"[0-9]{1,4}")
# Codes and texts, without ERR-2: a location is no statement.
_TEXT_FIELDS: Final = (3, 5, 6, 7, 8, 9, 10)
# A code has a digit in it; a word without one could be a name.
_CODE: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,23}")


class ErrorLocation(msgspec.Struct, frozen=True, gc=False):
    """One repetition of ERR-2 (data type ERL), all empty if it names no segment.

    Attributes:
        segment: Name of the segment.
        sequence: Which segment of that name, from 1; 0 if not given.
        field: Number of the field; 0 for the whole segment.
        component: Number of the component; 0 for the whole field.
        repetition: Which repetition of the field, from 1; 0 if not given.
    """

    segment: str = ""
    sequence: int = 0
    field: int = 0
    component: int = 0
    repetition: int = 0

    @property
    def path(self) -> str:
        """The location as a path: `PID-3.1`, `RXA[2]-5`."""
        path = self.segment
        if self.sequence and self.segment in _REPEATING:
            path += f"[{self.sequence}]"
        if self.field:
            path += f"-{self.field}"
            path += f"[{self.repetition}]" if self.repetition > 1 else ""
            path += f".{self.component}" if self.component else ""
        return path

    @property
    def field_path(self) -> str:
        """Segment and field (`RXA-5`), as causes name them."""
        return f"{self.segment}-{self.field}" if self.field else self.segment


class ErrSegment(msgspec.Struct, frozen=True, gc=False):
    """One ERR segment, before its locations are looked up in our message.

    Attributes:
        locations: The repetitions of ERR-2.
        severity: ERR-4, or the severity that takes effect if ERR-4 is missing or contradicts the rest.
        code: ERR-3.1 (HL7 table 0357).
        application_code: The IIS's own code, else ERR-5.4 or ERR-5.1.
        cause: The code that the worklist groups by.
        text: The error in words, which may quote PHI.
        is_internal: The IIS itself failed.
        drops_group: The IIS did not store an ORDER group.
        rejects_message: The IIS stored nothing of the message.
    """

    locations: list[Repetition]
    severity: str
    code: str
    application_code: str
    cause: str
    text: str
    is_internal: bool
    drops_group: bool
    rejects_message: bool


class LocatedError(msgspec.Struct, frozen=True, gc=False):
    """One ERR at one location in our message.

    Attributes:
        error: The error.
        cause: The cause that the worklist groups by, with the field (`WEBIZ-501 PID-3`).
        group: Position of the ORDER group that it means, from 0; None if it means none.
        err: The ERR segment.
    """

    error: AckError
    cause: str
    group: int | None
    err: ErrSegment


class OrderGroups:
    """The ORDER groups of our message, in order, and the dose of each."""

    def __init__(self, vxu: str, doses: Sequence[Dose]) -> None:
        """Keep the message; it is taken apart when an error asks for it, because most ACKs have none.

        Args:
            vxu: Our message.
            doses: The doses that it was built of, in order. Without them a group is known by its ORC-3.
        """
        self._vxu = vxu
        self._given_doses = doses

    @cached_property
    def _message(self) -> Message:
        return parse(self._vxu)

    @cached_property
    def _doses(self) -> list[tuple[str, int]]:
        if self._given_doses:
            return [(dose.id, dose.row) for dose in self._given_doses]
        return [(orc.text(3), 0) for orc in self._message.named("ORC")]

    def __len__(self) -> int:
        return len(self._doses)

    @property
    def dose_ids(self) -> tuple[str, ...]:
        return tuple([dose_id for dose_id, _ in self._doses])

    def dose(self, group: int) -> tuple[str, int]:
        """Return the dose id and the row (0 if unknown) of a group."""
        return self._doses[group]

    def count(self, segment: str) -> int:
        """Return how many segments of that name our message has."""
        return len(self._message.named(segment))

    def group_of(self, segment: str, sequence: int) -> int | None:
        """Return the position of the group that has the n-th (from 1) segment of that name, if one has.

        In a message with one group every segment of an order is in it, whatever the sequence.
        """
        if segment not in ORDER_SEGMENTS:
            return None
        if len(self) == 1:
            return 0
        group, count = -1, 0
        for one in self._message.segments:
            group += one.name == "ORC"
            count += group >= 0 and one.name == segment
            if 0 < count == sequence:
                return group
        return None


# one ERR --------------------------------------------------------------------------------------------------------------


def read_err(err: Segment, verdict: Verdict, profile: IisProfile) -> ErrSegment:
    """Read one ERR segment of an ACK with that MSA-1."""
    if err.raw(1) and not err.raw(2) and not err.raw(3):
        err = _from_version_2_3(err)
    code, application_code, cause = _codes(err, profile)
    texts = [text for number in _TEXT_FIELDS if (text := err.value(number))]
    drops_group, rejects_message = (
        says(pattern, texts, profile) for pattern in (profile.dropping_text, profile.rejecting_text)
    )
    return ErrSegment(
        locations=err.repetitions(2) or [err.first(2)],
        severity=ERROR if drops_group or rejects_message else _severity(err, code, verdict),
        code=code,
        application_code=application_code,
        cause=cause,
        text=_text(err),
        is_internal=code in profile.internal_codes or any(map(profile.internal_text.search, texts)),
        drops_group=drops_group,
        rejects_message=rejects_message,
    )


def says(pattern: re.Pattern[str], texts: Sequence[str], profile: IisProfile) -> bool:
    """Tell if one of the texts of an answer says that something was not stored, other than a duplicate."""
    return any(pattern.search(text) and not profile.duplicate_text.search(text) for text in texts)


def _from_version_2_3(err: Segment) -> Segment:
    """The ERR with ERR-1 of older versions (segment, sequence, field, error code) as ERR-2 and ERR-3."""
    syntax = err.syntax
    locations, code = [], ""
    for repetition in err.repetitions(1):
        parts = repetition.raw.split(syntax.component)
        locations.append(syntax.component.join(parts[:3]))
        code = code or "".join(parts[3:4]).replace(syntax.subcomponent, syntax.component)
    return Segment(["ERR", "", syntax.repetition.join(locations), code, *err.fields[4:]], syntax)


def _codes(err: Segment, profile: IisProfile) -> tuple[str, str, str]:
    """ERR-3.1, the IIS's own code (else ERR-5.4 or ERR-5.1), and the code for the worklist."""
    code, national, local = err.first(3).component(1), err.first(5).component(1), err.first(5).component(4)
    if profile.own_code is not None:
        own = profile.own_code.search(err.raw(5)) or profile.own_code.search(err.line)
        # A code of the account that stands in a text may be quoted from a comment of our message.
        if own is not None and (not is_account_code(own.group(), profile) or refuses_account(err, profile)):
            return code, own.group(), own.group()
    if _CODE.fullmatch(local):
        return code, local, local
    table = code if _TABLE_CODE.fullmatch(code) else ""
    if table == "0" and _CODE.fullmatch(national):
        # ERR-3 says "message accepted"; the remark is in ERR-5.
        return code, local or national, national
    if table in ("", "999") and _CODE.fullmatch(national):
        return code, local or national, f"{table or '999'}-{national}"
    return code, local or national, table or "ERR"


def _severity(err: Segment, code: str, verdict: Verdict) -> str:
    """ERR-4, or what MSA-1 suggests. Code 0 ("message accepted") is no error in an accepting ACK."""
    err_4 = err.value(4).upper()[:1]
    if err_4 == "F":
        return ERROR
    if err_4 not in (ERROR, WARNING, INFORMATION):
        err_4 = WARNING if verdict.accepts else ERROR
    if code == "0" and verdict.accepts and err_4 == ERROR:
        return WARNING if err.raw(5) else INFORMATION
    return err_4


def _text(err: Segment) -> str:
    """The error in words, from the first field that has any."""
    texts = (*(err.value(number) for number in (8, 9, 10, 7)), err.first(5).component(5), err.first(3).component(2))
    return next(filter(None, texts), "")


# where it is ----------------------------------------------------------------------------------------------------------


def locate(err: ErrSegment, orders: OrderGroups) -> list[LocatedError]:
    """Look up the locations of an ERR in our message."""
    return [_located(err, _location(repetition, orders), orders) for repetition in err.locations]


def _located(err: ErrSegment, location: ErrorLocation, orders: OrderGroups) -> LocatedError:
    group = orders.group_of(location.segment, location.sequence)
    if group is None and err.drops_group and len(orders) == 1:
        group = 0
    dose_id, row = orders.dose(group) if group is not None else ("", 0)
    error = AckError(
        severity=err.severity,
        code=err.code,
        application_code=err.application_code,
        segment=location.segment,
        sequence=location.sequence,
        field=location.field,
        component=location.component,
        path=location.path,
        text=err.text,
        dose_id=dose_id,
        row=row,
    )
    cause = f"{err.cause} {location.field_path}" if location.segment else err.cause
    return LocatedError(error, cause, group, err)


def _location(erl: Repetition, orders: OrderGroups) -> ErrorLocation:
    """The location, with a sequence that is missing or odd corrected by what our message has.

    Some senders leave the sequence out without its separator: `PID^7` is PID-7, because there is no seventh PID.
    """
    parts = [erl.component(number) for number in range(1, 6)]
    segment = segment_name(parts[0])
    if not segment:
        return ErrorLocation()
    sequence = _number(parts[1])
    if sequence != 1:
        count = 1 if segment in _SINGLE else orders.count(segment)
        if sequence > 1 and (segment in _SINGLE or (parts[2] == "" and sequence > count)):
            parts.insert(1, "")
            sequence = 0
        if sequence == 0 and count == 1:
            sequence = 1
    # WebIZ writes field and component as one (`11.4`).
    field, _, component = parts[2].partition(".")
    return ErrorLocation(
        segment,
        sequence,
        field=_number(field),
        repetition=_number(parts[3]),
        component=_number(parts[4]) or _number(component),
    )


def segment_name(text: str) -> str:
    """Return the segment that ERL.1 names, or an empty text where it names none."""
    match = _SEGMENT_NAME.fullmatch(text.upper())
    return match[1] if match else ""


def _number(text: str) -> int:
    return int(text) if len(text) < 6 and text.isascii() and text.isdigit() else 0
