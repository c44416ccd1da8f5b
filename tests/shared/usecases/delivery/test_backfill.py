"""What is beyond a clinic's share of the day waits for its turn in the ledger, and delays nobody else."""

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
from tests.shared.usecases.desk import CONFIGURATION

PACE = 5


class Stopped(Exception):  # noqa: N818 - a process that is killed is no error of its own
    """The process ends here."""


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

    def current(self) -> Configuration:
        return self.configuration


class Desk:
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
        """What the outbox got since this was asked last."""
        new, self.outbox.messages = self.outbox.messages, []
        return new


def test_the_oldest_are_queued_first_at_the_configured_pace() -> None:
    desk = Desk()
    for number in (9, 3, 11, *range(3), *range(4, 9), 10):
        desk.waits(number)
    assert desk.give_turns() == Admitted(5, left=True)
    assert desk.outbox.messages == [f"B{number:03}" for number in range(5)]
    assert desk.give_turns() == Admitted(5, left=True)
    assert desk.give_turns() == Admitted(2, left=False)
    assert desk.outbox.messages == [f"B{number:03}" for number in range(12)]
    assert desk.give_turns() == Admitted(0, left=False)


def test_a_pace_of_more_than_one_batch_is_kept() -> None:
    desk = Desk(pace=230)
    for number in range(300):
        desk.waits(number)
    assert desk.give_turns() == Admitted(230, left=True)
    assert len(desk.outbox.messages) == 230


def test_an_admitted_message_joins_the_backlog_and_is_not_admitted_again() -> None:
    desk = Desk()
    desk.waits(1)
    assert list(desk.ledger.backlog.waiting()) == []
    desk.give_turns()
    [waiting] = desk.ledger.backlog.waiting()
    assert (waiting.message.msh_10, waiting.since) == ("B001", NOON)
    assert desk.give_turns() == Admitted(0, left=False)
    assert desk.outbox.messages == ["B001"]


def test_nothing_is_admitted_while_the_valve_is_closed() -> None:
    desk = Desk()
    desk.waits(1)
    desk.ledger.stops.save_valve(Valve(), Valve(closed_by=ClosedBy.PERSON, since=NOON, reason="synthetic"))
    assert desk.give_turns() == Admitted(0, left=True)
    assert desk.outbox.messages == []
    assert [one.message.msh_10 for one in waiting_in_backfills(desk.ledger.backfills, 1)] == ["B001"]


@pytest.mark.parametrize("behind", [("harbor", "demo"), ("elm", "other")])
def test_a_small_backfill_is_queued_beside_an_older_large_one(behind: tuple[str, str]) -> None:
    desk = Desk(pace=10)
    for number in range(500):
        desk.waits(number)
    for number in range(500, 505):
        desk.waits(number, *behind)
    assert desk.give_turns() == Admitted(10, left=True)
    assert sorted(desk.admitted()) == sorted([f"B{number:03}" for number in (*range(5), *range(500, 505))])
    assert desk.give_turns() == Admitted(10, left=True)
    assert desk.admitted() == [f"B{number:03}" for number in range(5, 15)]


def test_with_more_lanes_than_messages_per_minute_every_lane_gets_its_turn() -> None:
    desk = Desk(pace=1)
    for number, source in enumerate(("a", "b", "c") * 10):
        desk.waits(number, source=source)
    for minute in range(3):
        desk.clock.time = NOON + timedelta(minutes=minute)
        assert desk.give_turns() == Admitted(1, left=True)
    assert sorted(desk.admitted()) == ["B000", "B001", "B002"]


def test_a_stopped_facility_keeps_its_backfill_and_delays_no_other() -> None:
    desk = Desk()
    for number in range(400):
        desk.waits(number, "elm")
    desk.waits(400, "harbor")
    desk.ledger.stops.stop_facility(CONFIGURATION.clinics["elm"].facility_id, "AUTH", NOON)
    assert desk.give_turns() == Admitted(1, left=False)
    assert desk.admitted() == ["B400"]
    desk.ledger.stops.open_facility(CONFIGURATION.clinics["elm"].facility_id)
    assert desk.give_turns() == Admitted(5, left=True)


