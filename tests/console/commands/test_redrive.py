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
from tests.local_run import open_run

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


def test_an_export_whose_event_was_lost_is_converted_and_a_second_time_passed_over(tmp_path: Path) -> None:
    with open_run(CLINICS, tmp_path) as run:
        with run.cloud.without_notifications():
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/lost.csv", Body=ROWS.encode())
        assert run.data("files") == []
        for _ in range(2):
            run.called("replay", "inbox/elm/lost.csv")
            run.settle()
            (file,) = run.data("files")
            states = [place[1] for place in file["places"]]
            assert (file["name"], file["rows"], states) == ("inbox/elm/lost.csv", 1, [State.ACCEPTED])
        assert "replay" in run.call("audit").stdout


def test_the_next_local_run_reads_an_export_whose_event_was_lost(call: Call) -> None:
    call("files")
    (file,) = json.loads(call("files", "--json").stdout)
    assert (file["name"], file["rows"], file["complete"]) == ("inbox/elm/lost.csv", 1, True)


@pytest.mark.parametrize("wrong", [["replay"], ["replay", "config/clinics.toml"], ["redrive", "letters"]])
def test_a_call_that_names_nothing_to_bring_back_is_wrong(call: Call, wrong: list[str]) -> None:
    assert call(*wrong).exit_code == 2


def test_a_redrive_of_an_empty_queue_says_so(call: Call) -> None:
    assert "0 messages of intake" in call("redrive", "intake").stdout
