"""From a morning's failures to one line per cause, and from one row of a file to where it is."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import render
from console.main import app
from local import exports, session, snapshot
from local.engine import Engine

CLINICS = Path(exports.__file__).with_name("clinics.toml").read_text("utf-8")
HEADER = (
    "patient_id,last_name,first_name,birth_date,sex,race,ethnicity,address_street,address_city,address_state,"
    "address_zip,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source,administered_by_npi"
)


def row(patient: str, lot: str = "AB123", birth: str = "1990-05-06") -> str:
    return (
        f"{patient},Sampleton,Ada,{birth},F,2106-3,2186-5,1 Example Way,Hartford,CT,"
        f"06103,D-{patient},2026-03-02,115,SKB,{lot},IM,V01,PHC70,1234567893"
    )


ROWS = (row("SYN-1"), row("SYN-2", lot=""), row("SYN-3", lot=""), row("SYN-4", birth="05061990x"))


@pytest.fixture
def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a local run leaves: one accepted row, three held; the same file again."""
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")
    monkeypatch.setattr(render, "out", render.Console(width=200))
    monkeypatch.setattr(render, "err", render.Console(width=200, stderr=True))
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        for name in ("a.csv", "b.csv"):
            body = "\n".join((HEADER, *ROWS)).encode()
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=f"inbox/elm/{name}", Body=body)
            assert engine.wait_until_idle(timeout=60)


def called(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def data(*arguments: str) -> Any:
    return json.loads(called(*arguments, "--json").stdout)


@pytest.mark.usefixtures("left_behind")
def test_failures_of_one_cause_are_one_line_with_the_fix_and_the_next_command() -> None:
    groups = data("worklist")
    lots = next(group for group in groups if group["cause"] == "LOT-MISSING")
    assert (lots["clinic"], lots["field"], lots["submissions"], lots["rows"]) == ("elm", "RXA-15", 2, 2)
    assert lots["explained"]["who"] == "clinic EHR"
    births = next(group for group in groups if group["values"] == [["05061990x", 1]])
    assert births["submissions"] == 1
    said = called("worklist").stdout
    assert "vaxline resubmit --cause LOT-MISSING --clinic elm --dry-run" in said
    assert lots["explained"]["fix"] in said
    assert called("resubmit", "--cause", "LOT-MISSING", "--clinic", "elm", "--dry-run").stdout.count("HELD") == 2
    assert data("worklist", "--clinic", "harbor") == []


@pytest.mark.usefixtures("left_behind")
def test_the_way_of_a_row_is_told_from_its_file_to_where_it_is() -> None:
    (accepted,) = data("trace", "a.csv", "1")
    assert accepted["state"] == "ACCEPTED"
    assert [step["what"].split(",")[0] for step in accepted["steps"]] == [
        "arrived in elm/a.csv",
        "became a VXU",
        "attempt 1",
    ]
    (held,) = data("trace", "elm/a.csv", "2")
    assert held["state"] == "HELD"
    assert "LOT-MISSING" in held["steps"][-1]["what"]
    (again,) = data("trace", "b.csv", "1")
    assert (again["state"], again["steps"][-1]["what"]) == (None, "unchanged: the ledger had it already")


@pytest.mark.usefixtures("left_behind")
def test_a_corrected_row_is_traced_through_its_correction() -> None:
    msh_10 = data("trace", "a.csv", "2")[0]["steps"][-1]["msh_10"]
    (new,) = data("resubmit", msh_10, "--set", "lot=ZZ9")
    (way,) = data("trace", "a.csv", "2")
    assert {step["msh_10"] for step in way["steps"]} == {"", msh_10, new["msh_10"]}
    assert any(f"a correction of {msh_10}" in step["what"] for step in way["steps"])


@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize(("arguments", "words"), [(("a.csv", "9"), "has no row 9"), (("c.csv", "1"), "no file c.csv")])
def test_what_is_not_there_is_said(arguments: tuple[str, str], words: str) -> None:
    assert words in called("trace", *arguments, code=1).stderr


@pytest.mark.usefixtures("left_behind")
def test_reads_and_actions_are_written_down_without_a_value_of_the_message() -> None:
    msh_10 = data("trace", "a.csv", "2")[0]["steps"][-1]["msh_10"]
    called("show", msh_10)
    called("resubmit", msh_10, "--set", "lot=ZZ9CANARY", "--dry-run")
    called("worklist", "--clinic", "elm")
    called("close", msh_10, "--reason", "reported by hand")
    entries = data("audit")
    assert [(entry["action"], entry["subject"], entry["detail"]) for entry in entries] == [
        ("show", msh_10, ""),
        ("resubmit --dry-run", msh_10, "lot"),
        ("worklist", "elm", "3 lines"),
        ("close", msh_10, ""),
    ]
    assert {entry["who"] for entry in entries} == {getpass.getuser()}
    assert "ZZ9CANARY" not in called("audit").stdout
    assert len(data("audit", "--subject", "elm")) == 1
