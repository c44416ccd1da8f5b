"""Profile Z22 as one table: the segments of a VXU and their fields (National IG R1.5, chapter 5, and addendum of 2015).

A row of a segment is a field that the profile requires, conditions, expects or forbids: usage with predicate,
cardinality, length, data type, value set, the conformance statement about its value, and what the field is in the
analyst's words. `optional` lists the fields that the profile leaves to HL7 v2.5.1, by number: type and greatest number
of repetitions. `shared.domain.conformance` compiles the table; data types are in `z22_types`, statements that look at
several fields in `z22_rules`.

Predicates see a segment as its fields, counted from 1 (`values[0]` is the segment's name), each as it stands in ER7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from shared.domain import valuesets as vs
from shared.domain.z22_types import (
    Predicate,
    Statement,
    Test,
    Usage,
    equals,
    to_the_day,
    to_the_second,
)

ANY: Final = 0
"""As a greatest number of repetitions: no limit."""


class Origin(Enum):
    """Where the value of a field comes from, and so who can mend it."""

    EHR = "the EHR's export"
    CODED = "a code of the EHR's export"
    SETUP = "clinics.toml"
    VAXLINE = "vaxline itself"


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `repeats` is the greatest number of repetitions, `longest` counts for primitive types only.

    `warned` is whether an empty RE (or a C that became RE) is worth a warning: not where the record-level checks warn
    already (`shared.domain.checks`), nor where nothing is what there is to say (no death, no middle name).
    """

    number: int
    label: str
    usage: Usage
    type: str
    longest: int = 0
    shortest: int = 1
    repeats: int = 1
    values: vs.ValueSet | None = None
    when: Predicate | None = None
    statement: Statement | None = None
    origin: Origin = Origin.EHR
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: `size` fields by HL7 v2.5.1, `label` in the analyst's words."""

    name: str
    label: str
    size: int
    fields: tuple[Field, ...]
    optional: dict[int, tuple[str, int]] = field(default_factory=dict)


_R, _RE, _C, _O, _X = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X
_EHR, _CODED, _SETUP, _OWN = Origin.EHR, Origin.CODED, Origin.SETUP, Origin.VAXLINE

GIVEN: Final = frozenset({"CP", "PA"})
"""RXA-20 of what was given, completely or partially."""


def first(value: str) -> str:
    """The first component of a field's first repetition."""
    return value.split("~", 1)[0].split("^", 1)[0]


def is_given_here(rxa: list[str]) -> bool:
    """RXA-9.1 is 00 and RXA-20 is CP or PA: the condition of lot, provider, place, eligibility and VIS."""
    return rxa[20] in GIVEN and first(rxa[9]) == "00"


def _if(words: str, holds: Test, then: Usage, otherwise: Usage) -> Predicate:
    return Predicate(words, holds, then, otherwise)


def _valued(number: int, words: str) -> Predicate:
    return Predicate(f"{words} is valued", lambda values: values[number] != "", _RE, _X)


def _forbidden(*fields: tuple[int, str]) -> tuple[Field, ...]:
    return tuple(Field(number, label, _X, "ST") for number, label in fields)


def _leading(code: str, test: Callable[[str], bool]) -> Statement:
    """A statement about the first component, where there is one."""
    return Statement(code, lambda value: (leading := value.split("^", 1)[0]) == "" or test(leading))


def _names_z22(value: str) -> bool:
    name, _, rest = value.partition("^")
    return name in ("", "Z22") and rest.split("^", 1)[0] in ("", "CDCPHINVS")


_DAY: Final = _leading("IZ-TS-NZ", to_the_day)
_DATE: Final = Statement("IZ-DT-D", to_the_day)

