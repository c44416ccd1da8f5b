"""Backfills: messages beyond the daily quota wait in the ledger and delay no other lane."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import settings
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.submission import BackfillLane, Submission
from shared.domain.valve import ClosedBy, Valve
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.usecases.delivery.backfill import Admitted, Backfill, DailyQuota, waiting_in_backfills
from shared.usecases.delivery.sweep import Sweep
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger, ports_for
from tests.fakes.queues import MemoryOutbox, MemorySqs
from tests.shared.usecases.submit_setup import CONFIGURATION

PACE = 5
FAST = 10**6


class Stopped(Exception):  # noqa: N818 - stands for a killed process, not for an error
    """The process is killed here."""


@dataclass
class Sent:
    messages: list[str] = field(default_factory=list)
    breaks: bool = False
    waiting: int = 0

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        self.messages += [one.msh_10 for one in messages]
        if self.breaks:
            raise Stopped

    def depth(self) -> int:
        return self.waiting


@dataclass
class At:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Configured:
    configuration: Configuration

    def current(self, *, since: datetime | None = None) -> Configuration:
        return self.configuration


class BackfillSetup:
    def __init__(self, pace: int = PACE) -> None:
        self.ledger = MemoryLedger()
        self.outbox = Sent()
        self.clock = At()
        iis = replace(CONFIGURATION.iis, backfill_per_minute=pace)
        self.common: dict[str, Any] = {
            "outbox": self.outbox,
            "configurations": Configured(replace(CONFIGURATION, iis=iis)),
            "clock": self.clock,
        }
        self.give_turns = Backfill(**ports_for(Backfill, self.ledger), **self.common)

    def waits(self, number: int, clinic: str = "elm", source: str = "demo") -> Submission:
        made = replace(
            a_submission(f"B{number:03}"),
            source=source,
            clinic=clinic,
            created=NOON - timedelta(hours=1) + timedelta(seconds=number),
            waiting_since=NOON - timedelta(hours=1) + timedelta(seconds=number),
            backfill=True,
        )
        self.ledger.submissions.add(made)
        return made

    def admitted(self) -> list[str]:
        """Return what the outbox got since the last call."""
        new, self.outbox.messages = self.outbox.messages, []
        return new


def test_the_oldest_are_queued_first_at_the_configured_pace() -> None:
    setup = BackfillSetup()
    for number in (9, 3, 11, *range(3), *range(4, 9), 10):
        setup.waits(number)
    assert setup.give_turns() == Admitted(5, left=True)
    assert setup.outbox.messages == [f"B{number:03}" for number in range(5)]
    assert setup.give_turns() == Admitted(5, left=True)
    assert setup.give_turns() == Admitted(2, left=False)
    assert setup.outbox.messages == [f"B{number:03}" for number in range(12)]
    assert setup.give_turns() == Admitted(0, left=False)


def test_a_pace_of_more_than_one_batch_is_kept() -> None:
    setup = BackfillSetup(pace=230)
    for number in range(300):
        setup.waits(number)
    assert setup.give_turns() == Admitted(230, left=True)
    assert len(setup.outbox.messages) == 230


def test_an_admitted_message_joins_the_backlog_and_is_not_admitted_again() -> None:
    setup = BackfillSetup()
    setup.waits(1)
    assert list(setup.ledger.backlog.waiting()) == []
    setup.give_turns()
    [waiting] = setup.ledger.backlog.waiting()
    assert (waiting.message.msh_10, waiting.since) == ("B001", NOON)
    assert setup.give_turns() == Admitted(0, left=False)
    assert setup.outbox.messages == ["B001"]


def test_nothing_is_admitted_while_the_valve_is_closed() -> None:
    setup = BackfillSetup()
    setup.waits(1)
    setup.ledger.stops.save_valve(Valve(), Valve(closed_by=ClosedBy.PERSON, since=NOON, reason="synthetic"))
    assert setup.give_turns() == Admitted(0, left=True)
    assert setup.outbox.messages == []
    assert [one.message.msh_10 for one in waiting_in_backfills(setup.ledger.backfills, 1)] == ["B001"]


@pytest.mark.parametrize("behind", [("harbor", "demo"), ("elm", "other")])
def test_a_small_backfill_is_queued_beside_an_older_large_one(behind: tuple[str, str]) -> None:
    setup = BackfillSetup(pace=10)
    for number in range(500):
        setup.waits(number)
    for number in range(500, 505):
        setup.waits(number, *behind)
    assert setup.give_turns() == Admitted(10, left=True)
    assert sorted(setup.admitted()) == sorted([f"B{number:03}" for number in (*range(5), *range(500, 505))])
    assert setup.give_turns() == Admitted(10, left=True)
    assert setup.admitted() == [f"B{number:03}" for number in range(5, 15)]


def test_with_more_lanes_than_messages_per_minute_every_lane_gets_its_turn() -> None:
    setup = BackfillSetup(pace=1)
    for number, source in enumerate(("a", "b", "c") * 10):
        setup.waits(number, source=source)
    for minute in range(3):
        setup.clock.time = NOON + timedelta(minutes=minute)
        assert setup.give_turns() == Admitted(1, left=True)
    assert sorted(setup.admitted()) == ["B000", "B001", "B002"]


def test_a_stopped_facility_keeps_its_backfill_and_delays_no_other() -> None:
    setup = BackfillSetup()
    for number in range(400):
        setup.waits(number, "elm")
    setup.waits(400, "harbor")
    setup.ledger.stops.stop_facility(CONFIGURATION.clinics["elm"].facility_id, "AUTH", NOON)
    assert setup.give_turns() == Admitted(1, left=False)
    assert setup.admitted() == ["B400"]
    setup.ledger.stops.open_facility(CONFIGURATION.clinics["elm"].facility_id)
    assert setup.give_turns() == Admitted(5, left=True)


def test_the_outbox_stays_short_when_the_iis_is_slower_than_the_pace() -> None:
    setup = BackfillSetup(pace=20)
    for number in range(100):
        setup.waits(number)
    setup.outbox.waiting = 17
    assert setup.give_turns() == Admitted(3, left=True)
    # Behind an outbox that stays full, a tenth of the pace is queued.
    setup.outbox.waiting = 5_000
    assert setup.give_turns() == Admitted(2, left=True)


def test_daily_messages_are_sent_within_three_minutes_beside_backfills_of_hours() -> None:
    """The IIS takes two thirds of the pace."""
    setup = BackfillSetup(pace=30)
    queue = MemorySqs(settings.OUTBOX, setup.clock)
    outbox = MemoryOutbox(queue)
    give_turns = Backfill(**ports_for(Backfill, setup.ledger), **(setup.common | {"outbox": outbox}))
    for number in range(2_000):
        setup.waits(number, ("elm", "oak")[number % 2])
    delay: dict[str, int] = {}
    for minute in range(60):
        setup.clock.time = NOON + timedelta(minutes=minute)
        give_turns()
        outbox.send([OutboxMessage(f"DAY{minute}", "harbor", f"DAY{minute}")])
        for got in queue.receive(20):
            name = json.loads(got.body)["msh_10"]
            if name.startswith("DAY"):
                delay[name] = minute - int(name.removeprefix("DAY"))
            queue.delete(got.identifier)
    assert len(delay) >= 57
    assert max(delay.values()) <= 2


def test_messages_that_were_queued_but_not_noted_are_queued_again() -> None:
    setup = BackfillSetup()
    setup.waits(1)
    setup.outbox.breaks = True
    with pytest.raises(Stopped):
        setup.give_turns()
    setup.outbox.breaks = False
    assert setup.give_turns() == Admitted(1, left=False)
    # Queued twice: the claim decides.
    assert setup.admitted() == ["B001", "B001"]
    [waiting] = setup.ledger.backlog.waiting()
    assert waiting.message.msh_10 == "B001"


def test_the_sweep_leaves_backfills_alone() -> None:
    setup = BackfillSetup()
    setup.waits(1)
    setup.clock.time = NOON + timedelta(days=3)
    sweep = Sweep(**ports_for(Sweep, setup.ledger), **setup.common)
    assert sweep().queued == 0
    assert sweep(everything=True).queued == 0


# the daily quota -----------------------------------------------------------------------------------------------------


def made(count: int, clinic: str = "elm", source: str = "demo", state: State = State.QUEUED) -> list[Submission]:
    return [replace(a_submission(f"N{number}", state=state), clinic=clinic, source=source) for number in range(count)]


def quota(setup: BackfillSetup) -> DailyQuota:
    return DailyQuota(setup.ledger.backfills, setup.outbox, setup.clock)


def test_messages_within_the_quota_are_queued_at_once_over_all_files_of_a_day() -> None:
    setup = BackfillSetup()
    assert [len(quota(setup).exceeded(made(3), quota=10, pace=FAST)) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert quota(setup).exceeded(made(10, clinic="oak") + made(1), quota=10, pace=FAST) == {BackfillLane("demo", "elm")}
    assert quota(setup).exceeded(made(10, source="other"), quota=10, pace=FAST) == frozenset()


def test_held_submissions_do_not_count_against_the_quota() -> None:
    setup = BackfillSetup()
    assert not quota(setup).exceeded(made(50, state=State.HELD), quota=10, pace=FAST)
    assert not quota(setup).exceeded(made(10), quota=10, pace=FAST)


def test_the_next_day_has_a_new_quota_once_the_lane_has_no_backfill() -> None:
    setup = BackfillSetup()
    assert quota(setup).exceeded(made(11), quota=10, pace=FAST)
    setup.clock.time = NOON + timedelta(days=1)
    assert not quota(setup).exceeded(made(10), quota=10, pace=FAST)
    assert quota(setup).exceeded(made(1), quota=10, pace=FAST)


def test_a_lane_waits_while_it_has_a_backfill_and_no_other_lane_does() -> None:
    setup = BackfillSetup(pace=1)
    for number in range(3):
        setup.waits(number)
    for number in range(3, 30):
        setup.waits(number, "oak")
    for minute in range(6):
        setup.clock.time = NOON + timedelta(minutes=minute)
        setup.give_turns()
        assert not quota(setup).exceeded(made(1, clinic="harbor"), quota=100, pace=FAST)
    last = setup.clock.time + timedelta(seconds=settings.BACKFILL_LASTS)
    assert {lane.clinic for lane in setup.ledger.backfills.lanes()} == {"oak"}
    setup.clock.time = last - timedelta(seconds=1)
    assert quota(setup).exceeded(made(1, clinic="oak"), quota=100, pace=FAST) == {BackfillLane("demo", "oak")}
    setup.clock.time = last
    assert not quota(setup).exceeded(made(1), quota=100, pace=FAST)


# the pace of all lanes -----------------------------------------------------------------------------------------------


def clinics(count: int) -> list[str]:
    return [f"c{number:03}" for number in range(count)]


def test_all_lanes_together_queue_no_more_at_once_than_the_pace_of_a_minute() -> None:
    setup = BackfillSetup()
    waits = [bool(quota(setup).exceeded(made(40, clinic=one), quota=500, pace=100)) for one in clinics(4)]
    assert waits == [False, False, True, True]
    setup.clock.time = NOON + timedelta(minutes=1)
    assert not quota(setup).exceeded(made(40, clinic="other"), quota=500, pace=100)


def test_nothing_is_queued_at_once_while_the_outbox_is_full() -> None:
    setup = BackfillSetup()
    setup.outbox.waiting = 100
    assert quota(setup).exceeded(made(1), quota=500, pace=100)
    setup.outbox.waiting = 99
    assert not quota(setup).exceeded(made(1, clinic="oak"), quota=500, pace=100)


def test_where_not_every_lane_has_a_turn_those_with_the_fewest_messages_of_the_day_come_first() -> None:
    setup = BackfillSetup(pace=3)
    for number, clinic in enumerate(clinics(10) * 3):
        setup.waits(number, clinic)
        setup.ledger.backfills.take_from_quota(BackfillLane("demo", clinic), NOON.date(), 50)
    setup.waits(99, "small")
    setup.ledger.backfills.take_from_quota(BackfillLane("demo", "small"), NOON.date(), 1)
    for minute in range(9):
        setup.clock.time = NOON + timedelta(minutes=minute)
        setup.give_turns()
        if minute == 0:
            assert "B099" in setup.admitted()


@pytest.mark.parametrize(("count", "messages"), [(200, 700), (600, 70)])
def test_a_daily_message_leaves_within_three_minutes_whatever_the_number_of_clinics_that_send(
    count: int, messages: int
) -> None:
    """All clinics hand in their messages at once; the IIS takes the pace."""
    pace = 300
    setup = BackfillSetup(pace=pace)
    queue = MemorySqs(settings.OUTBOX, setup.clock)
    outbox = MemoryOutbox(queue)
    quota_ = DailyQuota(setup.ledger.backfills, outbox, setup.clock)
    give_turns = Backfill(**ports_for(Backfill, setup.ledger), **(setup.common | {"outbox": outbox}))
    made_at: dict[str, datetime] = {}
    left: dict[str, datetime] = {}

    def hand_in(clinic: str, number_of: int) -> None:
        now = setup.clock.time
        names = [f"{clinic}-{len(made_at) + number}" for number in range(number_of)]
        one = replace(a_submission(), clinic=clinic, created=now, waiting_since=now)
        new = [replace(one, msh_10=name, patient_group=name) for name in names]
        waits = bool(quota_.exceeded(new, 500, pace))
        for one in new:
            made_at[one.msh_10] = now
            setup.ledger.submissions.add(replace(one, backfill=waits))
        if not waits:
            outbox.send([OutboxMessage(name, clinic, name) for name in names])

    chunks = [clinic for clinic in clinics(count) for _ in range(7)]
    size = messages // 7
    for second in range(9 * 60):
        setup.clock.time = NOON + timedelta(seconds=second)
        for clinic in chunks[second * 20 : (second + 1) * 20]:
            hand_in(clinic, size)
        if second % 60 == 30:
            give_turns()
        if second % 97 == 0:
            hand_in(f"daily{second}", 1)
        for got in queue.receive(pace // 60):
            left[json.loads(got.body)["msh_10"]] = setup.clock.time
            queue.delete(got.identifier)
    daily = [name for name in made_at if name.startswith("daily") and made_at[name] < NOON + timedelta(minutes=6)]
    assert len(daily) == 4
    assert max(left[name] - made_at[name] for name in daily) <= timedelta(minutes=3)
    assert len(left) > 8 * pace, "the IIS was busy all the time"
