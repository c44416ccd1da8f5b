"""A file over the size limit, through the queues: its shares convert side by side, and it stays one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from local import session
from local.aws.engine import Engine
from local.session import Session
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.settings import SHARES
from shared.usecases.reporting.trace import trace
from tests.end_to_end.rows import CLINICS, a_csv, row

PATIENTS, DAYS = 12, 3
LIMIT = 2_000
KEY = "inbox/elm/large.csv"
# A patient's days stand far apart in the file, and one row names no patient.
ROWS = [
    row(f"SYN-{patient}", f"D-{patient}-{day}").replace("2026-03-02", f"2026-03-{day + 1:02}")
    for day in range(DAYS)
    for patient in range(PATIENTS)
] + [row("", "D-nobody")]


@pytest.fixture
def run(places: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("VAXLINE_SPLIT_BYTES", str(LIMIT))
    with session.running(CLINICS, "clinics.toml") as running:
        yield running


def the_file(run: Session, engine: Engine) -> FileSummary:
    assert engine.wait_until_idle(timeout=120)
    (file,) = run.application.ledger.files()
    return file


def test_a_large_file_is_converted_in_shares_and_is_one_file_whose_counts_add_up(run: Session, engine: Engine) -> None:
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=KEY, Body=a_csv(*ROWS))
    file, ledger = the_file(run, engine), run.application.ledger
    assert (file.name, file.shares, file.complete, file.adds_up) == (KEY, SHARES, True, True)
    assert (file.rows, file.held, file.submitted) == (len(ROWS), 1, {State.ACCEPTED: len(ROWS) - 1})
    assert ledger.file(file.file_id) == file
    assert file.findings == ()
    made = list(ledger.many(ledger.of_file(file.file_id)))
    assert sum(len(one.visit.rows) for one in made) == len(ROWS)
    assert len({one.file_id for one in made}) == SHARES, "each share has a partition of the index of its own"
    for number in (1, PATIENTS, len(ROWS)):
        way = trace(ledger, file, number)
        assert way is not None
        assert way.state is (State.ACCEPTED if number < len(ROWS) else State.HELD)
    of_patient: dict[str, list[str]] = defaultdict(list)
    for _, msh_10, patient, _ in run.simulator.received:
        found = ledger.get(msh_10)
        assert found is not None
        of_patient[patient].append(found.visit.date)
    assert len(of_patient) == PATIENTS
    assert all(days == sorted(set(days)) and len(days) == DAYS for days in of_patient.values())


def test_its_event_again_and_its_shares_events_again_change_nothing(run: Session, engine: Engine) -> None:
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=KEY, Body=a_csv(*ROWS))
    before = the_file(run, engine)
    version = run.cloud.s3.head_object(Bucket=run.cloud.runtime.bucket, Key=KEY)["VersionId"]
    sent = len(run.simulator.received)
    run.application.intake.announce(KEY, version)
    run.application.intake.announce_shares(KEY, version, SHARES)
    assert the_file(run, engine) == before
    assert len(run.simulator.received) == sent
