"""The workflow test of bi-directional onboarding, against the simulated CT WiZ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.commands.workflow_steps import FOUND_WITH_FORECAST, Step, phases_of
from console.main import app
from local import runs
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import OpenRun, open_run

SCENARIOS = """name,expect,clinic,last_name,first_name,birth_date,sex
a stranger,NOT_FOUND,elm,Sampleton,Nobody,1970-01-01,F
one who resembles,CANDIDATES,elm,Sampleton,Adah,1990-05-06,F
wrongly expected,TOO_MANY,elm,Sampleton,Ada,1990-05-06,F
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[OpenRun]:
    with open_run(CLINICS, tmp_path) as opened:
        yield opened


def test_every_reported_record_is_asked_for_and_the_evidence_names_nobody(run: OpenRun, tmp_path: Path) -> None:
    rows = (row("SYN-1"), row("SYN-2", first_name="Grace"))
    run.drop("elm/a.csv", a_csv(*rows))
    scenarios, evidence = tmp_path / "scenarios.csv", tmp_path / "evidence.json"
    scenarios.write_text(SCENARIOS)
    html = tmp_path / "page.html"
    told = ("workflow-test", "--evidence", str(evidence), "--html", str(html), "--records", "2")
    run.called(*told)
    run.called(*told, "--scenarios", str(scenarios), code=1)
    steps = json.loads(evidence.read_text())["steps"]
    assert [(step["got"], step["passed"]) for step in steps] == [
        ("answered", True),
        ("FOUND with a forecast", True),
        ("FOUND with a forecast", True),
        ("NOT_FOUND", True),
        ("CANDIDATES", True),
        ("FOUND", False),
    ]
    phases = json.loads(evidence.read_text())["phases"]
    assert [one["is_passed"] for one in phases] == [True, True, False]
    assert phases[2]["evidence"] == "2 records found with a forecast; 2 of 3 scenarios as expected"
    page = html.read_text("utf-8")
    assert phases[2]["evidence"] in page
    assert all(step["query"] in page for step in steps)
    assert not any(word in page for word in ("http:", "https:", "src=", "<script", "<link")), "it loads nothing"
    for kept in (evidence.read_text(), page.replace("Sampleton Health", "the organization")):
        assert "Sampleton" not in kept
        assert "SYN-" not in kept


@pytest.mark.usefixtures("places")
def test_records_are_handed_in_asked_for_and_updated_in_one_run(tmp_path: Path) -> None:
    with runs.start(CLINICS, "clinics.toml", continued=False):
        pass
    export, update, evidence = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "evidence.json"
    export.write_bytes(a_csv(row("SYN-1"), row("SYN-2", first_name="Grace")))
    update.write_bytes(a_csv(row("SYN-1", lot="ZZ9"), row("SYN-2", first_name="Grace")))
    told = ("workflow-test", "--records", "2", "--evidence", str(evidence), "--patience", "1", "--source", "elm")
    done = CliRunner().invoke(app, (*told, "--export", str(export), "--update", str(update)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = json.loads(evidence.read_text())
    assert [(step["about"], step["got"]) for step in result["steps"] if "export" in step["about"]] == [
        ("export 1", "every row accepted"),
        ("export 2", "every row accepted"),
    ]
    assert [step["got"] for step in result["steps"][2:4]] == [FOUND_WITH_FORECAST] * 2
    assert "export 2: every row accepted" in result["phases"][2]["evidence"]
    assert "SYN-" not in evidence.read_text()

    export.write_bytes(a_csv(row("SYN-3", lot=""), row("SYN-4", first_name="INFANT")))
    done = CliRunner().invoke(app, (*told, "--export", str(export)), catch_exceptions=False)
    assert done.exit_code == 1
    result = json.loads(evidence.read_text())
    assert result["steps"][1]["got"] == "2 rows, 0 accepted, 0 unchanged, 1 held, 1 REFUSED"
    wrong = CliRunner().invoke(app, (*told[:-1], "nobody", "--export", str(export)), catch_exceptions=False)
    assert wrong.exit_code == 2
    assert "name the source of the export" in wrong.output


@pytest.mark.parametrize(
    ("records", "scenario", "passed"),
    [(25, "TOO_MANY", True), (24, "TOO_MANY", False), (25, "FOUND", False), (25, "", False)],
)
def test_the_workflow_phase_wants_twenty_five_records_and_every_scenario(
    records: int, scenario: str, *, passed: bool
) -> None:
    steps = [Step("connectivityTest", "answered", "answered")]
    steps += [Step(str(number), FOUND_WITH_FORECAST, FOUND_WITH_FORECAST) for number in range(records)]
    steps += [Step("many", "TOO_MANY", scenario)] if scenario else []
    assert [one.is_passed for one in phases_of(steps, 1)] == [True, True, passed]


@pytest.mark.parametrize("got", ["SECURITY-FAULT", "the valve is closed", "UNREADABLE"])
def test_what_got_no_answer_passes_no_phase(got: str) -> None:
    steps = [Step("connectivityTest", "answered", "answered"), Step("one", FOUND_WITH_FORECAST, got)]
    assert not any(one.is_passed for one in phases_of(steps, 1))
    assert not any(one.is_passed for one in phases_of([Step("connectivityTest", "answered", "DNS")], 1))


def test_outside_the_hours_that_the_iis_wants_queries_in_nobody_is_asked(run: OpenRun, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = f"daily {now + timedelta(hours=2):%H:00}-{now + timedelta(hours=3):%H:00}"
    clinics = tmp_path / "clinics.toml"
    clinics.write_text(CLINICS.replace("[iis]\n", f'[iis]\ntime_zone = "UTC"\nquery_hours = ["{hours}"]\n'), "utf-8")
    run.called("config", "push", str(clinics))
    evidence = tmp_path / "evidence.json"
    result = run.called("workflow-test", "--evidence", str(evidence), code=1)
    assert not evidence.exists()
    assert "iis.query_hours" in result.output


def test_fewer_records_than_wanted_is_no_pass(run: OpenRun, tmp_path: Path) -> None:
    run.called("workflow-test", "--evidence", str(tmp_path / "evidence.json"), code=1)
