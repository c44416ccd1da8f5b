"""The vaxline command on what a local run left behind, as an operator calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console import documentation
from shared.usecases.findings import CHECKS
from tests import places
from tests.local_run import OpenRun, open_run

CLINICS = places.CLINICS.read_text("utf-8")
HEADER = (
    "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,clinic,cvx,mvx,lot,eligibility,funding_source"
)


def a_row(patient: str, *, first_name: str = "Ada", clinic: str = "elm", lot: str = "AB123") -> str:
    return f"{patient},Sampleton,{first_name},1990-05-06,F,D-{patient},2026-03-02,{clinic},115,SKB,{lot},V01,PHC70"


def an_export(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    """A run with one row accepted, one without lot, one of an unknown clinic, one refused: `doses.csv`.

    A test that corrects a row drops one of its own.
    """
    with open_run(CLINICS, tmp_path_factory.mktemp("run")) as opened:
        rows = (
            a_row("SYN-1"),
            a_row("SYN-2", lot=""),
            a_row("SYN-3", clinic="Nowhere"),
            a_row("SYN-4", first_name="INFANT"),
        )
        opened.drop("elm/doses.csv", an_export(*rows))
        yield opened


def failure(run: OpenRun, cause: str, name: str = "elm/doses.csv") -> str:
    """The one submission of an export that waits for this cause."""
    of_file = run.file(name).file_id
    (found,) = [
        entry["msh_10"] for entry in run.data("failures") if cause in entry["causes"] and entry["file_id"] == of_file
    ]
    return str(found)


def without_lot(run: OpenRun, patient: str) -> str:
    """A held submission of the test's own."""
    run.drop(f"elm/{patient}.csv", an_export(a_row(patient, lot="")))
    return failure(run, "LOT-MISSING", f"elm/{patient}.csv")


def test_failures_lists_everything_that_needs_a_person_with_its_fix(run: OpenRun) -> None:
    listed = run.data("failures")
    assert {(entry["state"], entry["clinic"]) for entry in listed} == {
        ("HELD", "elm"),
        ("HELD", "-"),
        ("REFUSED", "elm"),
    }
    words = run.call("failures").stdout
    assert "LOT-MISSING" in words
    assert CHECKS["LOT-MISSING"].fix in words
    assert [entry["state"] for entry in run.data("failures", "--state", "REFUSED")] == ["REFUSED"]


def test_files_adds_up(run: OpenRun) -> None:
    (file,) = [file for file in run.data("files") if file["name"] == "inbox/elm/doses.csv"]
    assert file["rows"] == 4
    assert sum(rows for _, _, rows in file["places"]) == 4
    assert "yes" in run.call("files").stdout


def test_files_audit_and_what_is_expected_can_be_those_of_one_clinic(run: OpenRun) -> None:
    files = run.data("files", "--clinic", "elm")
    assert {place[0] for file in files for place in file["places"]} == {"elm"}
    assert "of elm alone" in run.call("files", "--clinic", "elm").stdout
    for command in ("files", "expected", "audit", "readiness"):
        refused = run.call(command, "--clinic", "lem")
        assert (refused.exit_code, "no clinic 'lem'" in refused.output) == (2, True)
    assert run.data("files", "--clinic", "harbor") == []
    run.call("show", failure(run, "LOT-MISSING"))
    (shown,) = [one for one in run.data("audit", "--clinic", "elm") if one["action"] == "show"]
    assert shown not in run.data("audit", "--clinic", "harbor")


def test_show_has_message_findings_attempts_and_ack(run: OpenRun) -> None:
    refused = next(e["msh_10"] for e in run.data("failures") if e["state"] == "REFUSED")
    words = run.call("show", refused).stdout
    assert "PID|1||SYN-4" in words
    assert "MSA|AE|" in words
    assert "PID-5" in words
    shown = run.data("show", refused)
    assert shown["attempts"][0]["msa_1"] == "AE"
    assert shown["vxu"][0].startswith("MSH|")


def test_an_unknown_msh_10_is_a_no_and_not_a_traceback(run: OpenRun) -> None:
    result = run.call("show", "NEVER")
    assert (result.exit_code, "there is no submission NEVER" in result.stderr) == (1, True)


def test_a_corrected_dose_is_resubmitted_and_accepted(run: OpenRun) -> None:
    held = without_lot(run, "SYN-5")
    preview = run.data("resubmit", held, "--set", "lot=AB123", "--dry-run")
    assert preview[0]["state"] == "QUEUED"
    (result,) = run.data("resubmit", held, "--set", "lot=AB123")
    assert run.data("show", result["msh_10"])["state"] == "ACCEPTED"
    assert run.data("show", held)["state"] == "SUPERSEDED"
    assert held not in run.call("failures").stdout


