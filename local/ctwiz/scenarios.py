"""What an ordinary week, a bad day and an outage look like from the sender's side, as IZ Gateway measured them.

Figures are of all IISs that CDC's gateway delivers to, not of CT WiZ. Where a server that has accepted a connection
cannot do what was measured (refuse it, or leave it unanswered), the nearest thing that also means "not stored" is
played. What happens to a message follows from the seed, its MSH-10 and how often it came: the same seed, the same run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: `faults` by name and how many of a million messages meet each; `seconds` of answering by percentile."""

    words: str
    faults: Mapping[str, int]
    seconds: tuple[tuple[float, float], ...]


_ANSWERS: Final = ((0.0, 0.3), (50.0, 1.6), (75.0, 3.0), (90.0, 4.8), (95.0, 6.1), (99.0, 8.75), (100.0, 15.0))

SCENARIOS: Final[dict[str, Scenario]] = {
    "typical-week": Scenario(
        "1.4 % of the messages fail on the way, most of them for want of a whole answer",
        {
            "eof": 5_987,
            "http-503": 2_891 + 439 + 253 + 113 + 57,  # refused, nobody there, TLS, connect timeout, 503
            "read-timeout": 2_690,
            "unknown-fault": 632 + 185,
            "security-fault": 322,
            "http-502": 78,
            "http-403": 10,
            "http-404": 4,
            "http-408": 4,
            "reset": 2,
        },
        _ANSWERS,
    ),
    "repeated-failures": Scenario(
        "a quarter of the messages is refused or reset", {"http-503": 125_000, "reset": 125_000}, _ANSWERS
    ),
    "regional-outage": Scenario("a quarter of the messages reaches nobody", {"http-503": 250_000}, _ANSWERS),
}


LAPTOP_PACE: Final = 0.02
"""Of the measured answer times, so that a run of a hundred messages takes seconds."""


def playing(name: str | None, *, seed: int = 0, pace: float = 1.0) -> Playing | None:
    """The scenario of that name, or none."""
    return Playing(SCENARIOS[name], seed, pace) if name else None


@dataclass(frozen=True, slots=True)
class Playing:
    """A scenario that is being played; `pace` shrinks the seconds of answering."""

    scenario: Scenario
    seed: int = 0
    pace: float = 1.0

    def fault(self, msh_10: str, number: int) -> str:
        """What goes wrong with the `number`th coming of a message; empty where nothing does."""
        at = self._draw("fault", msh_10, number) * _MILLION
        for name, share in self.scenario.faults.items():
            at -= share
            if at < 0:
                return name
        return ""

    def seconds(self, msh_10: str, number: int) -> float:
        """How long the answer takes, between the measured percentiles."""
        at = self._draw("seconds", msh_10, number) * 100
        for (low, short), (high, long) in pairwise(self.scenario.seconds):
            if at <= high:
                return (short + (long - short) * (at - low) / (high - low)) * self.pace
        raise AssertionError("the percentiles end at 100")

    def _draw(self, what: str, msh_10: str, number: int) -> float:
        """Evenly spread over 0 to 1."""
        mark = hashlib.sha256(f"{self.seed}/{what}/{msh_10}/{number}".encode()).digest()
        return int.from_bytes(mark[:8]) / 2**64