MSH: Final = Segment(
    "MSH",
    "the message header",
    25,
    (
        Field(1, "the field separator", _R, "ST", 1, statement=Statement("IZ-12", equals("|")), origin=_OWN),
        Field(2, "the encoding characters", _R, "ST", 4, 4, statement=Statement("IZ-13", equals("^~\\&")), origin=_OWN),
        Field(3, "the sending application", _RE, "HD_IZ", origin=_SETUP, warned=True),
        Field(4, "the sending facility", _RE, "HD_IZ", origin=_SETUP, warned=True),
        Field(5, "the receiving application", _RE, "HD_IZ", origin=_SETUP),
        Field(6, "the receiving facility", _RE, "HD_IZ", origin=_SETUP, warned=True),
        Field(7, "the time of the message", _R, "TS_Z", statement=_leading("IZ-TS-Z", to_the_second), origin=_OWN),
        Field(9, "the message type", _R, "MSG_IZ", origin=_OWN),
        Field(10, "the message control id", _R, "ST", 199, origin=_OWN),
        Field(11, "the processing id", _R, "PT_IZ", origin=_SETUP),
        Field(12, "the HL7 version", _R, "VID_IZ", statement=_leading("IZ-15", equals("2.5.1")), origin=_OWN),
        Field(
            15, "the accept acknowledgment type", _R, "ID", 2, statement=Statement("IZ-42", equals("ER")), origin=_OWN
        ),
        Field(
            16,
            "the application acknowledgment type",
            _R,
            "ID",
            2,
            statement=Statement("IZ-41", equals("AL")),
            origin=_OWN,
        ),
        Field(
            21,
            "the message profile",
            _R,
            "EI_IZ",
            repeats=ANY,
            values=vs.PROFILE,
            statement=Statement("IZ-43", _names_z22),
            origin=_OWN,
        ),
        Field(22, "the responsible organization", _RE, "XON_IZ", origin=_SETUP),
        Field(23, "the receiving organization", _RE, "XON_IZ", origin=_SETUP),
    ),
    {
        **dict.fromkeys((8, 13, 14, 17, 20), ("ST", 1)),
        18: ("ST", ANY),
        19: ("CE", 1),
        24: ("HD", 1),
        25: ("HD", 1),
    },
)

PID: Final = Segment(
    "PID",
    "the patient",
    39,
    (
        Field(1, "the set id", _R, "SI", 4, statement=Statement("IZ-46", equals("1")), origin=_OWN),
        Field(3, "the patient's medical record number", _R, "CX_IZ", repeats=ANY),
        Field(5, "the patient's name", _R, "XPN_IZ", repeats=ANY),
        Field(6, "the mother's maiden name", _RE, "XPN_M", warned=True),
        Field(7, "the patient's birth date", _R, "TS_NZ", statement=_DAY),
        Field(8, "the patient's sex", _R, "IS", 1, values=vs.SEX, origin=_CODED),
        Field(10, "the patient's race", _RE, "CE_IZ", repeats=ANY, values=vs.RACE, origin=_CODED),
        Field(11, "the patient's address", _RE, "XAD_IZ", repeats=ANY),
        Field(13, "the patient's telephone number or e-mail address", _RE, "XTN_IZ", repeats=ANY, warned=True),
        Field(22, "the patient's ethnic group", _RE, "CE_IZ", values=vs.ETHNICITY, origin=_CODED),
        Field(24, "whether the patient is of a multiple birth", _RE, "ID", 1, values=vs.YES_NO, origin=_CODED),
        Field(
            25,
            "the birth order",
            _C,
            "NM",
            2,
            when=_if("PID-24 is Y", lambda pid: pid[24] == "Y", _RE, _O),
            warned=True,
        ),
        Field(
            29,
            "the patient's death date",
            _C,
            "TS",
            when=_if("PID-30 is Y", lambda pid: pid[30] == "Y", _RE, _X),
            warned=True,
        ),
        Field(30, "whether the patient has died", _RE, "ID", 1, values=vs.YES_NO, origin=_CODED),
        *_forbidden(
            (2, "the old patient id"),
            (4, "the alternate patient id"),
            (9, "the old patient alias"),
            (12, "the old county code"),
            (19, "the social security number"),
            (20, "the driver's license number"),
            (21, "the mother's identifier"),
        ),
    ),
    {
        14: ("XTN", ANY),
        **dict.fromkeys((15, 16, 17, 27, 28, 35, 36, 38), ("CE", 1)),
        18: ("CX", 1),
        **dict.fromkeys((23, 31, 37), ("ST", 1)),
        26: ("CE", ANY),
        32: ("ST", ANY),
        33: ("TS", 1),
        34: ("HD", 1),
        39: ("CWE", ANY),
    },
)

