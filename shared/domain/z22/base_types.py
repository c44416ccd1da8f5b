"""HL7 v2.5.1's own data types (chapter 2A), for the optional fields of profile Z22 and the values of OBX-5.

Listed is what the checks need: the number of parts, the required parts and the composite parts.
"""

from __future__ import annotations

from typing import Final

from shared.domain.z22 import valuesets as vs
from shared.domain.z22.model import DataType, Part, Usage

_R, _RE, _C, _O, _X, _B = Usage.R, Usage.RE, Usage.C, Usage.O, Usage.X, Usage.B

TIME: Final = Part(1, "time", _R, "DTM", 24)

TS: Final = DataType(2, (TIME, Part(2, "precision", _B, "ID", 1, values=vs.PRECISION)))
NAME_REST: Final = (
    Part(6, "degree", _X, "IS", 6),
    Part(7, "name type", _R, "ID", 1, values=vs.NAME_TYPE),
    Part(9, "name context", _O, "CE"),
    Part(10, "validity", _X, "DR"),
    Part(12, "effective date", _O, "TS"),
    Part(13, "expiration date", _O, "TS"),
)
FAMILY: Final = Part(1, "family name", _R, "FN")


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
    "TS": TS,
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
    "XPN": DataType(14, (FAMILY, *NAME_REST)),
    "XTN": DataType(
        12,
        (
            Part(1, "telephone number as one text", _B, "ST", 199),
            Part(12, "telephone number without form", _C, "ST", 199),
        ),
    ),
}
