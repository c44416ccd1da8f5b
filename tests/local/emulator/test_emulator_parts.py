"""The parts of the emulated run that do not need the emulator; `make emulate` shows the whole."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("trustme", reason="trustme is not installed: requirements/dev.txt has it")

from local.emulator import emulator


def test_an_asset_is_zipped_with_paths_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "settings.py").write_text("X = 1\n", "ascii")
    with zipfile.ZipFile(io.BytesIO(emulator._zipped(tmp_path))) as archive:
        assert archive.namelist() == ["shared/settings.py"]


def test_placeholders_of_the_asset_manifest_are_filled() -> None:
    name = emulator._filled("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}")
    assert name == "cdk-hnb659fds-assets-000000000000-us-east-1"


def test_the_environment_is_as_before_when_the_emulator_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with emulator._environment({"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "https://127.0.0.1:1"}):
        assert os.environ["AWS_REGION"] == "us-east-1"
    assert os.environ["AWS_REGION"] == "us-west-2"
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_what_the_emulator_started_ends_with_it() -> None:
    child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)"
    script = f"{child}; print(p.pid, flush=True); p.wait()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        emulator._end(parent)
        assert parent.returncode == -signal.SIGTERM
        # The pipe that both hold ends only when both are gone.
        assert parent.stdout.read() == ""
    # A process closes its files a moment before it counts as ended.
    end = time.monotonic() + 10
    while _runs(grandchild) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _runs(grandchild)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"
