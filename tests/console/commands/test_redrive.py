"""`vaxline redrive` and `vaxline replay` as an operator calls them, on a local run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console import terminal
from console.main import app
from local import runs
from local.aws import snapshot
from local.aws.engine import Engine
from shared.domain.lifecycle import State
from tests import places

CLINICS = places.CLINICS.read_text("utf-8")
ROWS = """\
patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,clinic,cvx,mvx,lot,eligibility,funding_source
SYN-1,Sampleton,Ada,1990-05-06,F,D1,2026-03-02,elm,115,SKB,AB123,V01,PHC70
"""
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A run whose one export was never announced."""
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(runs, "LOG", tmp_path / "functions.log")
    monkeypatch.setattr(terminal, "out", terminal.Console(width=200))
    monkeypatch.setattr(terminal, "err", terminal.Console(width=200, stderr=True))
    with runs.start(CLINICS, "clinics.toml") as run, Engine(run.cloud), run.cloud.without_notifications():
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/lost.csv", Body=ROWS.encode())

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run_command


def files(call: Call) -> list[tuple[str, int, list[str]]]:
    listed = json.loads(call("files", "--json").stdout)
    return [(file["name"], file["rows"], [place[1] for place in file["places"]]) for file in listed]


def test_an_export_whose_event_was_lost_is_converted_and_a_second_time_passed_over(call: Call) -> None:
    assert files(call) == []
    for _ in range(2):
        assert call("replay", "inbox/elm/lost.csv").exit_code == 0
    # The local bucket is made anew for each command, so the second time is another version, with nothing new in it.
    assert files(call) == [("inbox/elm/lost.csv", 1, [State.ACCEPTED]), ("inbox/elm/lost.csv", 1, [])]
    assert "replay" in call("audit").stdout


@pytest.mark.parametrize("wrong", [["replay"], ["replay", "config/clinics.toml"], ["redrive", "letters"]])
def test_a_call_that_names_nothing_to_bring_back_is_wrong(call: Call, wrong: list[str]) -> None:
    assert call(*wrong).exit_code == 2


def test_a_redrive_of_an_empty_queue_says_so(call: Call) -> None:
    assert "0 messages of intake" in call("redrive", "intake").stdout