PD1: Final = Segment(
    "PD1",
    "the patient's registry settings",
    21,
    (
        *_forbidden((4, "the old primary care provider")),
        Field(11, "the publicity code", _RE, "CE_IZ", values=vs.PUBLICITY, origin=_CODED),
        Field(12, "the protection indicator", _RE, "ID", 1, values=vs.YES_NO, origin=_CODED),
        Field(13, "the date of the protection indicator", _C, "DT", 8, when=_valued(12, "PD1-12")),
        Field(16, "the registry status", _RE, "IS", 1, values=vs.REGISTRY_STATUS, origin=_CODED),
        Field(17, "the date of the registry status", _C, "DT", 8, when=_valued(16, "PD1-16"), statement=_DATE),
        Field(18, "the date of the publicity code", _C, "DT", 8, when=_valued(11, "PD1-11"), statement=_DATE),
    ),
    {
        **dict.fromkeys((2, 5, 6, 7, 8, 9, 19, 20, 21), ("ST", 1)),
        1: ("ST", ANY),
        3: ("XON", ANY),
        10: ("CX", ANY),
        14: ("XON", ANY),
        15: ("CE", ANY),
    },
)

NK1: Final = Segment(
    "NK1",
    "a parent, guardian or other relative",
    39,
    (
        # Sequential from 1 (IZ-70): only the whole message can tell.
        Field(1, "the set id", _R, "SI", 4, origin=_OWN),
        Field(2, "the relative's name", _R, "XPN_IZ", repeats=ANY),
        Field(3, "the relationship", _R, "CE_IZ", values=vs.RELATIONSHIP, origin=_CODED),
        Field(4, "the relative's address", _RE, "XAD_IZ", repeats=ANY),
        Field(5, "the relative's telephone number or e-mail address", _RE, "XTN_IZ", repeats=ANY),
    ),
    {
        **dict.fromkeys((8, 9, 10, 15, 21, 23, 24, 34, 36, 37, 38, 39), ("ST", 1)),
        **dict.fromkeys((7, 14, 20, 22, 25, 27), ("CE", 1)),
        **dict.fromkeys((19, 28, 29, 35), ("CE", ANY)),
        **dict.fromkeys((17, 18), ("ST", ANY)),
        **dict.fromkeys((26, 30), ("XPN", ANY)),
        **dict.fromkeys((6, 31), ("XTN", ANY)),
        11: ("JCC", 1),
        12: ("CX", 1),
        13: ("XON", ANY),
        16: ("TS", 1),
        32: ("XAD", ANY),
        33: ("CX", ANY),
    },
)

IN1: Final = Segment(
    "IN1",
    "the insurance",
    53,
    (
        Field(1, "the set id", _R, "SI", 4, statement=Statement("IZ-69", equals("1")), origin=_OWN),
        Field(2, "the insurance plan", _R, "CE_IZ"),
        Field(3, "the insurance company", _R, "CX_IZ"),
        Field(15, "the plan type", _R, "IS", 3, values=vs.PLAN_TYPE, origin=_CODED),
        Field(29, "the date of verification", _RE, "TS_NZ", statement=_DAY),
        *_forbidden(
            (38, "the policy limit in money"), (40, "the room rate, semi-private"), (41, "the room rate, private")
        ),
    ),
    {
        **dict.fromkeys((4, 9, 11), ("XON", ANY)),
        **dict.fromkeys((5, 19, 44), ("XAD", ANY)),
        **dict.fromkeys((6, 16), ("XPN", ANY)),
        **dict.fromkeys((10, 49), ("CX", ANY)),
        **dict.fromkeys((17, 42), ("CE", 1)),
        7: ("XTN", ANY),
        14: ("AUI", 1),
        18: ("TS", 1),
        30: ("XCN", ANY),
        37: ("CP", 1),
        **dict.fromkeys((8, 12, 13, *range(20, 29), *range(31, 37), 39, 43, 45, 46, 47, 48, *range(50, 54)), ("ST", 1)),
    },
)

