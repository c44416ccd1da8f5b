"""Reports are exact to the ledger: their totals are those of a scan of the whole table, however often work is redone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import boto3
import pytest
from typer.testing import CliRunner

from console.main import app
from local import demo_exports, runs
from local.aws import snapshot
from local.aws.cloud import REGION
from local.aws.engine import Engine
from shared.adapters.ledger.items import submission_from
from shared.bootstrap import Application, application
from shared.domain.lifecycle import State
from shared.domain.local_days import days_between
from shared.domain.report import Report
from shared.domain.submission import Submission
from shared.ports.ledger import Outcomes
from shared.ports.queues import OutboxMessage
from shared.usecases.reporting.report import REPORTS, build_report
from shared.usecases.reporting.tally import Tally, count_days, totals
from tests.end_to_end.rows import CLINICS, a_csv, row


@dataclass
class Run:
    """A finished run of the demo's exports: the tally before and after everything was done once more."""

    submissions: list[Submission]
    tally: Tally
    again: Tally
    reports: dict[str, Report]
    of_elm: Tally
    day: date


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "FOLDER", folder / "local")
        patched.setattr(runs, "LOG", folder / "functions.log")
        day = datetime.now(UTC).date()
        demo_exports.generate(folder / "exports", today=day, doses=60)
        with runs.start(CLINICS, "clinics.toml", continued=False) as running:
            yield _finished(running, folder / "exports", day)


def _finished(running: runs.LocalRun, folder: Path, day: date) -> Run:
    ledger, application = running.application.ledger, running.application
    with Engine(running.cloud) as engine:
        for path in sorted(folder.rglob("*.csv")):
            key = f"inbox/{demo_exports.source_for(path)}/{path.name}"
            running.cloud.s3.put_object(Bucket=running.cloud.runtime.bucket, Key=key, Body=path.read_bytes())
        refused_one = a_csv(row("SYN-9", first_name="INFANT"), row("SYN-8", lot=""))
        running.cloud.s3.put_object(Bucket=running.cloud.runtime.bucket, Key="inbox/elm/r.csv", Body=refused_one)
        assert engine.wait_until_idle(timeout=120)
        refused = next(one for one in _all(running) if one.state is State.REFUSED)
        application.correct(refused.msh_10, {"first_name": "Ada"})
        assert engine.wait_until_idle(timeout=60)
    since = day - timedelta(days=1)
    before = _counted(ledger.outcomes, since, day + timedelta(days=1))
    submissions = _all(running)
    # Every reference comes once more, as after a crash between the ledger and the queue.
    references = [OutboxMessage(one.msh_10, one.clinic, one.patient_group) for one in submissions]
    application.submit(references, lambda: 900.0)
    for one in submissions:
        application.triage(one.msh_10)
    after = _counted(ledger.outcomes, since, day + timedelta(days=1))
    of = {
        name: build_report(name, after, application.configurations.current(), since, day + timedelta(days=1))
        for name in REPORTS
    }
    return Run(submissions, before, after, of, _counted(ledger.outcomes, since, day + timedelta(days=1), "elm"), day)


def _counted(outcomes: Outcomes, since: date, until: date, clinic: str = "") -> Tally:
    days = list(days_between(since, until))
    return sum(count_days(outcomes, days, ZoneInfo("America/New_York"), clinic).values(), Counter())


def _all(running: runs.LocalRun) -> list[Submission]:
    pages = boto3.client("dynamodb", region_name=REGION).get_paginator("scan")
    return [
        submission_from(item)
        for page in pages.paginate(TableName=running.cloud.runtime.table)
        for item in page["Items"]
        if item["pk"]["S"].startswith("SUB#")
    ]


def _became(one: Submission) -> State:
    """What the table itself says became of a submission, told from its attempts."""
    return one.attempts[-1].state if one.attempts else State.HELD


def test_the_run_has_something_of_everything_to_count(run: Run) -> None:
    states = {one.state for one in run.submissions}
    assert {State.ACCEPTED, State.HELD, State.SUPERSEDED} <= states
    assert not states & {State.QUEUED, State.SENDING}


def test_every_submission_is_counted_once_under_what_became_of_it(run: Run) -> None:
    scanned = Counter((one.clinic, _became(one).value) for one in run.submissions)
    assert totals(run.tally, "answers", 0, 2) == scanned


def test_doing_everything_once_more_changes_no_number(run: Run) -> None:
    assert run.again == run.tally


def test_doses_lots_and_causes_are_those_of_the_table(run: Run) -> None:
    doses = [dose for one in run.submissions for dose in one.visit.doses]
    assert totals(run.tally, "doses").total() == len(doses)
    assert totals(run.tally, "vaccines").total() + totals(run.tally, "doses", 2)[("deleted",)] == len(doses)
    given = [dose for dose in doses if dose.is_administered_here and dose.action.value != "D"]
    assert totals(run.tally, "lots").total() == sum(bool(dose.lot) for dose in given)
    assert totals(run.tally, "eligibility").total() == len(given)
    sent = Counter(cause for one in run.submissions if one.attempts for cause in one.causes)
    counted = totals(run.tally, "causes", 1, 2)
    assert Counter({cause: sum(counted[cause, state] for state in State if state != "HELD") for cause in sent}) == sent


def test_a_clinic_s_tally_is_its_part_of_all(run: Run) -> None:
    assert run.of_elm == Counter({key: count for key, count in run.tally.items() if key[1] == "elm"})


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_s_first_numbers_add_up_to_the_table(run: Run, name: str) -> None:
    made = run.reports[name]
    assert made.messages == len(run.submissions)
    sheets = {sheet.title: sheet for sheet in made.sheets}
    assert all(len(row) == len(sheet.columns) for sheet in made.sheets for row in sheet.rows)
    totals = {
        "acks": ("What became of the messages", 1),
        "activity": ("Traffic by day", 1),
        "profiles": ("Messages by profile", 1),
    }
    if name in totals:
        title, place = totals[name]
        assert sum(int(row[place]) for row in sheets[title].rows) == len(run.submissions)


def test_the_command_writes_a_page_a_csv_and_json_of_the_same_numbers(run: Run, tmp_path: Path) -> None:
    page, table = tmp_path / "r.html", tmp_path / "r.csv"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("console.commands.report.open_stage", _the_run)
        done = CliRunner().invoke(
            app, ["report", "all", "--html", str(page), "--csv", str(table), "--json"], catch_exceptions=False
        )
        assert done.exit_code == 0
        assert CliRunner().invoke(app, ["report", "nothing"]).exit_code == 2
    said = json.loads(done.stdout)
    assert [one["name"] for one in said] == list(REPORTS)
    assert {one["messages"] for one in said} == {len(run.submissions)}
    text = page.read_text("utf-8")
    assert text.count("<h1>") == len(REPORTS)
    assert "<svg" in text
    assert not any(mark in text for mark in ("src=", "href=", "<script", "@import", "url("))
    assert table.read_text("utf-8-sig").startswith("ACK results,")


@contextmanager
def _the_run(_: str) -> Iterator[Application]:
    """The stage that the fixture keeps open, by the environment that it set."""
    yield application()
