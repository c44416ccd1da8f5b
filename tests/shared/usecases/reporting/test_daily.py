"""Each night's files say what the ledger says, and say the same when they are made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

import boto3
import pytest

from local.aws.cloud import BUCKET, REGION, LocalCloud
from shared.adapters.aws.s3 import S3Files
from shared.adapters.configuration import reader
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.outcome import ADMINISTERED, DoseOutcome, Outcome
from shared.replaced import replace
from shared.usecases.reporting.daily import SETTLED, DailyReports
from shared.usecases.reporting.report import REPORTS
from shared.usecases.reporting.tally import by, tally_of
from tests.conftest import NOON
from tests.end_to_end.rows import CLINICS

ONE = Outcome("M1", "elm", "elm", State.ACCEPTED, NOON, 1, attempts=1, doses=(DoseOutcome(ADMINISTERED, "115"),))


@dataclass
class At:
    """A clock that stands still, and the one configuration."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    def current(self) -> Configuration:
        return reader.valid(CLINICS)


@pytest.fixture
def ledger(cloud: LocalCloud) -> DynamoLedger:
    return DynamoLedger(boto3.client("dynamodb", region_name=REGION), cloud.runtime.table)


def night(cloud: LocalCloud, ledger: DynamoLedger, days_later: int = 1) -> DailyReports:
    at = At(NOON + timedelta(days=days_later))
    files = S3Files(cloud.s3, BUCKET, "reports/")
    return DailyReports(ledger=ledger, configurations=at, files=files, clock=at, stage="test")


def written(cloud: LocalCloud) -> dict[str, bytes]:
    listed = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/").get("Contents", [])
    return {entry["Key"]: cloud.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in listed}


def test_every_report_of_yesterday_and_of_four_weeks_is_written_in_three_formats(
    cloud: LocalCloud, ledger: DynamoLedger
) -> None:
    ledger.note_outcome(ONE, NOON)
    ledger.note_outcome(replace(ONE, msh_10="M2", when=NOON - timedelta(days=3), state=State.REFUSED), NOON)
    done = night(cloud, ledger)()
    assert (done.day, done.messages, done.files) == (NOON.date(), 1, 6 * len(REPORTS) + 1)
    files = written(cloud)
    for name in REPORTS:
        assert json.loads(files[f"reports/2026-03-02/{name}.json"])["messages"] == 1
        assert json.loads(files[f"reports/2026-03-02/4-weeks/{name}.json"])["messages"] == 2
        assert files[f"reports/2026-03-02/{name}.html"].startswith(b"<!doctype html>")
        assert files[f"reports/2026-03-02/{name}.csv"].startswith(b"\xef\xbb\xbf")
    assert b"Readiness" in files["reports/2026-03-02/readiness.html"]


def test_a_night_that_is_done_twice_writes_the_same(cloud: LocalCloud, ledger: DynamoLedger) -> None:
    ledger.note_outcome(ONE, NOON)
    night(cloud, ledger)()
    first = written(cloud)
    night(cloud, ledger)()
    assert written(cloud) == first


def test_a_day_is_kept_once_it_is_settled_and_counted_every_night_before(
    cloud: LocalCloud, ledger: DynamoLedger
) -> None:
    ledger.note_outcome(ONE, NOON)
    night(cloud, ledger, SETTLED)()
    assert not any("tallies/2026-03-02" in name for name in written(cloud))
    night(cloud, ledger, SETTLED + 1)()
    assert "reports/tallies/2026-03-02.json" in written(cloud)


def test_an_answer_that_comes_late_is_in_the_next_four_weeks(cloud: LocalCloud, ledger: DynamoLedger) -> None:
    ledger.note_outcome(ONE, NOON)
    night(cloud, ledger, SETTLED + 1)()
    ledger.note_outcome(replace(ONE, msh_10="LATE"), NOON + timedelta(days=SETTLED + 1))
    night(cloud, ledger, SETTLED + 2)()
    weeks = json.loads(written(cloud)[f"reports/{NOON.date() + timedelta(days=SETTLED + 1)}/4-weeks/acks.json"])
    assert weeks["messages"] == 2


