"""Profile Z22, first half of the table: MSH and the segments about the patient (PID, PD1, NK1, IN1).

`model.Field` explains the rows. Source: National IG R1.5, chapter 5, and its addendum of July 2015.
"""

from __future__ import annotations

from typing import Final

from shared.domain.z22 import valuesets as vs
from shared.domain.z22.model import (
    ANY,
    Field,
    Origin,
    Predicate,
    Segment,
    Statement,
    Usage,
    about_first_component,
    forbidden,
)
from shared.domain.z22.primitives import equals, to_the_day, to_the_second

_R, _RE, _C, _O, _X = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X
_CODED, _SETUP, _OWN = Origin.CODED, Origin.SETUP, Origin.VAXLINE


def _valued(number: int, words: str) -> Predicate:
    return Predicate(f"{words} is valued", lambda values: values[number] != "", _RE, _X)


def _names_z22(value: str) -> bool:
    name, _, rest = value.partition("^")
    return name in ("", "Z22") and rest.split("^", 1)[0] in ("", "CDCPHINVS")


_DAY: Final = about_first_component("IZ-TS-NZ", to_the_day)
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
        Field(
            7,
            "the time of the message",
            _R,
            "TS_Z",
            statement=about_first_component("IZ-TS-Z", to_the_second),
            origin=_OWN,
        ),
        Field(9, "the message type", _R, "MSG_IZ", origin=_OWN),
        Field(10, "the message control id", _R, "ST", 199, origin=_OWN),
        Field(11, "the processing id", _R, "PT_IZ", origin=_SETUP),
        Field(
            12, "the HL7 version", _R, "VID_IZ", statement=about_first_component("IZ-15", equals("2.5.1")), origin=_OWN
        ),
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
            when=Predicate("PID-24 is Y", lambda pid: pid[24] == "Y", _RE, _O),
            warned=True,
        ),
        Field(
            29,
            "the patient's death date",
            _C,
            "TS",
            when=Predicate("PID-30 is Y", lambda pid: pid[30] == "Y", _RE, _X),
            warned=True,
        ),
        Field(30, "whether the patient has died", _RE, "ID", 1, values=vs.YES_NO, origin=_CODED),
        *forbidden(
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
        *forbidden((4, "the old primary care provider")),
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
        # Sequential from 1 (IZ-70), which is checked for the message.
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
        *forbidden(
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
