"""Profile Z22, second half of the table: the segments about a dose (ORC, RXA, RXR, OBX, NTE).

`model.Field` explains the rows. Source: National IG R1.5, chapter 5, and its addendum of July 2015.
"""

from __future__ import annotations

from typing import Final

from shared.domain.codes.cdc import NO_VACCINE
from shared.domain.hl7 import loinc
from shared.domain.z22 import valuesets as vs
from shared.domain.z22.model import (
    ANY,
    GIVEN,
    Field,
    Origin,
    Predicate,
    Segment,
    Statement,
    Usage,
    about_first_component,
    first,
    forbidden,
    is_given_here,
)
from shared.domain.z22.primitives import equals, to_the_day

_R, _RE, _C, _O, _X = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X
_CODED, _SETUP, _OWN = Origin.CODED, Origin.SETUP, Origin.VAXLINE

_DAY: Final = about_first_component("IZ-TS-NZ", to_the_day)

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
        *forbidden((7, "the old quantity and timing")),
        Field(10, "who entered the dose", _RE, "XCN_IZ", warned=True),
        # Its condition depends on the RXA: see `rules`.
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
            when=Predicate("RXA-6 is not 999", lambda rxa: rxa[6] not in ("", "999"), _R, _X),
            origin=_CODED,
        ),
        Field(
            9,
            "whether the dose was given here or is historical",
            _C,
            "CE_IZ",
            repeats=ANY,
            values=vs.INFORMATION_SOURCE,
            when=Predicate("RXA-20 is CP or PA", lambda rxa: rxa[20] in GIVEN, _R, _O),
            origin=_CODED,
        ),
        Field(
            10,
            "who gave the dose",
            _C,
            "XCN_IZ",
            when=Predicate("the dose was given here", is_given_here, _RE, _O),
            warned=True,
        ),
        Field(
            11,
            "where the dose was given",
            _C,
            "LA2_IZ",
            when=Predicate("the dose was given here", is_given_here, _RE, _O),
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
            when=Predicate("the dose was given here", is_given_here, _R, _O),
        ),
        Field(
            16,
            "the lot's expiration date",
            _C,
            "TS_M",
            when=Predicate("RXA-15 is valued", lambda rxa: rxa[15] != "", _RE, _O),
            warned=True,
        ),
        Field(
            17,
            "the manufacturer",
            _C,
            "CE_IZ",
            values=vs.MANUFACTURER,
            when=Predicate("RXA-9.1 is 00", lambda rxa: first(rxa[9]) == "00", _R, _O),
            origin=_CODED,
        ),
        Field(
            18,
            "the reason of a refusal",
            _C,
            "CE_IZ",
            repeats=ANY,
            values=vs.REFUSAL_REASON,
            when=Predicate("RXA-20 is RE", lambda rxa: rxa[20] == "RE", _R, _X),
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
            when=Predicate("RXA-5.1 is not 998", lambda rxa: first(rxa[5]) not in ("", NO_VACCINE), _R, _O),
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
        # Sequential from 1 in the message or in each ORDER group (NIST-01), which is checked for the message.
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
        # Its type is the one that OBX-2 names: see `rules`.
        Field(5, "the observed value", _R, "varies", 99999, origin=_CODED),
        Field(
            6,
            "the unit of the observed value",
            _C,
            "CE_IZ",
            values=vs.OBSERVATION_UNITS,
            when=Predicate("OBX-2 is NM", lambda obx: obx[2] == "NM", _R, _O),
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
            when=Predicate("OBX-3.1 is 64994-7", lambda obx: first(obx[3]) == loinc.ELIGIBILITY, _RE, _O),
            origin=_OWN,
            warned=True,
        ),
        *forbidden((20, "a reserved field"), (21, "a reserved field"), (22, "a reserved field")),
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
