"""Each night's files say what the ledger says, and say the same when they are made again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import boto3
import pytest

from local import session
from local.cloud import BUCKET, REGION, LocalCloud
from shared.adapters.dynamodb import DynamoLedger
from shared.adapters.s3 import S3Files
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.outcome import ADMINISTERED, DoseOutcome, Outcome
from shared.usecases.daily import SETTLED, DailyReports
from shared.usecases.report import REPORTS
from shared.usecases.tally import by
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
        return session.parsed(CLINICS, "clinics.toml")


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
    ledger.note_outcome(ONE)
    ledger.note_outcome(replace(ONE, msh_10="M2", when=NOON - timedelta(days=3), state=State.REFUSED))
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
    ledger.note_outcome(ONE)
    night(cloud, ledger)()
    first = written(cloud)
    night(cloud, ledger)()
    assert written(cloud) == first


def test_a_settled_day_is_counted_once_and_a_young_one_every_night(cloud: LocalCloud, ledger: DynamoLedger) -> None:
    ledger.note_outcome(ONE)
    night(cloud, ledger, SETTLED)()
    assert not any("tallies/2026-03-02" in name for name in written(cloud))
    night(cloud, ledger, SETTLED + 1)()
    assert "reports/tallies/2026-03-02.json" in written(cloud)
    ledger.note_outcome(replace(ONE, msh_10="LATE"))
    night(cloud, ledger, SETTLED + 2)()
    weeks = json.loads(written(cloud)["reports/2026-03-06/4-weeks/acks.json"])
    assert weeks["messages"] == 1


def test_a_look_at_many_days_takes_what_was_kept_of_settled_ones_and_writes_nothing(
    cloud: LocalCloud, ledger: DynamoLedger
) -> None:
    ledger.note_outcome(ONE)
    night(cloud, ledger, SETTLED + 1)()
    # After it was kept; the look must not read the day again.
    ledger.note_outcome(replace(ONE, msh_10="LATE"))
    ledger.note_outcome(replace(ONE, msh_10="YOUNG", when=NOON + timedelta(days=SETTLED)))
    before = written(cloud)
    counts = night(cloud, ledger, SETTLED + 1).counted(NOON.date() - timedelta(days=9), NOON.date() + timedelta(days=9))
    assert by(counts, "answers").total() == 2
    assert written(cloud) == before
