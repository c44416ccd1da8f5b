"""What profile Z22 says across fields: conformance statements of a segment, of an ORDER group and of the message.

A rule's test is true where the statement is broken. Segments are lists of fields, counted from 1. Source: IZ-20 to
IZ-70 of the National IG R1.5 and its addendum of 2015; NIST-01 of NIST's clarifications of 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from shared.domain.z22 import valuesets as vs
from shared.domain.z22.model import GIVEN, Parts, first, is_given_here

ELIGIBILITY: Final = "64994-7"
FUNDING: Final = "30963-3"
VIS_DOCUMENT: Final = "69764-9"
VIS_VACCINE: Final = "30956-7"
VIS_EDITION: Final = "29768-9"
VIS_PRESENTED: Final = "29769-7"

NO_AMOUNT: Final = ("", "999")


class Rule(NamedTuple):
    """A statement about several fields of one segment; `field` is where it is reported."""

    code: str
    field: int
    broken: Callable[[Parts], bool]


class OrderRule(NamedTuple):
    """A statement about an ORDER group: its ORC, its RXA and its OBX segments; reported at `segment` and `field`."""

    code: str
    segment: str
    field: int
    broken: Callable[[Parts, Parts, Sequence[Parts]], bool]


SEGMENT_RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "RXA": (
        Rule("IZ-30", 4, lambda rxa: rxa[4] != "" and first(rxa[4]) != first(rxa[3])),
        Rule("IZ-31", 9, lambda rxa: rxa[20] in GIVEN and not _is_known_source(first(rxa[9]))),
        Rule("IZ-32", 20, lambda rxa: rxa[18] != "" and rxa[20] != "RE" and first(rxa[18]) != ""),
        Rule("IZ-47", 9, lambda rxa: rxa[9] != "" and rxa[20] not in GIVEN and first(rxa[9]) != ""),
        Rule("IZ-48", 6, lambda rxa: rxa[20] == "RE" and rxa[6] not in NO_AMOUNT),
        Rule("IZ-49", 6, lambda rxa: rxa[6] not in NO_AMOUNT and first(rxa[5]) == "998"),
    ),
}


def _is_known_source(code: str) -> bool:
    return code == "" or vs.INFORMATION_SOURCE.has(code)


OBSERVED: Final[dict[str, tuple[str, vs.ValueSet]]] = {
    ELIGIBILITY: ("IZ-35", vs.ELIGIBILITY),
    VIS_DOCUMENT: ("IZ-36", vs.VIS_DOCUMENT),
    VIS_VACCINE: ("IZ-37", vs.VACCINE_GROUP),
    # The profile leaves it open; the addendum of 2015 lists the codes.
    FUNDING: ("Z22-OBX-5-CODE", vs.FUNDING_SOURCE),
}
"""The codes that OBX-5 may hold, by OBX-3.1, where OBX-2 is CE."""

OBSERVED_TYPES: Final[dict[str, str]] = {
    "CE": "CE_IZ",
    **{
        name: name
        for name in (
            *(
                "CNE",
                "CQ",
                "CWE",
                "CX",
                "DT",
                "DTM",
                "ED",
                "EI",
                "FN",
                "FT",
                "HD",
                "ID",
                "IS",
                "LA2",
                "NM",
                "RP",
                "SAD",
            ),
            *("SI", "SN", "ST", "TS", "TX", "XAD", "XCN", "XON", "XPN", "XTN"),
        )
    },
}
"""The data type of OBX-5, by OBX-2."""


def _lacks_eligibility(_orc: Parts, rxa: Parts, observations: Sequence[Parts]) -> bool:
    return is_given_here(rxa) and not any(first(obx[3]) == ELIGIBILITY for obx in observations)


def _lacks_vis(_orc: Parts, rxa: Parts, observations: Sequence[Parts]) -> bool:
    """Whether an OBX-4 group tells a VIS in part: whole are document and date, or vaccine, edition and date."""
    if not is_given_here(rxa) or first(rxa[5]) not in vs.VIS_VACCINES:
        return False
    # One observation alone cannot be eligibility and a statement.
    return len(observations) < 2 or _is_partial(tuple([(obx[3], obx[4]) for obx in observations]))


def _is_partial(observations: tuple[tuple[str, str], ...]) -> bool:
    """Whether, of observations as (OBX-3, OBX-4), some group is part of a statement; messages have few such lists."""
    groups: dict[str, list[str]] = {}
    for observed, group in observations:
        kind = first(observed)
        if kind in _VIS_PARTS and group:
            groups.setdefault(group, []).append(kind)
    return any(sorted(group) not in _VIS_WHOLE for group in groups.values())


_VIS_WHOLE: Final = (sorted((VIS_DOCUMENT, VIS_PRESENTED)), sorted((VIS_VACCINE, VIS_EDITION, VIS_PRESENTED)))
_VIS_PARTS: Final = frozenset((VIS_DOCUMENT, VIS_PRESENTED, VIS_VACCINE, VIS_EDITION))

ORDER_RULES: Final[tuple[OrderRule, ...]] = (
    OrderRule("IZ-23", "RXA", 0, _lacks_eligibility),
    OrderRule("IZ-24", "RXA", 0, _lacks_vis),
    OrderRule("IZ-45", "ORC", 3, lambda orc, rxa, _: rxa[20] in ("NA", "RE") and first(orc[3]) not in ("", "9999")),
    # Its usage: required but may be empty, where the dose was given here.
    OrderRule("Z22-ORC-12-EMPTY", "ORC", 12, lambda orc, rxa, _: orc[12] == "" and is_given_here(rxa)),
)


def numbers_are_broken(groups: tuple[tuple[str, ...], ...]) -> bool:
    """NIST-01: the set ids of the OBX segments, by order, count from 1 in each order or through the message."""
    within = [str(number) for group in groups for number in range(1, len(group) + 1)]
    found = [number.lstrip("0") for group in groups for number in group]
    return found not in (within, [str(number) for number in range(1, len(found) + 1)])
