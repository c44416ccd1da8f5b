from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import valve as valves
from shared.domain.faults import BY_CODE, CATALOGUE
from shared.domain.valve import (
    CLOSE_AFTER,
    CLOSE_AFTER_DOUBTS,
    PROBE_WAITS,
    TRIAL_WAITS,
    ClosedBy,
    Tally,
    Valve,
    in_doubt_at_most,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANSWERED = Tally(answers=1)
REFUSED = Tally(faults=1, code="HTTP-503")
DOUBTFUL = Tally(faults=1, doubts=1, code="HTTP-500")


def faults(valve: Valve, count: int, code: str = "CONNECT-REFUSED") -> Valve:
    for _ in range(count):
        valve = valves.fault_seen(valve, BY_CODE[code], NOON)
    return valve


def shut() -> Valve:
    return faults(Valve(), CLOSE_AFTER)


def on_trial(valve: Valve | None = None) -> Valve:
    return valves.probe_answered(valve or shut(), NOON)


def after_rounds(valve: Valve, *tallies: Tally) -> Valve:
    for tally in tallies:
        valve = valves.round_ended(valve, tally, NOON)
    return valve


# what closes it ------------------------------------------------------------------------------------------------------


def test_faults_in_a_row_close_the_valve_and_one_less_does_not() -> None:
    assert faults(Valve(), CLOSE_AFTER - 1).is_open
    valve = faults(Valve(), CLOSE_AFTER)
    assert (valve.closed_by, valve.reason, valve.since) == (ClosedBy.FAULTS, "CONNECT-REFUSED", NOON)
    assert valve.next_probe() == NOON + timedelta(seconds=PROBE_WAITS[0])


def test_an_answer_resets_the_count_of_faults() -> None:
    valve = valves.answer_seen(faults(Valve(), CLOSE_AFTER - 1))
    assert faults(valve, CLOSE_AFTER - 1).is_open


def test_fewer_doubtful_faults_close_it() -> None:
    assert faults(Valve(), CLOSE_AFTER_DOUBTS - 1, "READ-TIMEOUT").is_open
    assert faults(Valve(), CLOSE_AFTER_DOUBTS, "READ-TIMEOUT").reason == "READ-TIMEOUT"


@pytest.mark.parametrize(
    ("rate", "closes"),
    [("HTTP-500", True), ("READ-TIMEOUT", True), ("HTTP-503", False), ("HTTP-429", False), ("CONNECT-REFUSED", False)],
)
def test_where_half_of_all_calls_fail_only_doubtful_faults_close_it(rate: str, closes: bool) -> None:
    random, valve = Random(1), Valve()
    for _ in range(2_000):
        fails = random.random() < 0.5
        valve = faults(valve, 1, rate) if fails else valves.answer_seen(valve)
    assert valve.is_open is not closes


@pytest.mark.parametrize(("rate", "closes"), [(0.02, False), (0.25, True)])
def test_a_typical_week_does_not_close_it_and_a_bad_day_does(rate: float, closes: bool) -> None:
    """IZ Gateway's rates of faults; all of them doubtful."""
    random, valve, in_doubt = Random(2), Valve(), 0
    for _ in range(10_000):
        fails = random.random() < rate
        in_doubt += fails and valve.is_open
        valve = faults(valve, 1, "CONNECTION-LOST") if fails else valves.answer_seen(valve)
    assert valve.is_open is not closes
    assert not closes or in_doubt < 30


@pytest.mark.parametrize(
    "code", sorted(fault.code for fault in CATALOGUE if fault.strategy not in valves.COUNTED or fault.is_answer)
)
def test_faults_that_do_not_come_from_the_iis_never_close_the_valve(code: str) -> None:
    assert faults(Valve(), 100, code) == Valve()


def test_a_closed_valve_is_not_opened_by_a_late_answer() -> None:
    assert valves.answer_seen(shut()) == shut()


# what opens it -------------------------------------------------------------------------------------------------------


def test_probes_wait_longer_each_time_up_to_fifteen_minutes() -> None:
    valve = shut()
    waits = []
    for _ in range(8):
        waits.append((valve.next_probe() - valve.last_try).total_seconds())
        valve = valves.probe_failed(valve, "CONNECT-TIMEOUT", NOON)
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900]


def test_a_good_probe_opens_nothing_but_a_round_of_one_message() -> None:
    valve = on_trial()
    assert (valve.is_open, valve.on_trial, valve.round, valve.next_probe()) == (False, True, 1, None)


def test_rounds_double_until_the_valve_opens_without_a_memory() -> None:
    valve, rounds = on_trial(), []
    while not valve.is_open:
        rounds.append(valve.round)
        valve = after_rounds(valve, ANSWERED)
    assert rounds == [1, 2, 4, 8]
    assert valve == Valve(since=NOON)


