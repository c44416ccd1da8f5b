"""Checks the structure of a message: which segment stands where, and how often (VXU_V04 as profile Z22 has it)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from shared.domain.z22.segments import MAY_FOLLOW, SEGMENTS

_REPEATING: Final = frozenset({"SFT", "NK1", "GT1", "IN1", "TQ1", "OBX"})
_NEEDS_NO_PID: Final = frozenset({"MSH", "PID", "SFT", "RXA", "NTE"})
_NEEDS_RXA: Final = frozenset({"RXR", "OBX"})


class Place(NamedTuple):
    """The position of a segment.

    Attributes:
        label: Its name and, after the first one, its number (`RXA[2]`).
        order: The position of its ORDER group, from 0; -1 before the first.
    """

    label: str
    order: int


class Structure(NamedTuple):
    """The structure of a message.

    Attributes:
        places: The place of each segment.
        orders: How many ORDER groups there are.
        problems: What is wrong, as (code of the check, label of the segment).
    """

    places: tuple[Place, ...]
    orders: int
    problems: tuple[tuple[str, str], ...]


# Messages have few shapes. The cache saves 14 us a message, 2 % of what converting its row costs.
@lru_cache(maxsize=1024)
def structure_of(names: tuple[str, ...]) -> Structure:
    """Find the place of each segment of a message.

    Args:
        names: The names of its segments, in order, at most three characters of each.
    """
    places: list[Place] = []
    problems: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    before, order, has_rxa = "", -1, True
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        label = numbered(name, counts[name])
        if name == "ORC":
            if not has_rxa:
                problems.append(("Z22-RXA-MISSING", numbered("RXA", order + 1)))
            order, has_rxa = order + 1, False
        has_rxa = has_rxa or name == "RXA"
        places.append(Place(label, order))
        problem = _problem(name, before, counts)
        if problem:
            problems.append((problem, label))
        before = name if _is_known(name) else before
    if not has_rxa:
        problems.append(("Z22-RXA-MISSING", numbered("RXA", order + 1)))
    problems += [(f"Z22-{name}-MISSING", name) for name in ("MSH", "PID") if name not in counts]
    return Structure(tuple(places), order + 1, tuple(problems))


def numbered(name: str, number: int) -> str:
    """Return the label of the n-th (from 1) segment of that name."""
    return name if number <= 1 else f"{name}[{number}]"


def _is_known(name: str) -> bool:
    return name in MAY_FOLLOW or name == "MSH"


def _problem(name: str, before: str, counts: dict[str, int]) -> str:
    """The code of what is wrong with a segment after the known one before it, if anything is."""
    if not _is_known(name):
        return "Z22-SEGMENT-UNKNOWN" if _is_name(name) else "Z22-SEGMENT-UNREADABLE"
    if not before:
        return "" if name == "MSH" else "Z22-SEGMENT-PLACE"
    if before in MAY_FOLLOW.get(name, ()):
        return ""
    if name == before and name not in _REPEATING:
        return f"Z22-{name}-REPEATS" if name in SEGMENTS else "Z22-SEGMENT-PLACE"
    # A required segment before it is missing, which is a problem of its own.
    if name in _NEEDS_RXA:
        return "" if before in ("ORC", "TQ1", "TQ2") else "Z22-SEGMENT-PLACE"
    if name not in _NEEDS_NO_PID and "PID" not in counts:
        return ""
    return "Z22-SEGMENT-PLACE"


def _is_name(name: str) -> bool:
    return len(name) == 3 and name.isascii() and name.isalnum() and name[:2].isalpha() and name.isupper()
