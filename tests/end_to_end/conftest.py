"""A local run of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import render
from local import session, snapshot


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run leaves behind, its log and what the command prints: all of it apart from the machine's own."""
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")
    monkeypatch.setattr(render, "out", render.Console(width=200))
    monkeypatch.setattr(render, "err", render.Console(width=200, stderr=True))
