"""A file that outlasts its invocation, through the queues: the next invocation goes on, and it stays one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from local import runs
from local.aws.engine import Engine
from local.runs import LocalRun
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.usecases.intake import convert
from shared.usecases.reporting.trace import trace
from tests.end_to_end.rows import CLINICS, a_csv, row

PATIENTS, DAYS = 12, 3
KEY = "inbox/elm/large.csv"
# A patient's days stand far apart in the file, and one row names no patient.
ROWS = [
    row(f"SYN-{patient}", f"D-{patient}-{day}").replace("2026-03-02", f"2026-03-{day + 1:02}")
    for day in range(DAYS)
    for patient in range(PATIENTS)
] + [row("", "D-nobody")]


@pytest.fixture
def run(places: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRun]:
    """A local run in which an invocation of convert ends after its first ten visits."""
    monkeypatch.setattr(convert, "CHUNK", 10)
    monkeypatch.setattr(convert, "CONVERT_RESERVE", 1_000_000)
    with runs.start(CLINICS, "clinics.toml") as running:
        yield running


def the_file(run: LocalRun, engine: Engine) -> FileSummary:
    assert engine.wait_until_idle(timeout=120)
    (file,) = run.application.ledger.files.all()
    return file


def test_a_file_of_several_invocations_is_one_file_whose_counts_add_up(
    run: LocalRun, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocations = []
    handler = engine.handlers["convert"]

    def counted(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
        invocations.append(event)
        return handler(event, context)

    monkeypatch.setitem(engine.handlers, "convert", counted)
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=KEY, Body=a_csv(*ROWS))
    file, ledger = the_file(run, engine), run.application.ledger
    assert len(invocations) > len(ROWS) // 10
    assert (file.name, file.complete, file.adds_up) == (KEY, True, True)
    assert (file.rows, file.held, file.submitted) == (len(ROWS), 1, {State.ACCEPTED: len(ROWS) - 1})
    assert ledger.files.get(file.file_id) == file
    assert file.findings == ()
    made = list(ledger.submissions.many(ledger.files.msh_10s(file.file_id)))
    assert sum(len(submission.visit.rows) for submission in made) == len(ROWS)
    for number in (2, PATIENTS, len(ROWS) + 1):
        way = trace(ledger.submissions, ledger.files, file, number)
        assert way is not None
        assert way.state is (State.ACCEPTED if number <= len(ROWS) else State.HELD)
    of_patient: dict[str, list[str]] = defaultdict(list)
    for _, msh_10, patient, _ in run.simulator.received:
        submission = ledger.submissions.get(msh_10)
        assert submission is not None
        of_patient[patient].append(submission.visit.date)
    assert len(of_patient) == PATIENTS
    assert all(days == sorted(set(days)) and len(days) == DAYS for days in of_patient.values())


def test_its_event_again_changes_nothing(run: LocalRun, engine: Engine) -> None:
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=KEY, Body=a_csv(*ROWS))
    before = the_file(run, engine)
    version = run.cloud.s3.head_object(Bucket=run.cloud.runtime.bucket, Key=KEY)["VersionId"]
    sent = len(run.simulator.received)
    run.application.intake.announce(KEY, version)
    assert the_file(run, engine) == before
    assert len(run.simulator.received) == sent
