"""The vaxline command on what a local run left behind, as an operator calls it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import documentation, render
from console.main import app
from local import session
from local.aws import snapshot
from local.aws.engine import Engine
from shared.usecases.findings import CHECKS
from tests import places

CLINICS = places.CLINICS.read_text("utf-8")
ROWS = """\
patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,clinic,cvx,mvx,lot,eligibility,funding_source
SYN-1,Sampleton,Ada,1990-05-06,F,D1,2026-03-02,elm,115,SKB,AB123,V01,PHC70
SYN-2,Sampleton,Bo,1990-05-06,M,D2,2026-03-02,elm,115,SKB,,V01,PHC70
SYN-3,Sampleton,Cleo,1990-05-06,F,D3,2026-03-02,Nowhere,115,SKB,AB123,V01,PHC70
SYN-4,Sampleton,BABY BOY,1990-05-06,M,D4,2026-03-02,elm,115,SKB,AB123,V01,PHC70
"""


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished local run: one row accepted, one without lot, one of an unknown clinic, one refused."""
    folder = tmp_path_factory.mktemp("run") / "local"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "FOLDER", folder)
        patched.setattr(session, "LOG", folder.parent / "functions.log")
        with session.running(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=ROWS.encode())
            assert engine.wait_until_idle(timeout=60)
    return folder


Call = Callable[..., Result]


