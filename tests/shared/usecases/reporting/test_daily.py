"""Each night's files say what the ledger says, and say the same when they are made again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.outcome import ADMINISTERED, DoseOutcome, Outcome
from shared.replaced import replace
from shared.usecases.reporting.daily import DailyReports
from shared.usecases.reporting.day_tallies import SETTLED_AFTER_DAYS, DayTallies
from shared.usecases.reporting.report import REPORTS
from shared.usecases.reporting.tally import count_days, totals
from tests.conftest import NOON
from tests.end_to_end.rows import CLINICS
from tests.fakes.bucket import MemoryBucket, MemoryFileStore
from tests.fakes.ledger import Memory, MemoryLedger, MemoryOutcomes

ONE = Outcome("M1", "elm", "elm", State.ACCEPTED, NOON, 1, attempts=1, doses=(DoseOutcome(ADMINISTERED, "115"),))


@dataclass
class At:
    """A clock that stands still, and the one configuration."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    def current(self, *, since: datetime | None = None) -> Configuration:
        return read_configuration(CLINICS)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def files() -> MemoryFileStore:
    return MemoryFileStore(MemoryBucket(), "")


def tallies(files: MemoryFileStore, ledger: MemoryLedger, days_later: int) -> DayTallies:
    at = At(NOON + timedelta(days=days_later))
    return DayTallies(outcomes=ledger.outcomes, store=files, configurations=at, clock=at)


def scanned(ledger: MemoryLedger, since: date, until: date, clinic: str = "") -> Counter[tuple[str, ...]]:
    """Count some days from the outcomes themselves."""
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    each = count_days(ledger.outcomes, days, ZoneInfo("America/New_York"), clinic)
    return sum(each.values(), Counter())


def night(files: MemoryFileStore, ledger: MemoryLedger, days_later: int = 1) -> DailyReports:
    at = At(NOON + timedelta(days=days_later))
    return DailyReports(
        tallies=tallies(files, ledger, days_later),
        worklist=ledger.worklist,
        stops=ledger.stops,
        configurations=at,
        store=files,
        clock=at,
        stage="test",
    )


def test_every_report_of_yesterday_and_of_four_weeks_is_written_in_three_formats(
    files: MemoryFileStore, ledger: MemoryLedger
) -> None:
    ledger.outcomes.note(ONE, NOON)
    ledger.outcomes.note(replace(ONE, msh_10="M2", when=NOON - timedelta(days=3), state=State.REFUSED), NOON)
    done = night(files, ledger)()
    assert (done.day, done.messages, done.files) == (NOON.date(), 1, 6 * len(REPORTS) + 1)
    written = files.contents()
    for name in REPORTS:
        assert json.loads(written[f"2026-03-02/{name}.json"])["messages"] == 1
        assert json.loads(written[f"2026-03-02/4-weeks/{name}.json"])["messages"] == 2
        assert written[f"2026-03-02/{name}.html"].startswith(b"<!doctype html>")
        assert written[f"2026-03-02/{name}.csv"].startswith(b"\xef\xbb\xbf")
    assert b"Readiness" in written["2026-03-02/readiness.html"]


def test_a_night_that_is_done_twice_writes_the_same(files: MemoryFileStore, ledger: MemoryLedger) -> None:
    ledger.outcomes.note(ONE, NOON)
    night(files, ledger)()
    first = files.contents()
    night(files, ledger)()
    assert files.contents() == first


def test_a_day_is_kept_once_it_is_settled_and_counted_every_night_before(
    files: MemoryFileStore, ledger: MemoryLedger
) -> None:
    ledger.outcomes.note(ONE, NOON)
    night(files, ledger, SETTLED_AFTER_DAYS + 1)()
    assert not any("tallies/2026-03-02" in name for name in files.contents())
    night(files, ledger, SETTLED_AFTER_DAYS + 2)()
    assert "tallies/2026-03-02.json" in files.contents()