def test_all_failures_of_one_cause_are_resubmitted_after_the_configuration_was_corrected(
    run: OpenRun, tmp_path: Path
) -> None:
    corrected = tmp_path / "clinics.toml"
    corrected.write_text(CLINICS.replace('export_names = ["ELM01"]', 'export_names = ["ELM01", "Elsewhere"]'), "utf-8")
    run.drop("elm/elsewhere.csv", an_export(a_row("SYN-6", clinic="Elsewhere")))
    held, other = failure(run, "CLINIC-UNKNOWN", "elm/elsewhere.csv"), failure(run, "CLINIC-UNKNOWN")
    assert run.call("config", "push", str(corrected)).exit_code == 0
    results = {one["replaces"]: one for one in run.data("resubmit", "--cause", "CLINIC-UNKNOWN")}
    assert results.keys() == {held, other}
    assert run.data("show", results[held]["msh_10"])["state"] == "ACCEPTED"


def test_a_correction_that_cannot_be_read_says_so_and_exits_1(run: OpenRun) -> None:
    held = without_lot(run, "SYN-7")
    result = run.call("resubmit", held, "--set", "dose_date=soon")
    assert result.exit_code == 1
    assert "dose_date" in result.stdout
    assert run.call("resubmit", held, "--set", "lot").exit_code == 2
    assert run.call("resubmit").exit_code == 2


def test_close_takes_a_failure_off_the_worklist_and_keeps_its_reason(run: OpenRun) -> None:
    held = without_lot(run, "SYN-8")
    assert run.call("close", held, "--reason", "reported by hand").exit_code == 0
    assert held not in run.call("failures").stdout
    assert run.data("show", held)["closed_reason"] == "reported by hand"
    assert run.call("close", held, "--reason", "again").exit_code == 1


def test_the_valve_lists_and_opens_facilities(run: OpenRun) -> None:
    shown = run.call("valve", "list").stdout
    assert "Open: messages are delivered" in shown
    assert "No facility is stopped" in shown
    assert run.call("valve", "open", "CT9001").exit_code == 1


def test_the_valve_of_the_whole_iis_is_closed_with_a_reason_and_opened_by_a_person(run: OpenRun) -> None:
    assert run.call("valve", "open").exit_code == 1
    assert run.call("valve", "close", "--reason", "CT asked for it").exit_code == 0
    assert run.call("valve", "close", "--reason", "again").exit_code == 1
    shown = run.call("valve", "list").stdout
    assert "CT asked for it" in shown
    assert "`vaxline valve open`" in shown
    data = run.data("valve", "list")
    assert (data["iis"]["open"], data["iis"]["closed_by"], data["facilities"]) == (False, "PERSON", {})
    assert run.call("valve", "open").exit_code == 0
    assert run.data("valve", "list")["iis"]["open"] is True
    actions = [entry["action"] for entry in run.data("audit")]
    assert actions.count("valve close") == 2


def test_the_connection_test_reaches_the_simulated_iis(run: OpenRun) -> None:
    told = run.data("test-connection")
    assert (told["ok"], told["fault"], told["endpoint"]) == (True, "", run.simulator.endpoint)
    assert told["from"] == "this machine"
    assert "called from this machine" in run.called("test-connection", "--clinic", "elm").stdout
    with pytest.raises(LookupError, match="nobody"):
        run.call("test-connection", "--clinic", "nobody")


def test_show_explains_each_error_of_the_iis_with_our_row_and_column(run: OpenRun) -> None:
    shown = run.call("show", failure(run, "WEBIZ-714 PID-5")).stdout
    assert "patient name, row 5, column first_name" in shown
    assert "placeholder (BABY BOY, TEST). Fix: Enter the legal first and last name" in shown


def test_failures_explains_the_causes_that_the_iis_named(run: OpenRun) -> None:
    listed = run.call("failures").stdout
    assert "WEBIZ-714 PID-5  The patient's name is missing" in listed


def test_explain_knows_every_code_of_checks_and_faults(run: OpenRun) -> None:
    assert "lot" in run.call("explain", "lot-missing").stdout
    assert run.data("explain", "READ-TIMEOUT")["who"] == "CONFIRM"
    assert "longer" in run.call("explain", "WEBIZ-501").stdout
    assert run.data("explain", "103 pid-8")["who"] == "code map"
    assert run.call("explain", "NO-SUCH-CODE").exit_code == 1


def test_config_check_names_key_and_value_of_every_error(run: OpenRun, tmp_path: Path) -> None:
    wrong = tmp_path / "clinics.toml"
    wrong.write_text(CLINICS.replace('facility = "CT9002"', "facility = 9002", 1), "utf-8")
    result = run.call("config", "check", str(wrong))
    assert result.exit_code == 1
    assert "clinics.harbor.facility" in result.stderr
    assert "9002" in result.stderr
    assert run.data("config", "check", str(wrong), code=1)["ok"] is False
    assert run.call("config", "push", str(wrong)).exit_code == 1


def test_a_stage_that_does_not_exist_is_named(run: OpenRun) -> None:
    with pytest.raises(LookupError, match="prod"):
        run.call("files", "--stage", "prod")


def test_every_command_says_what_it_does_with_an_example() -> None:
    for name, command in documentation.commands():
        assert f"Example: {name}" in (command.help or ""), name


def test_every_option_is_explained() -> None:
    unexplained = [
        f"{name} {option.name}"
        for name, command in documentation.commands()
        for option in command.params
        if not getattr(option, "help", "")
    ]
    assert unexplained == []


def test_the_generated_pages_are_up_to_date_and_no_link_is_broken() -> None:
    assert documentation.main(["--check"]) == 0