@pytest.fixture
def call(left_behind: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the command on a copy of the run that was left behind."""
    copy = tmp_path / "local"
    shutil.copytree(left_behind, copy)
    monkeypatch.setattr(snapshot, "FOLDER", copy)
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")
    monkeypatch.setattr(render, "out", render.Console(width=200))
    monkeypatch.setattr(render, "err", render.Console(width=200, stderr=True))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run


def data(result: Result) -> Any:
    return json.loads(result.stdout)


def failure(call: Call, cause: str) -> str:
    (found,) = [entry["msh_10"] for entry in data(call("failures", "--json")) if cause in entry["causes"]]
    return str(found)


def test_failures_lists_everything_that_needs_a_person_with_its_fix(call: Call) -> None:
    listed = data(call("failures", "--json"))
    assert {(entry["state"], entry["clinic"]) for entry in listed} == {
        ("HELD", "elm"),
        ("HELD", "-"),
        ("REFUSED", "elm"),
    }
    words = call("failures").stdout
    assert "LOT-MISSING" in words
    assert CHECKS["LOT-MISSING"].fix in words
    assert [entry["state"] for entry in data(call("failures", "--json", "--state", "REFUSED"))] == ["REFUSED"]


def test_files_adds_up(call: Call) -> None:
    (file,) = data(call("files", "--json"))
    assert file["rows"] == 4
    assert sum(rows for _, _, rows in file["places"]) == 4
    assert "yes" in call("files").stdout


def test_files_audit_and_what_is_expected_can_be_those_of_one_clinic(call: Call) -> None:
    (file,) = data(call("files", "--clinic", "elm", "--json"))
    assert {place[0] for place in file["places"]} == {"elm"}
    assert "of elm alone" in call("files", "--clinic", "elm").stdout
    for command in ("files", "expected", "audit", "readiness"):
        refused = call(command, "--clinic", "lem")
        assert (refused.exit_code, "no clinic 'lem'" in refused.output) == (2, True)
    assert data(call("files", "--clinic", "harbor", "--json")) == []
    call("show", failure(call, "LOT-MISSING"))
    (shown,) = [one for one in data(call("audit", "--clinic", "elm", "--json")) if one["action"] == "show"]
    assert shown not in data(call("audit", "--clinic", "harbor", "--json"))


def test_show_has_message_findings_attempts_and_ack(call: Call) -> None:
    refused = next(e["msh_10"] for e in data(call("failures", "--json")) if e["state"] == "REFUSED")
    words = call("show", refused).stdout
    assert "PID|1||SYN-4" in words
    assert "MSA|AE|" in words
    assert "PID-5" in words
    shown = data(call("show", refused, "--json"))
    assert shown["attempts"][0]["msa_1"] == "AE"
    assert shown["vxu"][0].startswith("MSH|")


def test_an_unknown_msh_10_is_a_no_and_not_a_traceback(call: Call) -> None:
    result = call("show", "NEVER")
    assert (result.exit_code, "there is no submission NEVER" in result.stderr) == (1, True)


def test_a_corrected_dose_is_resubmitted_and_accepted(call: Call) -> None:
    held = failure(call, "LOT-MISSING")
    preview = data(call("resubmit", held, "--set", "lot=AB123", "--dry-run", "--json"))
    assert preview[0]["state"] == "QUEUED"
    (result,) = data(call("resubmit", held, "--set", "lot=AB123", "--json"))
    assert data(call("show", result["msh_10"], "--json"))["state"] == "ACCEPTED"
    assert data(call("show", held, "--json"))["state"] == "SUPERSEDED"
    assert held not in call("failures").stdout


def test_all_failures_of_one_cause_are_resubmitted_after_the_configuration_was_corrected(
    call: Call, tmp_path: Path
) -> None:
    corrected = tmp_path / "clinics.toml"
    corrected.write_text(CLINICS.replace('export_names = ["ELM01"]', 'export_names = ["ELM01", "Nowhere"]'), "utf-8")
    assert call("config", "push", str(corrected)).exit_code == 0
    (result,) = data(call("resubmit", "--cause", "CLINIC-UNKNOWN", "--json"))
    assert data(call("show", result["msh_10"], "--json"))["state"] == "ACCEPTED"


def test_a_correction_that_cannot_be_read_says_so_and_exits_1(call: Call) -> None:
    held = failure(call, "LOT-MISSING")
    result = call("resubmit", held, "--set", "dose_date=soon")
    assert result.exit_code == 1
    assert "dose_date" in result.stdout
    assert call("resubmit", held, "--set", "lot").exit_code == 2
    assert call("resubmit").exit_code == 2


def test_close_takes_a_failure_off_the_worklist_and_keeps_its_reason(call: Call) -> None:
    held = failure(call, "LOT-MISSING")
    assert call("close", held, "--reason", "reported by hand").exit_code == 0
    assert held not in call("failures").stdout
    assert data(call("show", held, "--json"))["closed_reason"] == "reported by hand"
    assert call("close", held, "--reason", "again").exit_code == 1


def test_the_valve_lists_and_opens_facilities(call: Call) -> None:
    shown = call("valve", "list").stdout
    assert "Open: messages are delivered" in shown
    assert "No facility is stopped" in shown
    assert call("valve", "open", "CT9001").exit_code == 1


def test_the_valve_of_the_whole_iis_is_closed_with_a_reason_and_opened_by_a_person(call: Call) -> None:
    assert call("valve", "open").exit_code == 1
    assert call("valve", "close", "--reason", "CT asked for it").exit_code == 0
    assert call("valve", "close", "--reason", "again").exit_code == 1
    shown = call("valve", "list").stdout
    assert "CT asked for it" in shown
    assert "`vaxline valve open`" in shown
    data = json.loads(call("valve", "list", "--json").stdout)
    assert (data["iis"]["open"], data["iis"]["closed_by"], data["facilities"]) == (False, "PERSON", {})
    assert call("valve", "open").exit_code == 0
    assert json.loads(call("valve", "list", "--json").stdout)["iis"]["open"] is True
    actions = [entry["action"] for entry in json.loads(call("audit", "--json").stdout)]
    assert actions.count("valve close") == 2


def test_the_connection_test_reaches_the_simulated_iis(call: Call) -> None:
    assert data(call("test-connection", "--json")) == {"ok": True, "fault": ""}


def test_show_explains_each_error_of_the_iis_with_our_row_and_column(call: Call) -> None:
    shown = call("show", failure(call, "WEBIZ-714 PID-5")).stdout
    assert "patient name, row 4, column first_name" in shown
    assert "placeholder (BABY BOY, TEST). Fix: Enter the legal first and last name" in shown


def test_failures_explains_the_causes_that_the_iis_named(call: Call) -> None:
    listed = call("failures").stdout
    assert "WEBIZ-714 PID-5  The patient's name is missing" in listed


def test_explain_knows_every_code_of_checks_and_faults(call: Call) -> None:
    assert "lot" in call("explain", "lot-missing").stdout
    assert data(call("explain", "READ-TIMEOUT", "--json"))["who"] == "CONFIRM"
    assert "longer" in call("explain", "WEBIZ-501").stdout
    assert data(call("explain", "103 pid-8", "--json"))["who"] == "code map"
    assert call("explain", "NO-SUCH-CODE").exit_code == 1


def test_config_check_names_key_and_value_of_every_error(call: Call, tmp_path: Path) -> None:
    wrong = tmp_path / "clinics.toml"
    wrong.write_text(CLINICS.replace('facility = "CT9002"', "facility = 9002", 1), "utf-8")
    result = call("config", "check", str(wrong))
    assert result.exit_code == 1
    assert "clinics.harbor.facility" in result.stderr
    assert "9002" in result.stderr
    assert data(call("config", "check", str(wrong), "--json"))["ok"] is False
    assert call("config", "push", str(wrong)).exit_code == 1


def test_a_stage_that_does_not_exist_is_named(call: Call) -> None:
    with pytest.raises(LookupError, match="prod"):
        call("files", "--stage", "prod")


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
