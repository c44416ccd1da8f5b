"""Outages, stopped facilities and lost queue messages: delivery stops, goes on by itself, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from local import runs
from local.aws.engine import Engine
from local.ctwiz.faults import PlannedFault
from local.runs import LocalRun
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.settings import OUTBOX, SWEEP
from shared.usecases.delivery.valve import close_by_hand, open_by_hand, open_facility_by_hand
from tests.end_to_end.rows import CLINICS, a_csv, row


@pytest.fixture
def run(places: None) -> Iterator[LocalRun]:
    with runs.start(CLINICS, "clinics.toml") as running:
        yield running


Drop = Callable[..., FileSummary]


@pytest.fixture
def drop(run: LocalRun, engine: Engine) -> Drop:
    def put(*rows: str, key: str = "inbox/elm/doses.csv") -> FileSummary:
        before = {file.file_id for file in run.application.ledger.files.all()}
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=60)
        (new,) = [file for file in run.application.ledger.files.all() if file.file_id not in before]
        assert new.adds_up
        return new

    return put


def is_switched_on(run: LocalRun) -> bool:
    mapping = run.cloud.functions.get_event_source_mapping(UUID=run.cloud.runtime.mapping)
    return mapping["State"] == "Enabled"


def until(holds: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_refused_password_stops_one_facility_and_opening_it_delivers_what_waited(
    run: LocalRun, engine: Engine, drop: Drop
) -> None:
    run.simulator.play(PlannedFault("security-fault", facility="CT9001"))
    assert drop(row("SYN-1", "D1"), row("SYN-2", "D2")).submitted == {State.QUEUED: 2}
    tries = len(run.simulator.received)
    assert run.application.ledger.stops.current().facilities == {"CT9001": "SECURITY-FAULT"}
    drop(row("SYN-3", "D3"), key="inbox/elm/later.csv")
    assert len(run.simulator.received) == tries
    run.simulator.stop_playing()
    assert open_facility_by_hand(run.application.ledger.stops, run.application.sweep, "CT9001") == 3
    assert engine.wait_until_idle(timeout=60)
    assert [file.submitted for file in run.application.ledger.files.all()] == [
        {State.ACCEPTED: 2},
        {State.ACCEPTED: 1},
    ] or [file.submitted for file in run.application.ledger.files.all()] == [{State.ACCEPTED: 1}, {State.ACCEPTED: 2}]


@pytest.mark.parametrize("fault", ["http-503", "reset"])
def test_an_outage_of_the_whole_iis_stops_delivery_and_after_a_good_probe_everything_is_delivered(
    run: LocalRun, engine: Engine, fault: str
) -> None:
    run.simulator.play(PlannedFault(fault))
    rows = [row(f"SYN-{number}", f"D{number}") for number in range(40)]
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=a_csv(*rows))
    until(lambda: not is_switched_on(run))
    # What was on its way arrives still.
    until(lambda: all(State.SENDING not in file.submitted for file in run.application.ledger.files.all()))
    before, received = run.application.ledger.stops.current().valve.tries, len(run.simulator.received)
    assert received < len(rows)
    # Switched off, nothing is received but the one message after each good probe: no try is used up.
    until(lambda: run.application.ledger.stops.current().valve.tries >= before + 3)
    received = len(run.simulator.received) - received
    assert received <= run.application.ledger.stops.current().valve.tries - before + 1
    run.simulator.stop_playing()
    assert engine.wait_until_idle(timeout=60)
    assert is_switched_on(run)
    (file,) = run.application.ledger.files.all()
    assert file.submitted == {State.ACCEPTED: 40}
    assert run.application.ledger.stops.current().valve.tries == 0


def test_what_waits_behind_a_valve_that_a_person_closed_is_delivered_when_it_is_opened(
    run: LocalRun, engine: Engine, drop: Drop
) -> None:
    close_by_hand(run.application.ledger.stops, run.application.clock, "CT asked for it")
    until(lambda: not is_switched_on(run))
    assert drop(row("SYN-1", "D1")).submitted == {State.QUEUED: 1}
    assert run.simulator.received == []
    open_by_hand(run.application.ledger.stops, run.application.clock)
    until(lambda: len(run.simulator.accepted) == 1)


def test_a_lost_queue_message_is_found_by_the_sweep(run: LocalRun) -> None:
    body = a_csv(row("SYN-1", "D1"))
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=body)
    run.application.convert("inbox/elm/doses.csv")
    run.cloud.sqs.purge_queue(QueueUrl=run.cloud.queue_urls[OUTBOX.name])
    run.application.sweep._after *= 0
    assert run.application.sweep().queued == 1
    with Engine(run.cloud) as engine:
        assert engine.wait_until_idle(timeout=60)
        assert engine.invoke(SWEEP, {}) == {"queued": 0, "stopped": 0}
    assert len(run.simulator.accepted) == 1
