"""The data types of profile Z22: those that the National IG R1.5 constrains (`CE_IZ`, `XPN_IZ`, …), and HL7's own.

A part that is not listed is optional and primitive, and is not checked. Source: IG R1.5, chapter 4, with the addendum
of July 2015.
"""

from __future__ import annotations

from typing import Final

from shared.domain.z22 import valuesets as vs
from shared.domain.z22.base_types import BASE_TYPES, FAMILY, NAME_REST, TIME
from shared.domain.z22.model import DataType, Part, Predicate, Statement, Test, Usage
from shared.domain.z22.primitives import equals, is_oid

_R, _RE, _C, _O, _X, _B = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X, Usage.B


def _if(words: str, holds: Test, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(words, holds, then, otherwise)


def _valued(position: int, name: str, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(f"{name} is valued", lambda parts: parts[position - 1] != "", then, otherwise)


def _empty(position: int, name: str, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(f"{name} is empty", lambda parts: parts[position - 1] == "", then, otherwise)


# NIST's validator reads a condition on an empty element as true (docs/conformance.md).
_NET: Final = ("", "NET")
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
_DAY_ONLY: Final = DataType(2, (TIME, Part(2, "precision", _X, "ID", 1)))
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
                statement=Statement("IZ-3", is_oid),
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
                statement=Statement("IZ-5", is_oid),
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
            FAMILY,
            Part(2, "given name", _R, "ST", 30),
            Part(3, "middle name", _RE, "ST", 30),
            *NAME_REST,
        ),
    ),
    "XPN_M": DataType(
        14,
        (
            FAMILY,
            Part(6, "degree", _X, "IS", 6),
            Part(7, "name type", _R, "ID", 1, values=vs.NAME_TYPE, statement=Statement("IZ-66", equals("M"))),
            *NAME_REST[2:],
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

TYPES: Final[dict[str, DataType]] = IG_TYPES | BASE_TYPES