def test_a_round_in_which_nothing_waits_opens_nothing_and_a_refused_call_among_answers_costs_nothing() -> None:
    assert after_rounds(on_trial(), Tally()) == on_trial()
    assert after_rounds(on_trial(), Tally(answers=1, faults=3, code="HTTP-503")).round == 2


@pytest.mark.parametrize("failed", [REFUSED, DOUBTFUL, Tally(answers=7, faults=1, doubts=1, code="READ-TIMEOUT")])
@pytest.mark.parametrize("good", range(3))
def test_a_failed_round_closes_it_and_the_trial_begins_anew(failed: Tally, good: int) -> None:
    valve = after_rounds(on_trial(), *[ANSWERED] * good, failed)
    assert (valve.closed_by, valve.reason, valve.round) == (ClosedBy.FAULTS, failed.code, 0)
    assert valve.next_probe() > NOON
    assert on_trial(valve).round == 1


def test_trials_that_leave_a_message_in_doubt_come_less_often_until_the_valve_is_open_again() -> None:
    valve, waits = shut(), []
    for _ in range(8):
        valve = after_rounds(on_trial(valve), ANSWERED, DOUBTFUL)
        waits.append((valve.next_probe() - NOON).total_seconds())
    assert waits == [60, 120, 240, 480, 900, 1800, 1800, 1800]
    opened = after_rounds(on_trial(valve), *[ANSWERED] * 4)
    again = after_rounds(on_trial(faults(opened, CLOSE_AFTER)), DOUBTFUL)
    assert again.next_probe() == NOON + timedelta(seconds=TRIAL_WAITS[0])


def test_trials_that_leave_nothing_in_doubt_come_as_often_as_probes() -> None:
    valve = shut()
    for _ in range(9):
        valve = after_rounds(on_trial(valve), REFUSED)
    assert valve.next_probe() == NOON + timedelta(seconds=PROBE_WAITS[-1])


@pytest.mark.parametrize(("hours", "most"), [(0, 24), (8, 44), (24, 76), (7 * 24, 364)])
def test_the_most_messages_in_doubt_are_those_that_close_the_valve_and_one_per_trial(hours: int, most: int) -> None:
    assert in_doubt_at_most(20, hours) == most


# persons -------------------------------------------------------------------------------------------------------------


def test_no_fault_answer_round_or_time_opens_a_valve_that_a_person_closed() -> None:
    valve = valves.closed(on_trial(), ClosedBy.PERSON, "CT asked us to wait", NOON)
    assert valve.next_probe() is None
    assert after_rounds(valves.answer_seen(faults(valve, 99)), ANSWERED) == valve
    assert valves.opened(valve, NOON) == Valve(since=NOON)


def test_a_round_that_ends_after_a_person_opened_the_valve_changes_nothing() -> None:
    opened = valves.opened(on_trial(), NOON)
    assert after_rounds(opened, DOUBTFUL) == opened


@given(
    st.lists(
        st.sampled_from(["fault", "doubt", "answer", "probe", "no probe", "good", "bad", "window", "person", "open"]),
        max_size=60,
    )
)
def test_a_closed_valve_always_has_a_reason_and_a_way_to_open(steps: list[str]) -> None:
    change = {
        "fault": lambda valve: faults(valve, 9),
        "doubt": lambda valve: faults(valve, 3, "HTTP-500"),
        "answer": valves.answer_seen,
        "probe": lambda valve: valve if valve.is_open else valves.probe_answered(valve, NOON),
        "no probe": lambda valve: valve if valve.is_open else valves.probe_failed(valve, "DNS", NOON),
        "good": lambda valve: after_rounds(valve, ANSWERED),
        "bad": lambda valve: after_rounds(valve, DOUBTFUL),
        "window": lambda valve: valves.closed(valve, ClosedBy.MAINTENANCE, "Sun 02:00-06:00", NOON),
        "person": lambda valve: valves.closed(valve, ClosedBy.PERSON, "asked to", NOON),
        "open": lambda valve: valves.opened(valve, NOON),
    }
    valve = Valve()
    for step in steps:
        valve = change[step](valve)
        assert (valve.round > 0) == valve.on_trial
        if not valve.is_open:
            assert valve.reason
            assert valve.since == NOON
            assert (valve.next_probe() is not None) == (valve.closed_by is ClosedBy.FAULTS)
    assert after_rounds(on_trial(valves.opened(valve, NOON)), *[ANSWERED] * 4).is_open


# the tally -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([fault.code for fault in CATALOGUE] + [""]), max_size=12), st.integers(0, 12))
def test_a_tally_of_two_parts_is_the_tally_of_the_whole(codes: list[str], at: int) -> None:
    def tally(codes: list[str]) -> Tally:
        made = Tally()
        for code in codes:
            made = made.with_fault(BY_CODE[code]) if code else made.with_answer()
        return made

    assert tally(codes[:at]).plus(tally(codes[at:])) == tally(codes)
    assert not tally(codes).doubts or BY_CODE[tally(codes).code].may_be_stored
