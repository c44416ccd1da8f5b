"""A large export waits for its turn in the ledger, and nobody's daily messages wait behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import settings
from shared.domain.clinics import Configuration
from shared.domain.submission import Submission
from shared.domain.valve import ClosedBy, Valve
from shared.ports import OutboxMessage
from shared.usecases.backfill import Admitted, Backfill
from shared.usecases.sweep import Sweep
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.desk import CONFIGURATION

PACE = 5


class Stopped(Exception):  # noqa: N818 - a process that is killed is no error of its own
    """The process ends here."""


@dataclass
class Sent:
    messages: list[str] = field(default_factory=list)
    breaks: bool = False

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        if self.breaks:
            raise Stopped
        self.messages += [one.msh_10 for one in messages]


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
            "ledger": self.ledger,
            "outbox": self.outbox,
            "configurations": Configured(replace(CONFIGURATION, iis=iis)),
            "clock": self.clock,
        }
        self.give_turns = Backfill(**self.common)

    def waits(self, number: int, clinic: str = "elm") -> Submission:
        made = replace(
            a_submission(f"B{number:03}"),
            clinic=clinic,
            created=NOON - timedelta(hours=1) + timedelta(seconds=number),
            waiting_since=NOON - timedelta(hours=1) + timedelta(seconds=number),
            backfill=True,
        )
        self.ledger.add(made)
        return made


def test_the_oldest_have_their_turn_at_the_pace_of_the_configuration() -> None:
    desk = Desk()
    for number in (9, 3, 11, *range(3), *range(4, 9), 10):
        desk.waits(number)
    assert desk.give_turns() == Admitted(5, left=True)
    assert desk.outbox.messages == [f"B{number:03}" for number in range(5)]
    assert desk.give_turns() == Admitted(5, left=True)
    assert desk.give_turns() == Admitted(2, left=False)
    assert desk.outbox.messages == [f"B{number:03}" for number in range(12)]
    assert desk.give_turns() == Admitted(0, left=False)


def test_a_pace_beyond_one_batch_is_kept_too() -> None:
    desk = Desk(pace=230)
    for number in range(300):
        desk.waits(number)
    assert desk.give_turns() == Admitted(230, left=True)
    assert len(desk.outbox.messages) == 230


def test_what_had_its_turn_waits_like_any_other_and_has_no_second_turn() -> None:
    desk = Desk()
    desk.waits(1)
    assert list(desk.ledger.waiting()) == []
    desk.give_turns()
    [waiting] = desk.ledger.waiting()
    assert (waiting.message.msh_10, waiting.since) == ("B001", NOON)
    assert desk.give_turns() == Admitted(0, left=False)
    assert desk.outbox.messages == ["B001"]


def test_nothing_is_admitted_to_a_closed_iis_and_everything_stays_in_its_place() -> None:
    desk = Desk()
    desk.waits(1)
    desk.ledger.save_valve(Valve(), Valve(closed_by=ClosedBy.PERSON, since=NOON, reason="synthetic"))
    assert desk.give_turns() == Admitted(0, left=True)
    assert desk.outbox.messages == []
    assert [one.message.msh_10 for one in desk.ledger.backfill(1)] == ["B001"]


def test_a_stopped_facility_keeps_its_place_and_holds_up_nobody() -> None:
    desk = Desk()
    for number in range(8):
        desk.waits(number, "elm")
    desk.waits(8, "harbor")
    desk.ledger.stop_facility(CONFIGURATION.clinics["elm"].facility_id, "AUTH", NOON)
    assert desk.give_turns() == Admitted(1, left=False)
    assert desk.outbox.messages == ["B008"]
    desk.ledger.open_facility(CONFIGURATION.clinics["elm"].facility_id)
    assert desk.give_turns() == Admitted(5, left=True)


def test_what_was_admitted_and_not_queued_is_found_by_sweep() -> None:
    desk = Desk()
    desk.waits(1)
    desk.outbox.breaks = True
    with pytest.raises(Stopped):
        desk.give_turns()
    desk.outbox.breaks = False
    desk.clock.time = NOON + timedelta(seconds=settings.SWEEP_AFTER + 1)
    assert desk.give_turns() == Admitted(0, left=False)
    assert Sweep(**desk.common)().queued == 1
    assert desk.outbox.messages == ["B001"]


def test_sweep_leaves_what_waits_for_its_turn_alone_however_long() -> None:
    desk = Desk()
    desk.waits(1)
    desk.clock.time = NOON + timedelta(days=3)
    assert Sweep(**desk.common)().queued == 0
    assert Sweep(**desk.common)(everything=True).queued == 0


def test_a_source_counts_as_backfilling_as_long_as_something_waits_and_not_much_longer() -> None:
    desk = Desk(pace=1)
    for number in range(3):
        desk.waits(number)
    desk.ledger.begin_backfill("demo", NOON + timedelta(seconds=settings.BACKFILL_LASTS))
    for minute in range(4):
        desk.clock.time = NOON + timedelta(minutes=minute)
        desk.give_turns()
    last = NOON + timedelta(minutes=2, seconds=settings.BACKFILL_LASTS)
    assert desk.ledger.is_backfilling("demo", last - timedelta(seconds=1))
    assert not desk.ledger.is_backfilling("demo", last)
    assert not desk.ledger.is_backfilling("other", NOON)
