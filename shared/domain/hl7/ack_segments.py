"""What the ERR segments of an ACK say, and which segment, field and dose of our message they mean.

An IIS says the same few things about most messages. So what an ERR says is read once and kept, and only what depends on
our own message is worked out for each ACK: which dose it is, and which segment where ERR-2 leaves that open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.messages import Syntax
from shared.domain.hl7.vxu import count_of, group_of, orders_of
from shared.domain.model import Dose
from shared.domain.submission import AckError

ERROR, WARNING, REMARK = "E", "W", "I"
"""ERR-4 (table 0516) as it is in effect."""

ACCEPTING: Final = frozenset({"AA", "CA"})
"""MSA-1 of a message that was taken, in original and enhanced mode (table 0008)."""

ORDER_SEGMENTS: Final = frozenset({"ORC", "RXA", "RXR", "OBX", "NTE", "TQ1", "TQ2"})
# Each ORDER group that was built here has exactly one of these.
_ONE_A_GROUP: Final = frozenset({"ORC", "RXA"})
_SINGLE: Final = frozenset({"MSH", "PID", "PD1"})
_REPEATING: Final = ORDER_SEGMENTS | {"NK1", "IN1", "GT1"}

_SEGMENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_TABLE_CODE: Final = re.compile(r"[0-9]{1,4}")
# A code has a digit in it; a word could be a name.
_CODE: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,23}")
_NO_FIELDS: Final = ("",) * 13
# An ERR of so many characters is kept for the next ACK that says the same; a longer one is not worth the memory.
_REMEMBERED: Final = 1_000


# The structs below are dataclasses in all but how they are made: an ACK has some for each ERR, and a frozen dataclass
# takes ten times as long.
class Found(msgspec.Struct, frozen=True, gc=False):
    """One ERR at one place: the error, the cause that it stands for, and the ORDER group that it means, if it does.

    `internal`: the IIS failed itself; `drops_group`: it says that it did not store the group.
    """

    error: AckError
    cause: str
    group: int | None
    internal: bool
    drops_group: bool


class Place(msgspec.Struct, frozen=True, gc=False):
    """One repetition of ERR-2, as it came in `raw`. `path` and `where` name it in full and for a cause.

    `is_open`: which segment is meant depends on how many our message has; `depends`: something about it does.
    """

    raw: str = ""
    segment: str = ""
    sequence: int = 0
    field: int = 0
    component: int = 0
    path: str = ""
    where: str = ""
    is_open: bool = False
    depends: bool = False


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one ERR says, whichever message it answers; `found` has all of it where nothing depends on that message."""

    places: tuple[Place, ...]
    severity: str
    code: str
    application_code: str
    cause: str
    text: str
    internal: bool
    drops_group: bool
    refuses_account: bool
    syntax: Syntax
    found: tuple[Found, ...] = ()


class Orders:
    """The ORDER groups of our message, by position: which dose each stands for."""

    __slots__ = ("_doses", "_orc_3s", "count", "vxu")

    def __init__(self, vxu: str, doses: Sequence[Dose]) -> None:
        self.vxu = vxu
        self._doses = doses
        self._orc_3s = () if doses else orders_of(vxu)
        self.count = len(doses) or len(self._orc_3s)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple([dose.id for dose in self._doses]) if self._doses else self._orc_3s

    def dose(self, group: int) -> tuple[str, int]:
        """The id and the row of a group's dose."""
        return (self._doses[group].id, self._doses[group].row) if self._doses else (self._orc_3s[group], 0)

    def group(self, segment: str, sequence: int) -> int | None:
        """The group of the n-th segment of that name; in a message with one group there is no doubt."""
        if segment not in ORDER_SEGMENTS:
            return None
        if self.count == 1:
            return 0
        if segment in _ONE_A_GROUP:
            return sequence - 1 if 0 < sequence <= self.count else None
        return group_of(self.vxu, segment, sequence)


def located(said: Said, orders: Orders) -> list[Found]:
    """What one ERR says about our message, once per location in it."""
    found = []
    for place in said.places:
        at = _counted(place, said.syntax, orders) if place.is_open else place
        group = orders.group(at.segment, at.sequence)
        if group is None and said.drops_group and orders.count == 1:
            group = 0
        dose_id, row = orders.dose(group) if group is not None else ("", 0)
        found.append(_found(said, at, group, dose_id, row))
    return found


def _found(said: Said, place: Place, group: int | None = None, dose_id: str = "", row: int = 0) -> Found:
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
        dose_id,
        row,
    )
    return Found(error, said.cause + place.where, group, said.internal, said.drops_group)


# what an ERR says -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def reader(syntax: Syntax, msa_1: str, profile: IisProfile) -> _Reader:
    """Reads the ERRs of ACKs with these delimiters and this MSA-1, from one kind of IIS."""
    return _Reader(syntax, msa_1, profile)


