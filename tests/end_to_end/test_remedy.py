"""One remedy for a group: what it would do is shown, then done, and the old submissions are superseded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.main import app
from local.session import Session
from tests.end_to_end.rows import a_csv, row

ROWS = (
    row("SYN-1", lot=""),
    row("SYN-2", lot=""),
    # One visit of two doses, one of them without its lot.
    row("SYN-3", "D-3A"),
    row("SYN-3", "D-3B", cvx="20", lot=""),
    row("SYN-4", cvx="Boostrix-A"),
    # A second reason, which the remedy leaves.
    row("SYN-6", lot="", birth_date="2026-03-03"),
)


@pytest.fixture
def run(open_run: Callable[[str, bytes], Session]) -> Session:
    return open_run("elm/a.csv", a_csv(*ROWS))


def called(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def data(*arguments: str, code: int = 0) -> Any:
    return json.loads(called(*arguments, "--json", code=code).stdout)


@pytest.mark.usefixtures("run")
def test_a_corrected_value_is_previewed_and_applied_to_the_doses_that_lack_it() -> None:
    before = data("worklist")
    preview = data("remedy", "LOT-MISSING", "--clinic", "elm", "--set", "lot=ZZ9")
    assert (preview["submissions"], preview["released"], preview["refused"]) == (4, 3, [])
    assert preview["held"] == [["DOSE-BEFORE-BIRTH", 1]]
    assert len(preview["examples"]) == 2
    assert all("|ZZ9|" in example["after"] for example in preview["examples"])
    assert data("worklist") == before

    results = data("remedy", "LOT-MISSING", "--clinic", "elm", "--set", "lot=ZZ9", "--apply")
    assert sorted(result["state"] for result in results) == ["HELD", "QUEUED", "QUEUED", "QUEUED"]
    for result in results:
        if result["state"] == "QUEUED":
            assert data("show", result["replaces"])["state"] == "SUPERSEDED"
            new = data("show", result["msh_10"])
            assert (new["state"], new["replaces"]) == ("ACCEPTED", result["replaces"])
            lots = [segment.split("|")[15] for segment in new["vxu"] if segment.startswith("RXA")]
            assert lots in (["ZZ9"], ["AB123", "ZZ9"])
    actions = [(entry["action"], entry["detail"]) for entry in data("audit") if entry["action"] != "show"]
    assert actions.count(("resubmit", "lot")) == 4
    assert ("remedy", "4 submissions, lot") in actions
    assert "ZZ9" not in called("audit").stdout


@pytest.mark.usefixtures("run")
def test_a_code_s_meaning_is_previewed_before_it_comes_into_force() -> None:
    (unmapped,) = data("codes", "unmapped")
    preview = data("remedy", unmapped["cause"], "--map", "115")
    assert (preview["submissions"], preview["released"]) == (1, 1)
    assert data("codes", "unmapped") == [unmapped]
    (result,) = data("remedy", unmapped["cause"], "--map", "115", "--apply")
    assert data("show", result["msh_10"])["state"] == "ACCEPTED"
    assert data("codes", "unmapped") == []


@pytest.mark.usefixtures("run")
def test_a_facility_code_is_previewed_in_the_messages_to_come() -> None:
    said = called("remedy", "LOT-MISSING", "--clinic", "elm", "--set", "lot=ZZ9", "--facility", "CT7777").stdout
    assert "CT7777" in said
    assert "Nothing was changed" in said


@pytest.mark.usefixtures("run")
def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    assert "nothing waits" in called("remedy", "NO-SUCH-CAUSE", code=1).stderr
    called("remedy", "LOT-MISSING", "--map", "115", code=2)
    called("remedy", "LOT-MISSING", "--facility", "CT1", code=2)
    called("remedy", "LOT-MISSING", "--as-clinic", "elm", code=2)
    wrong = tmp_path / "clinics.toml"
    wrong.write_text("clinics = 3", "utf-8")
    assert "clinics" in called("remedy", "LOT-MISSING", "--config", str(wrong), code=1).stderr