ORC: Final = Segment(
    "ORC",
    "the order of a dose",
    31,
    (
        Field(
            1,
            "the order control",
            _R,
            "ID",
            2,
            values=vs.ORDER_CONTROL,
            statement=Statement("IZ-25", equals("RE")),
            origin=_OWN,
        ),
        Field(2, "the placer's order number", _RE, "EI_IZ"),
        Field(3, "the dose's own id", _R, "EI_IZ"),
        *_forbidden((7, "the old quantity and timing")),
        Field(10, "who entered the dose", _RE, "XCN_IZ", warned=True),
        # Its condition looks at the RXA: see `z22_rules`.
        Field(12, "who ordered the dose", _C, "XCN_IZ", warned=True),
        Field(17, "the clinic that entered the dose", _RE, "CE_IZ", origin=_SETUP, warned=True),
    ),
    {
        **dict.fromkeys((5, 6), ("ST", 1)),
        **dict.fromkeys((9, 15, 27), ("TS", 1)),
        **dict.fromkeys((16, 18, 20), ("CE", 1)),
        **dict.fromkeys((11, 19), ("XCN", ANY)),
        **dict.fromkeys((25, 26, 28, 29, 31), ("CWE", 1)),
        **dict.fromkeys((22, 24), ("XAD", ANY)),
        4: ("EI", 1),
        8: ("EIP", 1),
        13: ("PL", 1),
        14: ("XTN", 2),
        21: ("XON", ANY),
        23: ("XTN", ANY),
        30: ("CNE", 1),
    },
)

RXA: Final = Segment(
    "RXA",
    "the dose",
    26,
    (
        Field(1, "the sub-id counter", _R, "NM", 1, statement=Statement("IZ-28", equals("0")), origin=_OWN),
        Field(2, "the administration counter", _R, "NM", 1, statement=Statement("IZ-29", equals("1")), origin=_OWN),
        Field(3, "the date of the dose", _R, "TS_NZ", statement=_DAY),
        Field(5, "the vaccine", _R, "CE_IZ", values=vs.VACCINE, origin=_CODED),
        Field(6, "the amount", _R, "NM", 20),
        Field(
            7,
            "the unit of the amount",
            _C,
            "CE_IZ",
            values=vs.UNITS,
            when=_if("RXA-6 is not 999", lambda rxa: rxa[6] not in ("", "999"), _R, _X),
            origin=_CODED,
        ),
        Field(
            9,
            "whether the dose was given here or is historical",
            _C,
            "CE_IZ",
            repeats=ANY,
            values=vs.INFORMATION_SOURCE,
            when=_if("RXA-20 is CP or PA", lambda rxa: rxa[20] in GIVEN, _R, _O),
            origin=_CODED,
        ),
        Field(
            10,
            "who gave the dose",
            _C,
            "XCN_IZ",
            when=_if("the dose was given here", is_given_here, _RE, _O),
            warned=True,
        ),
        Field(
            11,
            "where the dose was given",
            _C,
            "LA2_IZ",
            when=_if("the dose was given here", is_given_here, _RE, _O),
            origin=_SETUP,
            warned=True,
        ),
        Field(
            15,
            "the lot number",
            _C,
            "ST",
            20,
            repeats=ANY,
            when=_if("the dose was given here", is_given_here, _R, _O),
        ),
        Field(
            16,
            "the lot's expiration date",
            _C,
            "TS_M",
            when=_if("RXA-15 is valued", lambda rxa: rxa[15] != "", _RE, _O),
            warned=True,
        ),
        Field(
            17,
            "the manufacturer",
            _C,
            "CE_IZ",
            values=vs.MANUFACTURER,
            when=_if("RXA-9.1 is 00", lambda rxa: first(rxa[9]) == "00", _R, _O),
            origin=_CODED,
        ),
        Field(
            18,
            "the reason of a refusal",
            _C,
            "CE_IZ",
            repeats=ANY,
            values=vs.REFUSAL_REASON,
            when=_if("RXA-20 is RE", lambda rxa: rxa[20] == "RE", _R, _X),
            origin=_CODED,
        ),
        Field(20, "the completion status", _RE, "ID", 2, values=vs.COMPLETION, origin=_CODED, warned=True),
        Field(
            21,
            "the action code",
            _C,
            "ID",
            2,
            values=vs.ACTION,
            when=_if("RXA-5.1 is not 998", lambda rxa: first(rxa[5]) not in ("", "998"), _R, _O),
            origin=_CODED,
        ),
    ),
    {
        **dict.fromkeys((4, 22), ("TS", 1)),
        **dict.fromkeys((8, 14), ("CE", 1)),
        **dict.fromkeys((12, 13, 23, 26), ("ST", 1)),
        **dict.fromkeys((24, 25), ("CWE", 1)),
        19: ("CE", ANY),
    },
)

