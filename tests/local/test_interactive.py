"""`vaxline local` as its user has it: a process, a folder to drop files into, and everything kept when it ends."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.rows import a_csv, row

ROWS = (row("SYN-1"), row("SYN-2"), row("SYN-3", lot=""))


class Running:
    """A `vaxline local` that goes on, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.drop = folder / "drop"
        self.environment = os.environ | {"VAXLINE_LOCAL_RUN": str(folder / "local")}
        command = [sys.executable, "-m", "console", "local", "--drop", str(self.drop), "--no-browser"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self.listening = threading.Thread(target=self._listen, daemon=True)
        self.listening.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def hears(self, words: str, *, seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.said.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                if self.process.poll() is not None and self._lines.empty():
                    break
                continue
            if words in self.said[-1]:
                return self.said[-1]
        raise AssertionError(f"{words!r} was not said: {self.said}")

    def asks(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "console", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False, timeout=120)

    def ends(self, by: int) -> int:
        self.process.send_signal(by)
        return self.process.wait(timeout=60)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    runs: list[Running] = []

    def start() -> Running:
        runs.append(Running(tmp_path))
        runs[-1].hears("?token=")
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait(timeout=60)
        run.listening.join(timeout=10)
        run.process.stdout.close()  # type: ignore[union-attr]


def test_what_was_dropped_is_taken_told_and_kept_however_the_run_ends(started: Callable[[], Running]) -> None:
    run = started()
    (run.drop / "elm" / "a.csv").write_bytes(a_csv(*ROWS))
    assert run.hears("elm/a.csv: 3 rows") == "elm/a.csv: 3 rows: 1 held, 2 accepted"
    assert not (run.drop / "elm" / "a.csv").exists()
    assert (run.drop / "taken" / "elm" / "a.csv").read_bytes() == a_csv(*ROWS)
    assert "is open in another terminal" in run.asks("files").stderr
    run.ends(signal.SIGKILL)
    assert "elm/a.csv" in run.asks("files").stdout

    again = started()
    (again.drop / "elm" / "a.csv").write_bytes(a_csv(*ROWS))
    assert again.hears("elm/a.csv: 3 rows") == "elm/a.csv: 3 rows: 3 unchanged"
    assert len(list((again.drop / "taken" / "elm").iterdir())) == 2
    assert again.ends(signal.SIGTERM) == 0
    files = again.asks("files")
    assert files.returncode == 0
    assert files.stdout.count("elm/a.csv") == 2


def test_a_scenario_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "local", "--scenario", "worst-day", "--no-browser"]
    environment = os.environ | {"VAXLINE_LOCAL_RUN": str(tmp_path / "local")}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert ended.returncode == 2
    assert "there is no scenario 'worst-day'" in ended.stderr
    assert "Traceback" not in ended.stderr
