"""From a morning's failures to one line per cause, and from one row of a file to where it is."""

from __future__ import annotations

import getpass
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.main import app
from local import session
from local.aws.engine import Engine
from tests.end_to_end.rows import CLINICS, a_csv, row

ROWS = (row("SYN-1"), row("SYN-2", lot=""), row("SYN-3", lot=""), row("SYN-4", birth_date="05061990x"))


@pytest.fixture
def left_behind(places: None) -> None:
    """What a local run leaves: one accepted row, three held; the same file again."""
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        for name in ("a.csv", "b.csv"):
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=f"inbox/elm/{name}", Body=a_csv(*ROWS))
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
    assert "vaxline remedy LOT-MISSING --clinic elm --set lot=VALUE" in said
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
    assert [(one["action"], one["subject"], one["detail"]) for one in entries if one["action"] != "trace"] == [
        ("show", msh_10, ""),
        ("resubmit --dry-run", msh_10, "lot"),
        ("worklist", "elm", "3 lines"),
        ("close", msh_10, ""),
    ]
    assert {entry["who"] for entry in entries} == {getpass.getuser()}
    assert "ZZ9CANARY" not in called("audit").stdout
    assert len(data("audit", "--subject", "elm")) == 1
