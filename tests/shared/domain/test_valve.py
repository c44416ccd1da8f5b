from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import valve as valves
from shared.domain.submission import Strategy
from shared.domain.valve import CLOSE_AFTER, PROBE_WAITS, ClosedBy, Valve

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def faults(valve: Valve, count: int, strategy: Strategy = Strategy.CHECK_IIS) -> Valve:
    for _ in range(count):
        valve = valves.fault_seen(valve, strategy, "CONNECT-REFUSED", NOON)
    return valve


def test_consecutive_faults_close_the_valve_and_one_less_does_not() -> None:
    assert faults(Valve(), CLOSE_AFTER - 1).is_open
    shut = faults(Valve(), CLOSE_AFTER)
    assert (shut.closed_by, shut.reason, shut.since) == (ClosedBy.FAULTS, "CONNECT-REFUSED", NOON)
    assert shut.next_probe() == NOON + timedelta(seconds=PROBE_WAITS[0])


def test_an_answer_resets_the_count() -> None:
    valve = valves.answer_seen(faults(Valve(), CLOSE_AFTER - 1))
    assert faults(valve, CLOSE_AFTER - 1).is_open


@pytest.mark.parametrize("strategy", sorted(set(Strategy) - valves.COUNTED))
def test_faults_that_do_not_come_from_the_iis_never_close_the_valve(strategy: Strategy) -> None:
    assert faults(Valve(), 100, strategy) == Valve()


def test_probes_wait_longer_each_time_up_to_fifteen_minutes() -> None:
    valve = faults(Valve(), CLOSE_AFTER)
    waits = []
    for _ in range(8):
        waits.append((valve.next_probe() - valve.last_try).total_seconds())
        valve = valves.probe_failed(valve, "CONNECT-TIMEOUT", NOON)
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900]


def test_on_trial_one_fault_closes_the_valve_and_the_next_probe_waits_longer() -> None:
    first = faults(Valve(), CLOSE_AFTER)
    trial = valves.probe_answered(first, NOON)
    assert trial.is_open
    assert trial.on_trial
    again = faults(trial, 1)
    assert not again.is_open
    assert again.next_probe() - NOON > first.next_probe() - NOON


def test_an_answer_ends_the_trial() -> None:
    trial = valves.probe_answered(faults(Valve(), CLOSE_AFTER), NOON)
    assert not valves.answer_seen(trial).on_trial
    assert faults(valves.answer_seen(trial), 1).is_open


def test_no_fault_answer_or_time_opens_a_valve_that_a_person_closed() -> None:
    shut = valves.closed(Valve(), ClosedBy.PERSON, "CT asked us to wait", NOON)
    assert shut.next_probe() is None
    assert valves.answer_seen(faults(shut, 9)) == shut
    opened = valves.opened_by_person(shut, NOON)
    assert opened.is_open
    assert not opened.on_trial


def test_a_closed_valve_is_not_opened_by_a_late_answer() -> None:
    shut = faults(Valve(), CLOSE_AFTER)
    assert valves.answer_seen(shut) == shut


@given(st.lists(st.sampled_from(["fault", "answer", "probe", "no probe", "window", "person", "open"]), max_size=40))
def test_a_closed_valve_always_has_a_reason_and_can_be_opened(steps: list[str]) -> None:
    change = {
        "fault": lambda valve: faults(valve, 1),
        "answer": valves.answer_seen,
        "probe": lambda valve: valve if valve.is_open else valves.probe_answered(valve, NOON),
        "no probe": lambda valve: valve if valve.is_open else valves.probe_failed(valve, "DNS", NOON),
        "window": lambda valve: valves.closed(valve, ClosedBy.MAINTENANCE, "Sun 02:00-06:00", NOON),
        "person": lambda valve: valves.closed(valve, ClosedBy.PERSON, "asked to", NOON),
        "open": lambda valve: valves.opened_by_person(valve, NOON),
    }
    valve = Valve()
    for step in steps:
        valve = change[step](valve)
        if not valve.is_open:
            assert valve.reason
            assert valve.since == NOON
            assert (valve.next_probe() is not None) == (valve.closed_by is ClosedBy.FAULTS)
    assert valves.opened_by_person(valve, NOON).is_open
