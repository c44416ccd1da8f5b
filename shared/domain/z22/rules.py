"""Conformance statements of profile Z22 about several fields: of a segment, of an ORDER group and of the message.

The test of a rule is true if the statement is violated. Segments are lists of fields, counted as HL7 does. Source:
IZ-20 to IZ-70 of the National IG R1.5 and its addendum of 2015; NIST-01 of NIST's clarifications of 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from shared.domain.codes.cdc import NO_VACCINE
from shared.domain.hl7 import loinc
from shared.domain.identity import NO_ORDER
from shared.domain.z22 import valuesets as vs
from shared.domain.z22.model import GIVEN, Parts, first, is_given_here

NO_AMOUNT: Final = ("", "999")
"""RXA-6 of an unknown amount."""


class Rule(NamedTuple):
    """A statement about several fields of one segment.

    Attributes:
        code: The code of its check.
        field: The field that the finding names.
        broken: Tests a segment's fields.
    """

    code: str
    field: int
    broken: Callable[[Parts], bool]


class OrderRule(NamedTuple):
    """A statement about an ORDER group.

    Attributes:
        code: The code of its check.
        segment: The segment that the finding names.
        field: The field that the finding names; 0 for the whole segment.
        broken: Tests the fields of ORC, of RXA and of the OBX segments.
    """

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
        Rule("IZ-49", 6, lambda rxa: rxa[6] not in NO_AMOUNT and first(rxa[5]) == NO_VACCINE),
    ),
}


def _is_known_source(code: str) -> bool:
    return code == "" or vs.INFORMATION_SOURCE.has(code)


OBSERVED: Final[dict[str, tuple[str, vs.ValueSet]]] = {
    loinc.ELIGIBILITY: ("IZ-35", vs.ELIGIBILITY),
    loinc.VIS_DOCUMENT: ("IZ-36", vs.VIS_DOCUMENT),
    loinc.VACCINE: ("IZ-37", vs.VACCINE_GROUP),
    # The profile leaves the codes open; the addendum of 2015 lists them.
    loinc.FUNDING_SOURCE: ("Z22-OBX-5-CODE", vs.FUNDING_SOURCE),
}
"""The check and the value set of OBX-5 by OBX-3.1, if OBX-2 is CE."""

_OTHER_OBSERVED_TYPES: Final = (
    *("CNE", "CQ", "CWE", "CX", "DT", "DTM", "ED", "EI", "FN", "FT", "HD", "ID", "IS", "LA2", "NM", "RP", "SAD"),
    *("SI", "SN", "ST", "TS", "TX", "XAD", "XCN", "XON", "XPN", "XTN"),
)
OBSERVED_TYPES: Final = {"CE": "CE_IZ", **{name: name for name in _OTHER_OBSERVED_TYPES}}
"""The data type of OBX-5 by OBX-2."""


def _lacks_eligibility(_orc: Parts, rxa: Parts, observations: Sequence[Parts]) -> bool:
    return is_given_here(rxa) and not any(first(obx[3]) == loinc.ELIGIBILITY for obx in observations)


def _lacks_vis(_orc: Parts, rxa: Parts, observations: Sequence[Parts]) -> bool:
    """Tell if a dose given here lacks a VIS, or has one told in part."""
    if not is_given_here(rxa) or first(rxa[5]) not in vs.VIS_VACCINES:
        return False
    # One observation alone cannot be both eligibility and a VIS.
    return len(observations) < 2 or _has_partial_vis(observations)


def _has_partial_vis(observations: Sequence[Parts]) -> bool:
    """Tell if the observations of one OBX-4 are a VIS in part."""
    groups: dict[str, list[str]] = {}
    for obx in observations:
        code = first(obx[3])
        if code in _VIS_PARTS and obx[4]:
            groups.setdefault(obx[4], []).append(code)
    return any(sorted(group) not in _WHOLE_VIS for group in groups.values())


_WHOLE_VIS: Final = (
    sorted((loinc.VIS_DOCUMENT, loinc.VIS_PRESENTED)),
    sorted((loinc.VACCINE, loinc.VIS_EDITION, loinc.VIS_PRESENTED)),
)
_VIS_PARTS: Final = frozenset((loinc.VIS_DOCUMENT, loinc.VIS_PRESENTED, loinc.VACCINE, loinc.VIS_EDITION))

ORDER_RULES: Final[tuple[OrderRule, ...]] = (
    OrderRule("IZ-23", "RXA", 0, _lacks_eligibility),
    OrderRule("IZ-24", "RXA", 0, _lacks_vis),
    OrderRule("IZ-45", "ORC", 3, lambda orc, rxa, _: rxa[20] in ("NA", "RE") and first(orc[3]) not in ("", NO_ORDER)),
    # ORC-12 is required but may be empty if the dose was given here.
    OrderRule("Z22-ORC-12-EMPTY", "ORC", 12, lambda orc, rxa, _: orc[12] == "" and is_given_here(rxa)),
)


def set_ids_are_broken(orders: Sequence[Sequence[str]]) -> bool:
    """Tell if OBX-1 violates NIST-01: it counts from 1 in each ORDER group or through the message.

    Args:
        orders: The values of OBX-1 that are there, by ORDER group.
    """
    set_ids = [set_id.lstrip("0") for order in orders for set_id in order]
    per_order = [str(number) for order in orders for number in range(1, len(order) + 1)]
    per_message = [str(number) for number in range(1, len(set_ids) + 1)]
    return set_ids not in (per_order, per_message)