RXR: Final = Segment(
    "RXR",
    "the route of the dose",
    6,
    (
        Field(1, "the route", _R, "CE_IZ", values=vs.ROUTE, origin=_CODED),
        Field(2, "the body site", _RE, "CWE_IZ", values=vs.SITE, origin=_CODED),
    ),
    {3: ("CE", 1), 4: ("CWE", 1), 5: ("CE", 1), 6: ("CWE", 1)},
)

OBX: Final = Segment(
    "OBX",
    "an observation of the dose",
    25,
    (
        # Sequential from 1 in the message or in each order (NIST-01): only the whole message can tell.
        Field(1, "the set id", _R, "SI", 4, origin=_OWN),
        Field(2, "the type of the observed value", _R, "ID", 3, 2, values=vs.VALUE_TYPE, origin=_OWN),
        Field(3, "what was observed", _R, "CE_IZ", values=vs.OBSERVATION, origin=_OWN),
        Field(
            4,
            "the sub-id of the observation",
            _R,
            "ST",
            20,
            statement=Statement("IZ-44", lambda text: text.isascii() and text.isdigit() and int(text) > 0),
            origin=_OWN,
        ),
        # Its type is what OBX-2 says: see `z22_rules`.
        Field(5, "the observed value", _R, "varies", 99999, origin=_CODED),
        Field(
            6,
            "the unit of the observed value",
            _C,
            "CE_IZ",
            values=vs.OBSERVATION_UNITS,
            when=_if("OBX-2 is NM", lambda obx: obx[2] == "NM", _R, _O),
            origin=_OWN,
        ),
        Field(
            11,
            "the status of the observation",
            _R,
            "ID",
            1,
            values=vs.RESULT_STATUS,
            statement=Statement("IZ-22", equals("F")),
            origin=_OWN,
        ),
        Field(14, "the date of the observation", _RE, "TS_NZ", statement=_DAY, warned=True),
        Field(
            17,
            "the level at which eligibility was captured",
            _C,
            "CE_IZ",
            values=vs.OBSERVATION_METHOD,
            when=_if("OBX-3.1 is 64994-7", lambda obx: first(obx[3]) == "64994-7", _RE, _O),
            origin=_OWN,
            warned=True,
        ),
        *_forbidden((20, "a reserved field"), (21, "a reserved field"), (22, "a reserved field")),
    ),
    {
        **dict.fromkeys((7, 9, 13), ("ST", 1)),
        **dict.fromkeys((8, 10), ("ST", ANY)),
        **dict.fromkeys((12, 19), ("TS", 1)),
        15: ("CE", 1),
        16: ("XCN", ANY),
        18: ("EI", ANY),
        23: ("XON", 1),
        24: ("XAD", 1),
        25: ("XCN", 1),
    },
)

NTE: Final = Segment(
    "NTE",
    "a comment on an observation",
    4,
    (Field(3, "the comment", _R, "FT", 65333),),
    {1: ("ST", 1), 2: ("ST", 1), 4: ("CE", 1)},
)

SEGMENTS: Final[dict[str, Segment]] = {
    segment.name: segment for segment in (MSH, PID, PD1, NK1, IN1, ORC, RXA, RXR, OBX, NTE)
}
