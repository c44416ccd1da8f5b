"""The measured mixes: the same seed, the same run; in the long run the measured shares and answer times."""

from __future__ import annotations

from collections import Counter
from statistics import quantiles

import pytest

from local.ctwiz.faults import FAULTS
from local.ctwiz.scenarios import SCENARIOS, run_scenario

MESSAGES = 20_000


def test_every_fault_of_a_scenario_can_be_played() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.faults.keys() <= FAULTS.keys()


@pytest.mark.parametrize(
    ("name", "share"), [("typical-week", 0.0137), ("repeated-failures", 0.25), ("regional-outage", 0.25)]
)
def test_in_the_long_run_as_many_messages_fail_as_was_measured(name: str, share: float) -> None:
    played = run_scenario(name, seed=7)
    assert played is not None
    failed = Counter(played.fault(f"MSG{number}", 1) for number in range(MESSAGES))
    assert 1 - failed[""] / MESSAGES == pytest.approx(share, rel=0.15)


def test_answers_take_as_long_as_was_measured() -> None:
    played = run_scenario("typical-week", seed=7)
    assert played is not None
    seconds = [played.seconds(f"MSG{number}", 1) for number in range(MESSAGES)]
    cuts = quantiles(seconds, n=100)
    for percentile, measured in ((50, 1.6), (75, 3.0), (90, 4.8), (95, 6.1)):
        assert cuts[percentile - 1] == pytest.approx(measured, rel=0.05)


def test_the_same_seed_is_the_same_run_and_another_seed_is_not() -> None:
    def run(seed: int) -> list[str]:
        played = run_scenario("repeated-failures", seed=seed)
        assert played is not None
        return [played.fault(f"MSG{number}", 1) for number in range(100)]

    assert run(1) == run(1) != run(2)


def test_a_message_that_comes_again_has_its_own_luck() -> None:
    played = run_scenario("repeated-failures")
    assert played is not None
    assert len({played.fault("MSG", number) for number in range(1, 50)}) > 1