class Watched(DynamoLedger):
    """Tells which days were read outcome by outcome, and lets something happen right after."""

    def __init__(self, cloud: LocalCloud, then: Callable[[], None] = lambda: None) -> None:
        super().__init__(boto3.client("dynamodb", region_name=REGION), cloud.runtime.table)
        self.read: list[date] = []
        self._then = then

    def outcomes(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        self.read.append(day)
        yield from super().outcomes(day, clinic)
        self._then()


def test_a_look_at_many_days_reads_only_young_days_and_those_with_something_late(
    cloud: LocalCloud, ledger: DynamoLedger
) -> None:
    for number in range(10):
        at = NOON + timedelta(days=number)
        ledger.note_outcome(replace(ONE, msh_10=f"M{number}", when=at), at)
    night(cloud, ledger, 10)()
    ledger.note_outcome(replace(ONE, msh_10="LATE", when=NOON + timedelta(days=4)), NOON + timedelta(days=10))
    before = written(cloud)
    watched = Watched(cloud)
    counts = night(cloud, watched, 10).counted(NOON.date(), NOON.date() + timedelta(days=10))
    assert by(counts, "answers").total() == 11
    assert [(day - NOON.date()).days for day in watched.read] == [4, 9, 10]
    assert written(cloud) == before, "a look writes nothing"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_counted_is_a_full_scan_whatever_came_late(cloud: LocalCloud, ledger: DynamoLedger, seed: int) -> None:
    chosen = Random(seed)
    for today in range(9):
        for number in range(chosen.randrange(6)):
            when = NOON + timedelta(days=chosen.choice([today, today, max(0, today - chosen.randrange(9))]))
            msh_10, clinic = f"M{chosen.choice([number, 100 * today + number])}", chosen.choice(["elm", "oak"])
            state = chosen.choice([State.ACCEPTED, State.REFUSED, State.UNKNOWN])
            one = replace(ONE, msh_10=msh_10, clinic=clinic, when=when, state=state)
            ledger.note_outcome(one, NOON + timedelta(days=today))
        if chosen.random() < 0.8:
            night(cloud, ledger, today)()
        first, last = sorted(NOON.date() + timedelta(days=chosen.randrange(-1, 11)) for _ in range(2))
        for clinic in ("", "elm", "oak", "nobody"):
            counted = night(cloud, ledger, today).counted(first, last, clinic)
            assert counted == tally_of(ledger, first, last, clinic)


def test_an_answer_that_comes_while_its_day_is_counted_is_not_lost(cloud: LocalCloud, ledger: DynamoLedger) -> None:
    ledger.note_outcome(ONE, NOON)
    now = NOON + timedelta(days=SETTLED + 1)
    meanwhile = Watched(cloud, lambda: ledger.note_outcome(replace(ONE, msh_10="LATE"), now))
    night(cloud, meanwhile, SETTLED + 1)()
    assert "reports/tallies/2026-03-02.json" in written(cloud)
    counts = night(cloud, ledger, SETTLED + 1).counted(NOON.date(), NOON.date())
    assert by(counts, "answers").total() == 2


def test_a_tally_kept_before_late_outcomes_were_marked_is_counted_again(
    cloud: LocalCloud, ledger: DynamoLedger
) -> None:
    ledger.note_outcome(ONE, NOON)
    old = b'[[["answers","elm","2026-03-02","ACCEPTED"],7]]'
    cloud.s3.put_object(Bucket=BUCKET, Key="reports/tallies/2026-03-02.json", Body=old)
    counts = night(cloud, ledger, SETTLED + 1).counted(NOON.date(), NOON.date())
    assert counts == tally_of(ledger, NOON.date(), NOON.date())
