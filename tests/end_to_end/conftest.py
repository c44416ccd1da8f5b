"""A local run of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import terminal
from local import session
from local.aws import snapshot
from local.aws.engine import Engine
from local.session import Session
from shared.bootstrap import Application
from tests.end_to_end.rows import CLINICS


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run leaves behind, its log and what the command prints: all of it apart from the machine's own."""
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")
    monkeypatch.setattr(terminal, "out", terminal.Console(width=200))
    monkeypatch.setattr(terminal, "err", terminal.Console(width=200, stderr=True))


@pytest.fixture
def clinics_toml() -> str:
    """What the local run is configured with; a test may have another."""
    return CLINICS


@pytest.fixture
def engine(run: Session) -> Iterator[Engine]:
    """The functions, at work for the test's own `run`."""
    with Engine(run.cloud) as running:
        yield running
        assert running.errors == []


@pytest.fixture
def open_run(
    places: None, clinics_toml: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, bytes], Session]]:
    """A local run that stays open: drops an export into it, and commands work on it without loading it anew."""
    with session.running(clinics_toml, "clinics.toml") as run, Engine(run.cloud) as engine:

        @contextmanager
        def opened() -> Iterator[Application]:
            yield run.application
            assert engine.wait_until_idle(timeout=120)

        def drop(name: str, body: bytes) -> Session:
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=f"inbox/{name}", Body=body)
            assert engine.wait_until_idle(timeout=120)
            return run

        monkeypatch.setattr(session, "opened", opened)
        yield drop
