r"""Data types of profile Z22: the constrained ones of the National IG R1.5 (`CE_IZ`, `XPN_IZ`, …) and HL7 v2.5.1's own.

One table. A `Part` is a component (or, one level down, a subcomponent): usage, type, length in characters, value set,
predicate, conformance statement. What is not listed is optional and primitive, and is not looked at. Source: IG R1.5
chapter 4 and appendix C with the addendum of July 2015; base types: HL7 v2.5.1 chapter 2A.

Tests and predicates see the parts of one value as a list that counts from 0: `parts[0]` is component 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from shared.domain import valuesets as vs


class Usage(StrEnum):
    """What the profile says of an element (IG chapter 3)."""

    R = "required"
    RE = "required but may be empty"
    C = "conditional"
    O = "optional"  # noqa: E741  # the name that HL7 gives it
    X = "not supported"
    B = "kept for backward compatibility"


Parts = list[str]
Test = Callable[[Parts], bool]


@dataclass(frozen=True, slots=True)
class Predicate:
    """The usage of a conditional element: `then` where the condition holds, else `otherwise`."""

    words: str
    holds: Test
    then: Usage
    otherwise: Usage


@dataclass(frozen=True, slots=True)
class Statement:
    """A conformance statement about one value: the code of its check, and what a value must pass."""

    code: str
    passes: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Part:
    """One component: `longest` 0 is no limit; `warned` says whether an empty RE is worth a warning."""

    position: int
    name: str
    usage: Usage
    type: str
    longest: int = 0
    shortest: int = 1
    values: vs.ValueSet | None = None
    when: Predicate | None = None
    statement: Statement | None = None
    warned: bool = False


@dataclass(frozen=True, slots=True)
class DataType:
    """One composite type: how many parts HL7 gives it, and those that are more than optional text."""

    size: int
    parts: tuple[Part, ...] = ()


# Primitive types ------------------------------------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_ZONE: Final = r"(?:[+-](?:[01]\d|2[0-3])[0-5]\d)?"
_CLOCK: Final = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,4})?)?)?"
_TIME: Final = re.compile(_CLOCK + _ZONE, re.ASCII)
_DAY_AND_TIME: Final = re.compile(rf"\d{{4}}(?:\d\d(?:\d\d(?:{_CLOCK})?)?)?{_ZONE}", re.ASCII)
_TO_THE_DAY: Final = re.compile(r"\d{8}(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{4})?)?)?)?", re.ASCII)
_TO_THE_SECOND: Final = re.compile(r"\d{8}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d.*[+-]\d{4}", re.ASCII)
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))*", re.ASCII)


def is_date(text: str) -> bool:
    """DT: a year, a month or a day that the calendar has."""
    if not (text.isascii() and text.isdigit() and len(text) in (4, 6, 8)):
        return False
    try:
        date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    except ValueError:
        return False
    return True


def is_date_and_time(text: str) -> bool:
    """DTM: a date, down to the fraction of a second, with or without a zone."""
    if _DAY_AND_TIME.fullmatch(text) is None:
        return False
    digits = text.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0].split(".", maxsplit=1)[0]
    return is_date(digits[:8])


def is_number(text: str) -> bool:
    """NM and SI."""
    return _NUMBER.fullmatch(text) is not None


def is_time(text: str) -> bool:
    """TM."""
    return _TIME.fullmatch(text) is not None


FORMS: Final[dict[str, Callable[[str], bool]]] = {
    "NM": is_number,
    "SI": is_number,
    "DT": is_date,
    "TM": is_time,
    "DTM": is_date_and_time,
}
"""The form of the primitive types that have one; the others are text, in which no delimiter may stand bare."""


def _month_and_day(text: str) -> bool:
    return "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31"


def to_the_day(text: str) -> bool:
    """At least YYYYMMDD, and no zone (IZ-TS_NZ, IZ-DT_D)."""
    return _TO_THE_DAY.fullmatch(text) is not None and _month_and_day(text)


def to_the_second(text: str) -> bool:
    """YYYYMMDDHHMMSS with a zone offset (IZ-TS_Z)."""
    return _TO_THE_SECOND.fullmatch(text) is not None and _month_and_day(text)


def equals(literal: str) -> Callable[[str], bool]:
    """A test for one literal."""
    return lambda text: text == literal


# Composite types ------------------------------------------------------------------------------------------------------

_R, _RE, _C, _O, _X, _B = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X, Usage.B


def _if(words: str, holds: Test, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(words, holds, then, otherwise)


def _valued(position: int, name: str, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(f"{name} is valued", lambda parts: parts[position - 1] != "", then, otherwise)


def _empty(position: int, name: str, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(f"{name} is empty", lambda parts: parts[position - 1] == "", then, otherwise)


# The engine reads a condition on an empty element as true (see docs/conformance.md).
_NET: Final = ("", "NET")
_IS_OID: Final = _OID.fullmatch


def _passes_oid(text: str) -> bool:
    return _IS_OID(text) is not None


_ALTERNATE: Final = (
    Part(5, "alternate text", _C, "ST", 999, when=_valued(4, "the alternate identifier", _RE, _X)),
    Part(
        6,
        "alternate coding system",
        _C,
        "ID",
        20,
        values=vs.CODING_SYSTEM,
        when=_valued(4, "the alternate identifier", _R, _X),
    ),
)
_TIME_PART: Final = Part(1, "time", _R, "DTM", 24)
_DAY_ONLY: Final = DataType(2, (_TIME_PART, Part(2, "precision", _X, "ID", 1)))
_NAME_REST: Final = (
    Part(6, "degree", _X, "IS", 6),
    Part(7, "name type", _R, "ID", 1, values=vs.NAME_TYPE),
    Part(9, "name context", _O, "CE"),
    Part(10, "validity", _X, "DR"),
    Part(12, "effective date", _O, "TS"),
    Part(13, "expiration date", _O, "TS"),
)
_FAMILY: Final = Part(1, "family name", _R, "FN")

IG_TYPES: Final[dict[str, DataType]] = {
    "CE_IZ": DataType(
        6,
        (
            Part(1, "identifier", _R, "ST", 50),
            Part(2, "text", _RE, "ST", 999),
            Part(3, "coding system", _R, "ID", 20, values=vs.CODING_SYSTEM),
            *_ALTERNATE,
        ),
    ),
    "CWE_IZ": DataType(
        9,
        (
            Part(1, "identifier", _R, "ST", 999),
            Part(2, "text", _RE, "ST", 999),
            Part(
                3,
                "coding system",
                _C,
                "ID",
                20,
                values=vs.CODING_SYSTEM,
                when=_valued(1, "the identifier", _R, _X),
            ),
            *_ALTERNATE,
        ),
    ),
    "CX_IZ": DataType(
        10,
        (
            Part(1, "id number", _R, "ST", 15),
            Part(
                3, "check digit scheme", _C, "ID", 3, values=vs.CHECK_DIGIT, when=_valued(2, "the check digit", _O, _X)
            ),
            Part(4, "assigning authority", _R, "HD_IZ"),
            Part(5, "identifier type", _R, "ID", 5, shortest=2, values=vs.IDENTIFIER_TYPE),
            Part(6, "assigning facility", _O, "HD"),
            Part(9, "jurisdiction", _O, "CWE"),
            Part(10, "agency", _O, "CWE"),
        ),
    ),
    "EI_IZ": DataType(
        4,
        (
            Part(1, "entity identifier", _R, "ST", 199),
            Part(2, "namespace", _C, "IS", 20, when=_empty(3, "the universal id", _R, _O)),
            Part(
                3,
                "universal id",
                _C,
                "ST",
                199,
                when=_empty(2, "the namespace", _R, _O),
                statement=Statement("IZ-3", _passes_oid),
            ),
            Part(
                4,
                "universal id type",
                _C,
                "ID",
                6,
                values=vs.OID_TYPE,
                when=_valued(3, "the universal id", _R, _X),
                statement=Statement("IZ-4", equals("ISO")),
            ),
        ),
    ),
    "HD_IZ": DataType(
        3,
        (
            Part(1, "namespace", _C, "IS", 20, when=_empty(2, "the universal id", _R, _O)),
            Part(
                2,
                "universal id",
                _C,
                "ST",
                199,
                when=_empty(1, "the namespace", _R, _O),
                statement=Statement("IZ-5", _passes_oid),
            ),
            Part(
                3,
                "universal id type",
                _C,
                "ID",
                6,
                values=vs.OID_TYPE,
                when=_valued(2, "the universal id", _R, _X),
                statement=Statement("IZ-6", equals("ISO")),
            ),
        ),
    ),
    "LA2_IZ": DataType(16, (Part(4, "facility", _R, "HD_IZ"),)),
    "MSG_IZ": DataType(
        3,
        (
            Part(1, "message code", _R, "ID", 3, 3, values=vs.MESSAGE, statement=Statement("IZ-17", equals("VXU"))),
            Part(2, "trigger event", _R, "ID", 3, 3, values=vs.EVENT, statement=Statement("IZ-17", equals("V04"))),
            Part(3, "structure", _R, "ID", 7, 3, values=vs.STRUCTURE, statement=Statement("IZ-17", equals("VXU_V04"))),
        ),
    ),
    "PT_IZ": DataType(2, (Part(1, "processing id", _R, "ID", 1, values=vs.PROCESSING),)),
    "SAD_IZ": DataType(3, (Part(1, "street", _R, "ST", 120),)),
    "TS": DataType(2, (_TIME_PART, Part(2, "precision", _B, "ID", 1, values=vs.PRECISION))),
    "TS_M": _DAY_ONLY,
    "TS_NZ": _DAY_ONLY,
    "TS_Z": _DAY_ONLY,
    "VID_IZ": DataType(
        3,
        (Part(1, "version", _R, "ID", 5, 5, values=vs.VERSION), Part(2, "country", _O, "CE"), Part(3, "id", _O, "CE")),
    ),
    "XAD_IZ": DataType(
        14,
        (
            Part(1, "street", _RE, "SAD_IZ", warned=True),
            Part(2, "other designation", _RE, "ST", 120),
            Part(3, "city", _RE, "ST", 50, warned=True),
            Part(4, "state", _RE, "ST", 50, warned=True),
            Part(5, "zip code", _RE, "ST", 12, warned=True),
            Part(6, "country", _RE, "ID", 3),
            Part(7, "address type", _R, "ID", 3, values=vs.ADDRESS_TYPE),
            Part(12, "validity", _X, "DR"),
            Part(13, "effective date", _O, "TS"),
            Part(14, "expiration date", _O, "TS"),
        ),
    ),
    "XCN_IZ": DataType(
        23,
        (
            Part(
                1,
                "id",
                _C,
                "ST",
                15,
                when=_if("the name is empty", lambda p: p[1].split("&", 1)[0] == "" and p[2] == "", _R, _RE),
                warned=True,
            ),
            Part(2, "family name", _RE, "FN", warned=True),
            Part(3, "given name", _RE, "ST", 30, warned=True),
            Part(4, "middle name", _RE, "ST", 30),
            Part(7, "degree", _X, "IS", 5),
            Part(9, "assigning authority", _C, "HD_IZ", when=_valued(1, "the id", _R, _X)),
            Part(10, "name type", _RE, "ID", 1, values=vs.NAME_TYPE),
            Part(
                12,
                "check digit scheme",
                _C,
                "ID",
                3,
                values=vs.CHECK_DIGIT,
                when=_valued(11, "the check digit", _O, _X),
            ),
            Part(13, "identifier type", _C, "ID", 5, values=vs.IDENTIFIER_TYPE, when=_valued(1, "the id", _R, _X)),
            Part(14, "assigning facility", _O, "HD"),
            Part(16, "name context", _O, "CE"),
            Part(17, "validity", _X, "DR"),
            Part(18, "assembly order", _X, "ID", 1),
            Part(19, "effective date", _O, "TS"),
            Part(20, "expiration date", _O, "TS"),
            Part(22, "jurisdiction", _O, "CWE"),
            Part(23, "agency", _O, "CWE"),
        ),
    ),
    "XON_IZ": DataType(
        10,
        (
            Part(1, "organization name", _RE, "ST", 50),
            Part(3, "id number", _X, "NM", 4),
            Part(6, "assigning authority", _C, "HD_IZ", when=_valued(10, "the identifier", _R, _O)),
            Part(
                7,
                "identifier type",
                _C,
                "ID",
                5,
                shortest=2,
                values=vs.IDENTIFIER_TYPE,
                when=_valued(10, "the identifier", _R, _X),
            ),
            Part(8, "assigning facility", _O, "HD"),
            Part(10, "identifier", _C, "ST", 20, when=_empty(1, "the organization name", _R, _RE)),
        ),
    ),
    "XPN_IZ": DataType(
        14,
        (
            _FAMILY,
            Part(2, "given name", _R, "ST", 30),
            Part(3, "middle name", _RE, "ST", 30),
            *_NAME_REST,
        ),
    ),
    "XPN_M": DataType(
        14,
        (
            _FAMILY,
            Part(6, "degree", _X, "IS", 6),
            Part(7, "name type", _R, "ID", 1, values=vs.NAME_TYPE, statement=Statement("IZ-66", equals("M"))),
            *_NAME_REST[2:],
        ),
    ),
    "XTN_IZ": DataType(
        12,
        (
            Part(1, "telephone number as one text", _X, "ST", 199),
            Part(2, "use", _R, "ID", 3, values=vs.PHONE_USE),
            Part(3, "equipment", _RE, "ID", 8, values=vs.PHONE_EQUIPMENT),
            Part(4, "e-mail address", _C, "ST", 199, when=_if("the use is NET", lambda p: p[1] in _NET, _R, _X)),
            Part(
                6,
                "area code",
                _C,
                "NM",
                3,
                when=_if("the use is not NET", lambda p: p[1] not in _NET, _RE, _X),
                warned=True,
            ),
            Part(7, "local number", _C, "NM", 9, when=_if("the use is not NET", lambda p: p[1] not in _NET, _R, _X)),
        ),
    ),
}

BASE_TYPES: Final[dict[str, DataType]] = {
    "AUI": DataType(3),
    "CE": DataType(6),
    "CNE": DataType(9, (Part(1, "identifier", _R, "ST", 20), Part(7, "coding system version", _C, "ST", 10))),
    "CP": DataType(6, (Part(1, "price", _R, "MO"), Part(5, "range units", _O, "CE"))),
    "CQ": DataType(2),
    "CWE": DataType(9, (Part(7, "coding system version", _C, "ST", 10),)),
    "CX": DataType(
        10,
        (
            Part(1, "id number", _R, "ST", 15),
            Part(4, "assigning authority", _O, "HD"),
            Part(6, "assigning facility", _O, "HD"),
            Part(9, "jurisdiction", _O, "CWE"),
            Part(10, "agency", _O, "CWE"),
        ),
    ),
    "DR": DataType(2),
    "ED": DataType(
        5,
        (
            Part(1, "source application", _O, "HD"),
            Part(2, "type of data", _R, "ID", 11),
            Part(4, "encoding", _R, "ID", 6),
            Part(5, "data", _R, "TX"),
        ),
    ),
    "EI": DataType(
        4,
        (
            Part(3, "universal id", _C, "ST", 199),
            Part(4, "universal id type", _C, "ID", 6, values=vs.UNIVERSAL_ID_TYPE),
        ),
    ),
    "EIP": DataType(2, (Part(1, "placer", _O, "EI"), Part(2, "filler", _O, "EI"))),
    "FN": DataType(5, (Part(1, "surname", _R, "ST", 50),)),
    "HD": DataType(
        3,
        (
            Part(2, "universal id", _C, "ST", 199),
            Part(3, "universal id type", _C, "ID", 6, values=vs.UNIVERSAL_ID_TYPE),
        ),
    ),
    "JCC": DataType(3),
    "LA2": DataType(16, (Part(4, "facility", _O, "HD"),)),
    "MO": DataType(2),
    "PL": DataType(
        11,
        (
            Part(4, "facility", _O, "HD"),
            Part(6, "location type", _C, "IS", 20, values=vs.LOCATION_TYPE),
            Part(10, "id", _O, "EI"),
            Part(11, "authority", _O, "HD"),
        ),
    ),
    "RP": DataType(4, (Part(2, "application", _O, "HD"),)),
    "SAD": DataType(3),
    "SN": DataType(4),
    "XAD": DataType(
        14,
        (
            Part(1, "street", _O, "SAD"),
            Part(12, "validity", _X, "DR"),
            Part(13, "effective date", _O, "TS"),
            Part(14, "expiration date", _O, "TS"),
        ),
    ),
    "XCN": DataType(
        23,
        (
            Part(1, "id", _C, "ST", 15),
            Part(2, "family name", _RE, "FN"),
            Part(3, "given name", _RE, "ST", 30),
            Part(4, "middle name", _RE, "ST", 30),
            Part(7, "degree", _X, "IS", 5),
            Part(9, "assigning authority", _O, "HD"),
            Part(10, "name type", _RE, "ID", 1, values=vs.NAME_TYPE),
            Part(14, "assigning facility", _O, "HD"),
            Part(16, "name context", _O, "CE"),
            Part(17, "validity", _X, "DR"),
            Part(18, "assembly order", _X, "ID", 1),
            Part(19, "effective date", _O, "TS"),
            Part(20, "expiration date", _O, "TS"),
            Part(22, "jurisdiction", _O, "CWE"),
            Part(23, "agency", _O, "CWE"),
        ),
    ),
    "XON": DataType(
        10,
        (
            Part(3, "id number", _B, "NM", 4),
            Part(6, "assigning authority", _O, "HD"),
            Part(8, "assigning facility", _O, "HD"),
        ),
    ),
    "XPN": DataType(14, (_FAMILY, *_NAME_REST)),
    "XTN": DataType(
        12,
        (
            Part(1, "telephone number as one text", _B, "ST", 199),
            Part(12, "telephone number without form", _C, "ST", 199),
        ),
    ),
}

TYPES: Final[dict[str, DataType]] = IG_TYPES | BASE_TYPES
