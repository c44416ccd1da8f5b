"""What every benchmark shares: fair timings, and the row that the table and build/bench.json are made of.

Machines are noisy, so what is compared runs in turn, round by round, and the medians are what counts. CPU time where
nothing waits; wall time where waiting is the point.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside one peer. `ratio` is None where the figure itself is what must be reached."""

    name: str
    value: float
    unit: str
    peer: str
    ratio: float | None
    reach: str
    met: bool | None


def at_most(name: str, value: float, unit: str, *, peer: str, peer_value: float, limit: float) -> Row:
    """Ours must cost no more than `limit` times the peer."""
    ratio = value / peer_value
    return Row(name, value, unit, f"{peer}: {shown(peer_value)} {unit}", ratio, f"≤ {limit:g} x", ratio <= limit)


def faster(name: str, value: float, unit: str, *, peer: str, peer_value: float, limit: float) -> Row:
    """The peer must cost at least `limit` times ours."""
    ratio = peer_value / value
    return Row(name, value, unit, f"{peer}: {shown(peer_value)} {unit}", ratio, f"≥ {limit:,g} x", ratio >= limit)


def figure(name: str, value: float, unit: str, *, most: float | None = None, least: float | None = None) -> Row:
    """A figure that is judged by itself, or only reported."""
    if most is not None:
        return Row(name, value, unit, "", None, f"≤ {most:,g} {unit}", value <= most)
    if least is not None:
        return Row(name, value, unit, "", None, f"≥ {least:,g} {unit}", value >= least)
    return Row(name, value, unit, "", None, "", None)


def shown(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def in_turn(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Median seconds of one call of each, after one call that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            start = clock()
            contender()
            if number:
                taken[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def each(function: Callable[[int], object], count: int) -> Callable[[], None]:
    """A contender that calls `function` with 0 … count - 1."""

    def run() -> None:
        for number in range(count):
            function(number)

    return run
