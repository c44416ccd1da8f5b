"""Fault rates and answer times of a typical week, of repeated failures and of an outage, as IZ Gateway measured them.

The figures cover all IISs that CDC's gateway delivers to, not CT WiZ alone. The simulator has accepted the connection
already, so it cannot refuse one or leave it unanswered; it plays the nearest fault that also means "not stored". The
fault of a message follows from the seed, its MSH-10 and how often it came, so a seed always gives the same run.
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
    """One scenario.

    Attributes:
        words: what it means, in one sentence.
        faults: name of a fault → messages per million that meet it.
        seconds: (percentile, answer time in seconds), from 0 to 100.
    """

    words: str
    faults: Mapping[str, int]
    seconds: tuple[tuple[float, float], ...]


_ANSWER_TIMES: Final = ((0.0, 0.3), (50.0, 1.6), (75.0, 3.0), (90.0, 4.8), (95.0, 6.1), (99.0, 8.75), (100.0, 15.0))

SCENARIOS: Final[dict[str, Scenario]] = {
    "typical-week": Scenario(
        "1.4 % of the messages fail on the way, most of them because the answer is incomplete",
        {
            "eof": 5_987,
            "http-503": 2_891 + 439 + 253 + 113 + 57,  # refused, host unknown, TLS, connect timeout, 503
            "read-timeout": 2_690,
            "unknown-fault": 632 + 185,
            "security-fault": 322,
            "http-502": 78,
            "http-403": 10,
            "http-404": 4,
            "http-408": 4,
            "reset": 2,
        },
        _ANSWER_TIMES,
    ),
    "repeated-failures": Scenario(
        "a quarter of the messages is refused or reset", {"http-503": 125_000, "reset": 125_000}, _ANSWER_TIMES
    ),
    "regional-outage": Scenario("a quarter of the messages reaches nobody", {"http-503": 250_000}, _ANSWER_TIMES),
}

LAPTOP_PACE: Final = 0.02
"""Factor for the measured answer times with which a run of a hundred messages takes seconds."""


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scenario with a seed; `pace` is a factor for its answer times."""

    scenario: Scenario
    seed: int = 0
    pace: float = 1.0

    def fault(self, msh_10: str, number: int) -> str:
        """Return the fault of a message that comes for the `number`th time; empty for none."""
        at = self._draw("fault", msh_10, number) * _MILLION
        for name, per_million in self.scenario.faults.items():
            at -= per_million
            if at < 0:
                return name
        return ""

    def seconds(self, msh_10: str, number: int) -> float:
        """Return the answer time, interpolated between the measured percentiles."""
        at = self._draw("seconds", msh_10, number) * 100
        for (low, short), (high, long) in pairwise(self.scenario.seconds):
            if at <= high:
                return (short + (long - short) * (at - low) / (high - low)) * self.pace
        raise AssertionError("the percentiles end at 100")

    def _draw(self, what: str, msh_10: str, number: int) -> float:
        """Return a number that is uniformly distributed over 0 to 1 and follows from the arguments."""
        digest = hashlib.sha256(f"{self.seed}/{what}/{msh_10}/{number}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64


def run_scenario(name: str | None, *, seed: int = 0, pace: float = 1.0) -> ScenarioRun | None:
    """Return a run of the scenario of that name; None where no name is given."""
    return ScenarioRun(SCENARIOS[name], seed, pace) if name else None
