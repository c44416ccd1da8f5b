"""The main job with everything real but AWS (moto) and CT WiZ (a SOAP server on loopback)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from local import demo_exports
from local.ctwiz.faults import PlannedFault
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Submission
from shared.usecases.correction.correct import Resubmitted
from tests.end_to_end.rows import a_csv, row
from tests.local_run import OpenRun


def drop(run: OpenRun, *rows: str, name: str = "") -> FileSummary:
    """An export of these rows, called by its first patient."""
    patient = rows[0].partition(",")[0]
    return run.drop(f"elm/{patient}{name}.csv", a_csv(*rows))


def failure(run: OpenRun, file: FileSummary) -> Submission:
    """The one submission of a file that waits for a person."""
    (entry,) = [entry for entry in run.ledger.worklist.entries() if entry.file_id == file.file_id]
    return run.submission(entry.msh_10)


def waits(run: OpenRun, patient: str) -> bool:
    return any(run.submission(entry.msh_10).visit.patient.mrn == patient for entry in run.ledger.worklist.entries())


def sent(run: OpenRun, patient: str) -> list[str]:
    """The MSH-10s under which the IIS received something about a patient, in the order of arrival."""
    return [msh_10 for _, msh_10, of, _ in run.simulator.received if of == patient]


def test_a_row_goes_the_whole_way_and_its_ack_is_kept(shared_run: OpenRun) -> None:
    assert drop(shared_run, row("WAY-1")).submitted == {State.ACCEPTED: 1}
    (msh_10,) = sent(shared_run, "WAY-1")
    assert msh_10 in shared_run.simulator.accepted
    kept = shared_run.submission(msh_10)
    assert kept.attempts[0].msa_1 == "AA"
    assert kept.config_version == shared_run.session.configuration.version


def test_the_same_rows_again_are_unchanged_and_nothing_is_sent(shared_run: OpenRun) -> None:
    drop(shared_run, row("SAME-1"), row("SAME-2"))
    assert drop(shared_run, row("SAME-1"), row("SAME-2"), name="-again").unchanged == 2
    assert [len(sent(shared_run, patient)) for patient in ("SAME-1", "SAME-2")] == [1, 1]


def test_a_held_dose_is_corrected_sent_and_its_failure_closed(shared_run: OpenRun) -> None:
    file = drop(shared_run, row("HELD-1", lot=""))
    assert file.held == 1
    assert sent(shared_run, "HELD-1") == []
    held = failure(shared_run, file).msh_10
    result = shared_run.application.correct(held, {"lot": "AB123"})
    assert isinstance(result, Resubmitted)
    shared_run.settle()
    assert [shared_run.submission(msh_10).state for msh_10 in (held, result.msh_10)] == [
        State.SUPERSEDED,
        State.ACCEPTED,
    ]
    assert not waits(shared_run, "HELD-1")
    after = shared_run.file("elm/HELD-1.csv")
    assert after.submitted == {State.SUPERSEDED: 1}


def test_a_refusal_is_closed_by_the_next_export_that_has_it_right(shared_run: OpenRun) -> None:
    file = drop(shared_run, row("BABY-1", first_name="INFANT"))
    assert file.submitted == {State.REFUSED: 1}
    refused = failure(shared_run, file).msh_10
    assert drop(shared_run, row("BABY-1"), name="-next").submitted == {State.ACCEPTED: 1}
    assert shared_run.submission(refused).state is State.SUPERSEDED
    assert not waits(shared_run, "BABY-1")


def test_one_bad_dose_of_a_visit_is_named_and_the_others_are_stored(shared_run: OpenRun) -> None:
    file = drop(shared_run, row("PART-1", "PART-D1"), row("PART-1", "PART-D2", cvx="338", mvx="ZZZ"))
    assert file.submitted == {State.PARTLY_ACCEPTED: 2}
    assert failure(shared_run, file).attempts[-1].dropped == ("PART-D2",)


def test_a_broken_connection_is_tried_again_until_it_works(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("http-503", patient="AGAIN-1", times=2))
    assert drop(shared_run, row("AGAIN-1")).submitted == {State.ACCEPTED: 1}
    (msh_10,) = set(sent(shared_run, "AGAIN-1"))
    attempts = shared_run.submission(msh_10).attempts
    assert [attempt.fault for attempt in attempts] == ["HTTP-503", "HTTP-503", ""]


def test_an_answer_that_never_came_is_sent_once_more_under_the_same_msh_10(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("eof-mid-body", patient="EOF-1", times=1))
    assert drop(shared_run, row("EOF-1")).submitted == {State.ACCEPTED: 1}
    times = sent(shared_run, "EOF-1")
    assert (len(times), len(set(times))) == (2, 1)


def test_an_outcome_that_stays_unknown_asks_a_person_after_two_sends(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("wrong-msa-2", patient="MSA-1"))
    file = drop(shared_run, row("MSA-1"))
    assert file.submitted == {State.UNKNOWN: 1}
    assert len(sent(shared_run, "MSA-1")) == 2
    assert failure(shared_run, file).causes == ("WRONG-MSA-2",)


def test_a_commit_level_accept_is_neither_taken_for_an_acceptance_nor_sent_again(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("commit-ack", patient="CA-1"))
    file = drop(shared_run, row("CA-1"))
    assert file.submitted == {State.UNKNOWN: 1}
    assert len(sent(shared_run, "CA-1")) == 1
    unknown = failure(shared_run, file)
    assert unknown.causes == ("COMMIT-ACK",)
    (result,) = shared_run.data("reconcile", "--mrn", "CA-1")
    assert result["proven"] == [unknown.msh_10]


def test_the_answer_to_a_query_is_no_answer_to_a_message(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("rsp-instead-of-ack", patient="RSP-1"))
    file = drop(shared_run, row("RSP-1"))
    assert file.submitted == {State.UNKNOWN: 1}
    assert failure(shared_run, file).causes == ("NOT-AN-ACK",)


def test_a_character_that_xml_forbids_does_not_lose_an_ack_and_is_noted(shared_run: OpenRun) -> None:
    shared_run.simulator.play(PlannedFault("control-character", patient="SALVAGED-1"))
    file = drop(shared_run, row("SALVAGED-1"))
    assert file.submitted == {State.ACCEPTED: 1}
    (msh_10,) = shared_run.ledger.files.msh_10s(file.file_id)
    assert shared_run.submission(msh_10).attempts[-1].salvaged
    assert "salvaged" in shared_run.called("show", msh_10).stdout


def test_corrections_reach_the_iis_in_the_order_in_which_they_were_made(shared_run: OpenRun) -> None:
    for lot in ("L1", "L2", "L3"):
        drop(shared_run, row("ORDER-1", lot=lot), name=lot)
    (stored,) = shared_run.simulator.webiz.history("ORDER-1").values()
    assert "|L3|" in stored
    assert len(sent(shared_run, "ORDER-1")) == 3


def test_a_visit_that_must_be_tried_again_holds_the_patients_later_visits_back(shared_run: OpenRun) -> None:
    first, later = row("BACK-1", "BACK-D1"), row("BACK-1", "BACK-D2").replace("2026-03-02", "2026-03-03")
    shared_run.simulator.play(PlannedFault("http-503", patient="BACK-1", times=2))
    assert drop(shared_run, first, later, row("BACK-2")).submitted == {State.ACCEPTED: 3}
    of_the_patient = sent(shared_run, "BACK-1")
    assert len(of_the_patient) == 4
    assert len(set(of_the_patient[:3])) == 1


def test_a_fhir_set_waits_for_its_last_file_and_arrives_in_any_order(shared_run: OpenRun, tmp_path: Path) -> None:
    demo_exports.generate(tmp_path / "made", today=date(2026, 3, 2), doses=60)
    files = sorted((tmp_path / "made" / "hilltop").rglob("*"), reverse=True)
    for path in (path for path in files if path.is_file()):
        assert not any(file.source == "hilltop" for file in shared_run.ledger.files.all())
        shared_run.put(f"hilltop/set/{path.name}", path.read_bytes())
        shared_run.settle()
    (file,) = [file for file in shared_run.ledger.files.all() if file.source == "hilltop"]
    assert file.complete
    assert file.adds_up
    assert sum(file.submitted.values()) > 0


def test_a_real_bulk_export_goes_through_with_every_row_accounted_for(
    shared_run: OpenRun, shared_material: Path
) -> None:
    for path in sorted((shared_material / "samples" / "fhir-bulk-10").iterdir()):
        shared_run.put(f"yours-fhir/sample/{path.name}", path.read_bytes())
    file = shared_run.drop("yours-fhir/sample/_SUCCESS", b"")
    assert (file.rows, file.adds_up, file.complete) == (161, True, True)
    assert sum(rows for _, state, rows in file.places if state in {State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS}) == 161