def test_an_answer_that_comes_late_is_in_the_next_four_weeks(files: MemoryFileStore, ledger: MemoryLedger) -> None:
    ledger.outcomes.note(ONE, NOON)
    night(files, ledger, SETTLED_AFTER_DAYS + 2)()
    ledger.outcomes.note(replace(ONE, msh_10="LATE"), NOON + timedelta(days=SETTLED_AFTER_DAYS + 2))
    night(files, ledger, SETTLED_AFTER_DAYS + 3)()
    weeks = json.loads(files.contents()[f"{NOON.date() + timedelta(days=SETTLED_AFTER_DAYS + 2)}/4-weeks/acks.json"])
    assert weeks["messages"] == 2


class Watched(MemoryOutcomes):
    """Tells which days were read outcome by outcome, and lets something happen right after."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.read: list[date] = []
        self.then: Callable[[], None] = lambda: None

    def of_day(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        self.read.append(day)
        yield from super().of_day(day, clinic)
        self.then()


class WatchedLedger(MemoryLedger):
    outcomes_class = Watched
    outcomes: Watched


def test_a_look_at_many_days_reads_only_young_days_and_those_with_something_late(files: MemoryFileStore) -> None:
    ledger = WatchedLedger()
    for number in range(10):
        at = NOON + timedelta(days=number)
        ledger.outcomes.note(replace(ONE, msh_10=f"M{number}", when=at), at)
    night(files, ledger, 10)()
    ledger.outcomes.note(replace(ONE, msh_10="LATE", when=NOON + timedelta(days=4)), NOON + timedelta(days=10))
    before = files.contents()
    ledger.outcomes.read.clear()
    counts = tallies(files, ledger, 10).count(NOON.date(), NOON.date() + timedelta(days=10))
    assert totals(counts, "answers").total() == 11
    # Day 4 shares its evening with day 5 of UTC; days 8 to 10 are young, and end on day 11 of UTC.
    assert [(day - NOON.date()).days for day in ledger.outcomes.read] == [3, 4, 5, 8, 9, 10, 11]
    assert files.contents() == before, "a look writes nothing"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_counted_is_a_full_scan_whatever_came_late(
    files: MemoryFileStore, ledger: MemoryLedger, seed: int
) -> None:
    chosen = Random(seed)
    for today in range(9):
        for number in range(chosen.randrange(6)):
            when = NOON + timedelta(days=chosen.choice([today, today, max(0, today - chosen.randrange(9))]))
            msh_10, clinic = f"M{chosen.choice([number, 100 * today + number])}", chosen.choice(["elm", "oak"])
            state = chosen.choice([State.ACCEPTED, State.REFUSED, State.UNKNOWN])
            one = replace(ONE, msh_10=msh_10, clinic=clinic, when=when, state=state)
            ledger.outcomes.note(one, NOON + timedelta(days=today))
        if chosen.random() < 0.8:
            night(files, ledger, today)()
        first, last = sorted(NOON.date() + timedelta(days=chosen.randrange(-1, 11)) for _ in range(2))
        for clinic in ("", "elm", "oak", "nobody"):
            counted = tallies(files, ledger, today).count(first, last, clinic)
            assert counted == scanned(ledger, first, last, clinic)


def test_an_answer_that_comes_while_its_day_is_counted_is_not_lost(files: MemoryFileStore) -> None:
    ledger = WatchedLedger()
    ledger.outcomes.note(ONE, NOON)
    now = NOON + timedelta(days=SETTLED_AFTER_DAYS + 2)
    ledger.outcomes.then = lambda: ledger.outcomes.note(replace(ONE, msh_10="LATE"), now)
    night(files, ledger, SETTLED_AFTER_DAYS + 2)()
    ledger.outcomes.then = lambda: None
    assert "tallies/2026-03-02.json" in files.contents()
    counts = tallies(files, ledger, SETTLED_AFTER_DAYS + 2).count(NOON.date(), NOON.date())
    assert totals(counts, "answers").total() == 2


def test_a_tally_kept_before_late_outcomes_were_marked_is_counted_again(
    files: MemoryFileStore, ledger: MemoryLedger
) -> None:
    ledger.outcomes.note(ONE, NOON)
    old = b'[[["answers","elm","2026-03-02","ACCEPTED"],7]]'
    files.put("tallies/2026-03-02.json", old, "application/json")
    counts = tallies(files, ledger, SETTLED_AFTER_DAYS + 2).count(NOON.date(), NOON.date())
    assert counts == scanned(ledger, NOON.date(), NOON.date())
