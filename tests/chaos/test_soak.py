"""A share of `make chaos` that every run of the tests plays."""

from __future__ import annotations

import pytest

from tests.chaos.soak import play


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_every_promise_holds_when_it_has_drained(seed: int) -> None:
    _, violated = play(seed)
    assert violated == "", f"seed {seed}: make chaos SEED={seed} SCHEDULES=1 shows the trace"


def test_a_schedule_is_played_the_same_way_twice() -> None:
    (one, _), (other, _) = play(7), play(7)
    assert one.trace == other.trace
