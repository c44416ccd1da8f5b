"""The main job with everything real but AWS (moto) and CT WiZ (a SOAP server on loopback)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from local import exports, session
from local.aws.engine import Engine
from local.ctwiz.faults import Planned
from local.session import Session
from shared.domain.lifecycle import Event, State
from shared.domain.submission import FileSummary
from shared.settings import OUTBOX, SWEEP
from shared.usecases.correction.correct import Resubmitted
from shared.usecases.delivery.valve import close_by_hand, open_by_hand, open_facility_by_hand
from tests.end_to_end.rows import CLINICS, a_csv, row


@pytest.fixture
def run(places: None) -> Iterator[Session]:
    with session.running(CLINICS, "clinics.toml") as running:
        yield running


Drop = Callable[..., FileSummary]


@pytest.fixture
def drop(run: Session, engine: Engine) -> Drop:
    def put(*rows: str, key: str = "inbox/elm/doses.csv") -> FileSummary:
        before = {file.file_id for file in run.application.ledger.files()}
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=60)
        (new,) = [file for file in run.application.ledger.files() if file.file_id not in before]
        assert new.adds_up
        return new

    return put


def only_failure(run: Session) -> str:
    (entry,) = run.application.ledger.worklist()
    return entry.msh_10


def test_a_row_goes_the_whole_way_and_its_ack_is_kept(run: Session, drop: Drop) -> None:
    assert drop(row("SYN-1", "D1")).submitted == {State.ACCEPTED: 1}
    (msh_10,) = run.simulator.accepted
    kept = run.application.ledger.get(msh_10)
    assert kept is not None
    assert kept.attempts[0].msa_1 == "AA"
    assert kept.config_version == run.configuration.version


def test_the_same_rows_again_are_unchanged_and_nothing_is_sent(run: Session, drop: Drop) -> None:
    drop(row("SYN-1", "D1"), row("SYN-2", "D2"))
    assert drop(row("SYN-1", "D1"), row("SYN-2", "D2"), key="inbox/elm/again.csv").unchanged == 2
    assert len(run.simulator.received) == 2


def test_a_held_dose_is_corrected_sent_and_its_failure_closed(run: Session, engine: Engine, drop: Drop) -> None:
    assert drop(row("SYN-1", "D1", lot="")).held == 1
    assert run.simulator.received == []
    held = only_failure(run)
    result = run.application.correct(held, {"lot": "AB123"})
    assert isinstance(result, Resubmitted)
    assert engine.wait_until_idle(timeout=60)
    states = [run.application.ledger.get(msh_10) for msh_10 in (held, result.msh_10)]
    assert [found.state for found in states if found] == [State.SUPERSEDED, State.ACCEPTED]
    assert list(run.application.ledger.worklist()) == []
    (file,) = run.application.ledger.files()
    assert (file.adds_up, file.submitted) == (True, {State.SUPERSEDED: 1})


def test_a_refusal_is_closed_by_the_next_export_that_has_it_right(run: Session, drop: Drop) -> None:
    assert drop(row("SYN-1", "D1", first_name="BABY BOY")).submitted == {State.REFUSED: 1}
    refused = only_failure(run)
    assert drop(row("SYN-1", "D1"), key="inbox/elm/next.csv").submitted == {State.ACCEPTED: 1}
    after = run.application.ledger.get(refused)
    assert after is not None
    assert after.state is State.SUPERSEDED
    assert list(run.application.ledger.worklist()) == []


def test_one_bad_dose_of_a_visit_is_named_and_the_others_are_stored(run: Session, drop: Drop) -> None:
    summary = drop(row("SYN-1", "D1"), row("SYN-1", "D2", cvx="999"))
    assert summary.submitted == {State.PARTLY_ACCEPTED: 2}
    found = run.application.ledger.get(only_failure(run))
    assert found is not None
    assert found.attempts[-1].dropped == ("D2",)


def test_a_broken_connection_is_tried_again_until_it_works(run: Session, drop: Drop) -> None:
    run.simulator.play(Planned("http-503", times=2))
    assert drop(row("SYN-1", "D1")).submitted == {State.ACCEPTED: 1}
    (msh_10,) = run.simulator.accepted
    found = run.application.ledger.get(msh_10)
    assert found is not None
    assert [attempt.fault for attempt in found.attempts] == ["HTTP-503", "HTTP-503", ""]


def test_an_answer_that_never_came_is_sent_once_more_under_the_same_msh_10(run: Session, drop: Drop) -> None:
    run.simulator.play(Planned("eof-mid-body", times=1))
    assert drop(row("SYN-1", "D1")).submitted == {State.ACCEPTED: 1}
    assert len({msh_10 for _, msh_10, _, _ in run.simulator.received}) == 1
    assert len(run.simulator.received) == 2


def test_an_outcome_that_stays_unknown_asks_a_person_after_two_sends(run: Session, drop: Drop) -> None:
    run.simulator.play(Planned("wrong-msa-2"))
    assert drop(row("SYN-1", "D1")).submitted == {State.UNKNOWN: 1}
    assert len(run.simulator.received) == 2
    found = run.application.ledger.get(only_failure(run))
    assert found is not None
    assert found.causes == ("WRONG-MSA-2",)


def test_corrections_reach_the_iis_in_the_order_in_which_they_were_made(run: Session, drop: Drop) -> None:
    for lot in ("L1", "L2", "L3"):
        drop(row("SYN-1", "D1", lot=lot))
    (stored,) = run.simulator.webiz.history("SYN-1").values()
    assert "|L3|" in stored
    assert len(run.simulator.received) == 3


def test_a_visit_that_must_be_tried_again_holds_the_patients_later_visits_back(run: Session, drop: Drop) -> None:
    first, later = row("SYN-1", "D1"), row("SYN-1", "D2").replace("2026-03-02", "2026-03-03")
    other = row("SYN-2", "D3")
    run.simulator.play(Planned("http-503", patient="SYN-1", times=2))
    assert drop(first, later, other).submitted == {State.ACCEPTED: 3}
    of_the_patient = [msh_10 for _, msh_10, patient, _ in run.simulator.received if patient == "SYN-1"]
    assert len(of_the_patient) == 4
    assert len(set(of_the_patient[:3])) == 1


def test_a_refused_password_stops_one_facility_and_opening_it_delivers_what_waited(
    run: Session, engine: Engine, drop: Drop
) -> None:
    run.simulator.play(Planned("security-fault", facility="CT9001"))
    assert drop(row("SYN-1", "D1"), row("SYN-2", "D2")).submitted == {State.QUEUED: 2}
    tries = len(run.simulator.received)
    assert run.application.ledger.stops().facilities == {"CT9001": "SECURITY-FAULT"}
    drop(row("SYN-3", "D3"), key="inbox/elm/later.csv")
    assert len(run.simulator.received) == tries
    run.simulator.stop_playing()
    assert open_facility_by_hand(run.application.ledger, run.application.sweep, "CT9001") == 3
    assert engine.wait_until_idle(timeout=60)
    assert [file.submitted for file in run.application.ledger.files()] == [
        {State.ACCEPTED: 2},
        {State.ACCEPTED: 1},
    ] or [file.submitted for file in run.application.ledger.files()] == [{State.ACCEPTED: 1}, {State.ACCEPTED: 2}]


@pytest.mark.parametrize("fault", ["http-503", "reset"])
def test_an_outage_of_the_whole_iis_stops_delivery_and_after_a_good_probe_everything_is_delivered(
    run: Session, engine: Engine, fault: str
) -> None:
    run.simulator.play(Planned(fault))
    rows = [row(f"SYN-{number}", f"D{number}") for number in range(40)]
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=a_csv(*rows))
    until(lambda: not is_switched_on(run))
    assert not run.application.ledger.stops().valve.is_open
    # What was on its way arrives still.
    time.sleep(2)
    tried = len(run.simulator.received)
    assert tried < len(rows)
    # Switched off, nothing is received: no try is used up, however long it lasts.
    time.sleep(0.5)
    assert len(run.simulator.received) - tried <= 1, "the one message of a good probe"
    run.simulator.stop_playing()
    assert engine.wait_until_idle(timeout=60)
    assert is_switched_on(run)
    (file,) = run.application.ledger.files()
    assert file.submitted == {State.ACCEPTED: 40}
    assert run.application.ledger.stops().valve.tries == 0


def test_what_waits_behind_a_valve_that_a_person_closed_is_delivered_when_it_is_opened(
    run: Session, engine: Engine, drop: Drop
) -> None:
    close_by_hand(run.application.ledger, run.application.clock, "CT asked for it")
    until(lambda: not is_switched_on(run))
    assert drop(row("SYN-1", "D1")).submitted == {State.QUEUED: 1}
    assert run.simulator.received == []
    open_by_hand(run.application.ledger, run.application.clock)
    until(lambda: len(run.simulator.accepted) == 1)


def is_switched_on(run: Session) -> bool:
    mapping = run.cloud.functions.get_event_source_mapping(UUID=run.cloud.runtime.mapping)
    return mapping["State"] == "Enabled"


def until(holds: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_lost_queue_message_is_found_by_the_sweep(run: Session) -> None:
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


def test_a_fhir_set_waits_for_its_last_file_and_arrives_in_any_order(
    run: Session, engine: Engine, tmp_path: Path
) -> None:
    exports.generate(tmp_path / "made", today=date(2026, 3, 2), doses=60)
    files = sorted((tmp_path / "made" / "hilltop").rglob("*"), reverse=True)
    files = [path for path in files if path.is_file()]
    for path in files:
        assert list(run.application.ledger.files()) == []
        key = f"inbox/hilltop/set/{path.name}"
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=path.read_bytes())
        assert engine.wait_until_idle(timeout=60)
    (file,) = run.application.ledger.files()
    assert file.complete
    assert file.adds_up
    assert sum(file.submitted.values()) > 0


def test_a_real_bulk_export_goes_through_with_every_row_accounted_for(
    run: Session, engine: Engine, shared_material: Path
) -> None:
    for path in sorted((shared_material / "samples" / "fhir-bulk-10").iterdir()):
        key = f"inbox/yours-fhir/sample/{path.name}"
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=path.read_bytes())
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/yours-fhir/sample/_SUCCESS", Body=b"")
    assert engine.wait_until_idle(timeout=120)
    (file,) = run.application.ledger.files()
    assert (file.rows, file.adds_up, file.complete) == (161, True, True)
    assert sum(rows for _, state, rows in file.places if state in {State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS}) == 161


def test_a_local_run_can_be_opened_again_and_goes_on(places: None) -> None:
    with session.running(CLINICS, "clinics.toml") as first, Engine(first.cloud) as engine:
        body = a_csv(row("SYN-1", "D1", lot=""))
        first.cloud.s3.put_object(Bucket=first.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=body)
        assert engine.wait_until_idle(timeout=60)
        held = only_failure(first)
    with session.opened() as application:
        result = application.correct(held, {"lot": "AB123"})
        assert isinstance(result, Resubmitted)
    with session.opened() as application:
        found = application.ledger.get(result.msh_10)
        assert found is not None
        assert found.state is State.ACCEPTED
        assert not application.ledger.move(held, Event.CLOSE)