class _Reader:
    def __init__(self, syntax: Syntax, msa_1: str, profile: IisProfile) -> None:
        self._syntax, self._msa_1, self._profile = syntax, msa_1, profile
        # Few ERRs say any of these: one look for all of them.
        self._telling = profile.dropping_texts + profile.internal_texts
        self._read_once = lru_cache(maxsize=256)(self._read)
        self._codes_once = lru_cache(maxsize=256)(self._codes)
        self._place_once = lru_cache(maxsize=256)(self._place)

    def said(self, lines: list[str]) -> list[Said]:
        """What each of these ERR segments says."""
        once = self._read_once
        return [once(line) if len(line) <= _REMEMBERED else self._read(line) for line in lines]

    def _read(self, line: str) -> Said:
        syntax, profile = self._syntax, self._profile
        refuses = profile.security_code != "" and profile.security_code in line
        at = line.split(syntax.field)
        if len(at) < len(_NO_FIELDS):
            at += _NO_FIELDS[len(at) :]
        if at[1] and not at[2] and not at[3]:
            at = _from_version_2_3(at, syntax)
            line = syntax.field.join(at)
        is_short = len(line) <= _REMEMBERED
        codes, place = (self._codes_once, self._place_once) if is_short else (self._codes, self._place)
        code, application_code, cause, severity, is_own = codes(at[3], at[4], at[5])
        if not is_own and profile.own_code is not None and (own := profile.own_code.search(line)):
            application_code = cause = own.group()
        line = line.lower()
        tells = _has_any(line, self._telling)
        drops = tells and _has_any(line, profile.dropping_texts)
        internal = code in profile.internal_codes or (tells and _has_any(line, profile.internal_texts))
        text = syntax.text(at[8] or at[9] or at[10] or at[7]) or self._text(at)
        places: tuple[Place, ...]
        if syntax.repetition in at[2]:
            places = tuple([place(raw) for raw in at[2].split(syntax.repetition)])
            depends = any(one.depends for one in places)
        else:
            places = (only,) = (place(at[2]),)
            depends = only.depends
        severity = ERROR if drops else severity
        said = Said(places, severity, code, application_code, cause, text, internal, drops, refuses, syntax)
        if drops or depends:
            return said
        return msgspec.structs.replace(said, found=tuple([_found(said, one) for one in places]))

    def _text(self, at: list[str]) -> str:
        """What an ERR says in words, where the first field that may say it is blank."""
        syntax = self._syntax
        said = (syntax.text(at[8]), syntax.text(at[9]), syntax.text(at[10]), syntax.text(at[7]))
        return next(filter(None, (*said, syntax.part(at[5], 5), syntax.part(at[3], 2))), "")

    def _codes(self, err_3: str, err_4: str, err_5: str) -> tuple[str, str, str, str, bool]:
        """ERR-3.1, the IIS's own code or ERR-5.1, the code for the worklist, the severity; whether ERR-5 has an own."""
        syntax = self._syntax
        code, national, local = syntax.part(err_3, 1), syntax.part(err_5, 1), syntax.part(err_5, 4)
        severity = _severity(syntax.text(err_4).upper()[:1], code, self._msa_1)
        own = self._profile.own_code.search(err_5) if self._profile.own_code is not None else None
        if own is not None:
            return code, own.group(), own.group(), severity, True
        if _CODE.fullmatch(local):
            return code, local, local, severity, False
        table = code if _TABLE_CODE.fullmatch(code) else ""
        if table in ("", "999") and _CODE.fullmatch(national):
            return code, local or national, f"{table or '999'}-{national}", severity, False
        return code, local or national, table or "ERR", severity, False

    def _place(self, raw: str) -> Place:
        """One repetition of ERR-2 as it is written; of no segment where it names none."""
        parts = _parts(raw, self._syntax)
        segment, sequence = parts[0].upper(), _number(parts[1])
        if not _SEGMENT_NAME.fullmatch(segment):
            return Place()
        is_plain = sequence > 1 and segment not in _SINGLE and parts[2] != ""
        return _placed(raw, segment, sequence, parts, is_open=not is_plain and sequence != 1)


def _has_any(line: str, texts: tuple[str, ...]) -> bool:
    for text in texts:  # noqa: SIM110 - a generator would take five times as long
        if text in line:
            return True
    return False


def _from_version_2_3(at: list[str], syntax: Syntax) -> list[str]:
    """ERR-1 of older versions (segment, sequence, field, error code) as ERR-2 and ERR-3."""
    places, code = [], ""
    for raw in at[1].split(syntax.repetition):
        parts = raw.split(syntax.component)
        places.append(syntax.component.join(parts[:3]))
        code = code or "".join(parts[3:4]).replace(syntax.subcomponent, syntax.component)
    return ["ERR", "", syntax.repetition.join(places), code, *at[4:]]


def _severity(given: str, code: str, msa_1: str) -> str:
    """ERR-4, else what MSA-1 suggests. Code 0 ("message accepted") is no error in an accepting ACK."""
    if given == "F":
        return ERROR
    if given not in (ERROR, WARNING, REMARK):
        given = WARNING if msa_1 in ACCEPTING else ERROR
    if code == "0" and msa_1 in ACCEPTING and given == ERROR:
        return REMARK
    return given


# which place an ERR means ---------------------------------------------------------------------------------------------


def _counted(place: Place, syntax: Syntax, orders: Orders) -> Place:
    """The place where its sequence is missing or odd: what our message has decides what is meant."""
    segment, sequence = place.segment, place.sequence
    parts = _parts(place.raw, syntax)
    count = 1 if segment in _SINGLE else count_of(orders.vxu, segment)
    if sequence > 1 and (segment in _SINGLE or (parts[2] == "" and sequence > count)):
        # `PID^7`: there is no seventh PID, the sender left the sequence out.
        parts.insert(1, "")
        sequence = 0
    if sequence == 0 and count == 1:
        sequence = 1
    return _placed(place.raw, segment, sequence, parts)


def _parts(raw: str, syntax: Syntax) -> list[str]:
    return [part.strip() for part in raw.split(syntax.component)] + [""] * 6


def _placed(raw: str, segment: str, sequence: int, parts: list[str], *, is_open: bool = False) -> Place:
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
    where = f" {segment}-{number}" if number else f" {segment}"
    return Place(raw, segment, sequence, number, leaf, path, where, is_open, is_open or segment in ORDER_SEGMENTS)


def _number(text: str) -> int:
    return int(text) if len(text) < 6 and text.isascii() and text.isdigit() else 0