def test_the_outbox_stays_short_when_the_iis_is_slower_than_the_pace() -> None:
    desk = Desk(pace=20)
    for number in range(100):
        desk.waits(number)
    desk.outbox.waiting = 17
    assert desk.give_turns() == Admitted(3, left=True)
    # Full for other reasons, perhaps for hours: a tenth of the pace all the same.
    desk.outbox.waiting = 5_000
    assert desk.give_turns() == Admitted(2, left=True)


def test_daily_messages_are_sent_within_three_minutes_beside_backfills_of_hours() -> None:
    """Minute by minute, at an IIS that takes two thirds of the pace."""
    desk = Desk(pace=30)
    queue = MemorySqs(settings.OUTBOX, desk.clock)
    outbox = MemoryOutbox(queue)
    give_turns = Backfill(**ports_for(Backfill, desk.ledger), **(desk.common | {"outbox": outbox}))
    for number in range(2_000):
        desk.waits(number, ("elm", "oak")[number % 2])
    delay: dict[str, int] = {}
    for minute in range(60):
        desk.clock.time = NOON + timedelta(minutes=minute)
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
    desk = Desk()
    desk.waits(1)
    desk.outbox.breaks = True
    with pytest.raises(Stopped):
        desk.give_turns()
    desk.outbox.breaks = False
    assert desk.give_turns() == Admitted(1, left=False)
    # Twice, and the claim decides.
    assert desk.admitted() == ["B001", "B001"]
    [waiting] = desk.ledger.backlog.waiting()
    assert waiting.message.msh_10 == "B001"


def test_the_sweep_leaves_backfills_alone() -> None:
    desk = Desk()
    desk.waits(1)
    desk.clock.time = NOON + timedelta(days=3)
    sweep = Sweep(**ports_for(Sweep, desk.ledger), **desk.common)
    assert sweep().queued == 0
    assert sweep(everything=True).queued == 0


# who has to wait ------------------------------------------------------------------------------------------------------


def made(count: int, clinic: str = "elm", source: str = "demo", state: State = State.QUEUED) -> list[Submission]:
    return [replace(a_submission(f"N{number}", state=state), clinic=clinic, source=source) for number in range(count)]


def quota(desk: Desk) -> DailyQuota:
    return DailyQuota(desk.ledger.backfills, desk.clock)


def test_messages_within_the_quota_are_queued_at_once_over_all_files_of_a_day() -> None:
    desk = Desk()
    assert [len(quota(desk).exceeded(made(3), quota=10)) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert quota(desk).exceeded(made(10, clinic="oak") + made(1), quota=10) == {BackfillLane("demo", "elm")}
    assert quota(desk).exceeded(made(10, source="other"), quota=10) == frozenset()


def test_held_submissions_do_not_count_against_the_quota() -> None:
    desk = Desk()
    assert not quota(desk).exceeded(made(50, state=State.HELD), quota=10)
    assert not quota(desk).exceeded(made(10), quota=10)


def test_the_next_day_has_a_new_quota_once_the_lane_has_no_backfill() -> None:
    desk = Desk()
    assert quota(desk).exceeded(made(11), quota=10)
    desk.clock.time = NOON + timedelta(days=1)
    assert not quota(desk).exceeded(made(10), quota=10)
    assert quota(desk).exceeded(made(1), quota=10)


def test_a_lane_waits_while_it_has_a_backfill_and_no_other_lane_does() -> None:
    desk = Desk(pace=1)
    for number in range(3):
        desk.waits(number)
    for number in range(3, 30):
        desk.waits(number, "oak")
    for minute in range(6):
        desk.clock.time = NOON + timedelta(minutes=minute)
        desk.give_turns()
        assert not quota(desk).exceeded(made(1, clinic="harbor"), quota=100)
    last = desk.clock.time + timedelta(seconds=settings.BACKFILL_LASTS)
    assert {lane.clinic for lane in desk.ledger.backfills.lanes()} == {"oak"}
    desk.clock.time = last - timedelta(seconds=1)
    assert quota(desk).exceeded(made(1, clinic="oak"), quota=100) == {BackfillLane("demo", "oak")}
    desk.clock.time = last
    assert not quota(desk).exceeded(made(1), quota=100)
