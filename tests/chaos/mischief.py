"""What goes wrong in one schedule, and how often: drawn from its seed, over when the calm begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.fakes.iis import EVERY_FAULT

KILL_BEFORE, KILL_AFTER, FAIL_BEFORE, FAIL_AFTER, TWICE, PAUSE = (
    "killed before",
    "killed after",
    "fails before",
    "fails after",
    "again after a lost answer",
    "pauses at",
)
# Not played at the wire: they last longer than a function may.
_STOPPING: Final = (
    "security-fault",
    "fault-2014",
    "fault-with-200",
    "webiz-auth",
    "unsupported-operation",
    "redirect",
    "http-401",
    "http-403",
)


class InjectedError(Exception):
    """AWS is throttling or broken, says the schedule."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """Rates: of port calls (`fates`), of calls to the IIS (`iis`), of queue messages; seconds of skew and latency.

    `probes` is the rate of probes, where it is not that of messages. `query_faults` strike every query.
    """

    fates: dict[str, float] = field(default_factory=dict)
    iis: float = 0.0
    faults: tuple[str, ...] = ()
    lost: float = 0.0
    duplicated: float = 0.0
    late_events: float = 0.0
    late_files: float = 0.0
    skew: float = 0.0
    latency: float = 0.5
    probes: float | None = None
    query_faults: tuple[str, ...] = ()

    def fate(self, random: Random) -> str:
        """What happens at one port call: a key of `fates`, or nothing."""
        dice = random.random()
        for name, rate in self.fates.items():
            if dice < rate:
                return name
            dice -= rate
        return ""


CALM: Final = Mischief()


def drawn(random: Random) -> Mischief:
    """The mischief of one schedule: a few kinds much, the others little or not at all."""

    def rate(*rates: float) -> float:
        return random.choice(rates)

    pool = EVERY_FAULT if random.random() < 0.6 else tuple(f for f in EVERY_FAULT if f not in _STOPPING)
    return Mischief(
        fates={
            KILL_BEFORE: rate(0, 0, 0.002, 0.01),
            KILL_AFTER: rate(0, 0, 0.002, 0.01),
            FAIL_BEFORE: rate(0, 0, 0.005, 0.03),
            FAIL_AFTER: rate(0, 0, 0.005, 0.03),
            TWICE: rate(0, 0, 0.005, 0.02),
            PAUSE: rate(0, 0.01, 0.05),
        },
        iis=rate(0, 0.02, 0.1, 0.4),
        faults=tuple(random.sample(pool, random.randint(1, 12))) if random.random() < 0.7 else pool,
        lost=rate(0, 0, 0.01, 0.05),
        duplicated=rate(0, 0.02, 0.1),
        late_events=rate(0, 0.1, 0.5),
        late_files=rate(0, 0.1, 0.4),
        skew=rate(0, 0, 10),
        latency=rate(0.3, 2.0, 6.0),
    )
