"""`make chaos`: many schedules, each from its seed; one line at the end, or the seed and the trace of what broke.

make chaos                          1,000 schedules from a seed of the day
make chaos SEED=42 SCHEDULES=1      exactly that schedule again
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.chaos.invariants import ViolationError
from tests.chaos.mischief import Mischief, drawn
from tests.chaos.world import World

_TRACE_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Broken:
    """A schedule that broke a promise."""

    seed: int
    what: str
    world: World

    def told(self) -> str:
        """The trace that names what it is about, and how to play it again."""
        lines = [f"{time_:%d %H:%M:%S.%f} {who:12} {what}" for time_, who, what in self.world.trace[-_TRACE_SHOWN:]]
        again = f"again: make chaos SEED={self.seed} SCHEDULES=1"
        return "\n".join([*lines, f"VIOLATED with seed {self.seed}: {self.what}", again])


def play(seed: int, mischief: Mischief | None = None, **options: Any) -> tuple[World, str]:
    """One schedule: some hours of exports and mischief, then calm. The world, and what was violated (empty: nothing).

    What goes wrong is drawn by the seed, or is `mischief`.
    """
    random = Random(seed)
    world = World(random, mischief or drawn(random), **options)
    try:
        _live(world, random)
        world.calm_down()
        drained = world.drain()
        world.watch.check()
        if not drained:
            return world, "it does not drain"
        world.watch.at_rest()
    except ViolationError as violation:
        return world, str(violation)
    return world, ""


def _live(world: World, random: Random) -> None:
    for number in range(random.randint(2, 9)):
        same_key = "again.csv" if random.random() < 0.3 else ""
        world.export(number, random.choice((2, 10, 60)) * random.randint(0, 6) // 6, same_key)
        world.run(random.choice((0.0, 5.0, 600.0, 7200.0, 30_000.0)))
        if random.random() < 0.15:
            world.push_configuration(mended=random.random() < 0.7)
        for _ in range(random.choice((0, 0, 1, 4))):
            world.correct()
        if random.random() < 0.2:
            world.close()
        if random.random() < 0.4:
            world.open_facilities()
        if random.random() < 0.1:
            world.close_the_valve()
        elif random.random() < 0.3:
            world.open_the_valve()
    world.run(random.choice((60.0, 3600.0)))


def soak(first: int, schedules: int, **options: Any) -> tuple[Counter[str], Broken | None]:
    """Schedules one after the other; the counts of all, and the first that broke."""
    counts: Counter[str] = Counter()
    for seed in range(first, first + schedules):
        world, violated = play(seed, **options)
        counts += world.counts
        counts["schedules"] += 1
        counts["charts"] += len(world.ledger.memory.charts)
        counts["messages sent"] += len(world.watch.order)
        if violated:
            return counts, Broken(seed, violated, world)
    return counts, None


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400 * 100_000)
    parser.add_argument("--schedules", type=int, default=1_000)
    arguments = parser.parse_args()
    started = time.monotonic()
    counts, broken = soak(arguments.seed, arguments.schedules)
    if broken is not None:
        print(broken.told())  # noqa: T201 - it talks to a person
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    print(f"chaos from seed {arguments.seed}: {told}; {time.monotonic() - started:.0f} s")  # noqa: T201 - as above
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
