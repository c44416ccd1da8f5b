"""A local run that is killed at any moment keeps its promises: the next one takes up where the last state was saved."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import runs
from local.aws import snapshot
from local.drop_folder import DropFolder
from shared.domain.lifecycle import STORED_BY_IIS, State
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import kept_in

ROOT = Path(__file__).parents[2]
ROWS = 25
# `vaxline local` without its console. It kills itself at the moment that the second argument names.
VICTIM = """
import os, signal, sys, time
from pathlib import Path
from local import interactive, runs
from local.aws import snapshot
from local.drop_folder import DropFolder

folder, moment = Path(sys.argv[1]), sys.argv[2]
runs._SAVE_SECONDS = 0.5

def killing(real, *, after=False):
    def call(*arguments, **named):
        if after:
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return call

if moment == "before the saved state is in place":
    Path.replace = killing(Path.replace)
elif moment == "after the saved state is in place":
    snapshot.save = killing(snapshot.save, after=True)
elif moment == "before a file is moved":
    DropFolder._move = killing(DropFolder._move)
config = folder / "clinics.toml"
with interactive.interactive_run(folder / "drop", config, "", 0, tell=lambda line: print(line, flush=True)):
    time.sleep(60)
"""
MOMENTS = (
    "before the saved state is in place",
    "after the saved state is in place",
    "before a file is moved",
    "a second later",
)


def until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def kill_at(moment: str, folder: Path) -> None:
    """Let a run be killed at that moment."""
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(folder), moment],
        cwd=ROOT,
        env=os.environ | {"VAXLINE_LOCAL_RUN": str(folder / "local")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if moment == MOMENTS[-1]:
        assert victim.stdout is not None
        until(lambda: "taken" in victim.stdout.readline())
        time.sleep(1)
        victim.kill()
    written, _ = victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL, written


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clinics.toml").write_text(CLINICS, "utf-8")
    drop = tmp_path / "drop" / "elm"
    drop.mkdir(parents=True)
    for number, moment in enumerate(MOMENTS):
        rows = [row(f"SYN-{number}{one:02}", f"D{number}{one:02}") for one in range(ROWS)]
        (drop / f"{number}.csv").write_bytes(a_csv(*rows))
        kill_at(moment, tmp_path)
    with kept_in(tmp_path):
        kept = {message.split("|")[9] for message in snapshot.accepted()}
        assert kept, "some were delivered before a kill"
    with kept_in(tmp_path), runs.keep_running(CLINICS) as run:
        files = run.application.ledger.files

        def accepted_rows() -> int:
            return sum(one.submitted.get(State.ACCEPTED, 0) for one in files.all())

        with DropFolder(run, tmp_path / "drop", lambda _: None, settle_seconds=0.1):
            taken = tmp_path / "drop" / "taken" / "elm"
            until(lambda: len(list(taken.glob("*.csv"))) == len(MOMENTS))
            until(lambda: accepted_rows() == ROWS * len(MOMENTS))
        assert not list(drop.iterdir())
        assert all(one.complete and one.adds_up for one in files.all())
        msh_10s = [msh_10 for file in files.all() for msh_10 in files.msh_10s(file.file_id)]
        assert {one for one in msh_10s if state_of(run, one) in STORED_BY_IIS} == set(run.simulator.accepted)
        assert run.simulator.stats()["duplicates"] == 0
        assert not {one.msh_10 for one in run.simulator.received} & kept
    assert "The last run was cut off" in capsys.readouterr().err


def state_of(run: runs.LocalRun, msh_10: str) -> State:
    found = run.application.ledger.submissions.get(msh_10)
    assert found is not None
    return found.state


def test_the_files_of_a_local_run_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with kept_in(tmp_path), runs.keep_running(CLINICS) as run:
            with DropFolder(run, tmp_path / "drop", lambda _: None, settle_seconds=0.1):
                (tmp_path / "drop" / "elm" / "a.csv").write_bytes(a_csv(row("SYN-1")))
                until((tmp_path / "drop" / "taken" / "elm" / "a.csv").exists)
            assert run.save()
    finally:
        os.umask(before)
    for path in (tmp_path / "local" / "state.zip", tmp_path / "functions.log", tmp_path / "local", tmp_path / "drop"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
