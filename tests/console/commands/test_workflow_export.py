"""Exports that the workflow test uploads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console import audit_trail
from console.commands.workflow_export import upload_and_wait
from shared.adapters.configuration.reader import read_configuration
from tests.end_to_end.rows import CLINICS
from tests.fakes.configurations import Fixed


class Clock:
    """A clock that goes on by a millisecond with each look."""

    def __init__(self) -> None:
        self._times: Iterator[datetime] = (
            datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(milliseconds=number) for number in range(100)
        )

    def now(self) -> datetime:
        return next(self._times)


def test_two_exports_uploaded_within_a_second_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "record", lambda *_: None)
    names: list[str] = []
    inbox = SimpleNamespace(put=lambda name, *_: names.append(name))
    application: Any = SimpleNamespace(configurations=Fixed(read_configuration(CLINICS)), clock=Clock(), inbox=inbox)
    file = tmp_path / "records.csv"
    file.write_bytes(b"")
    for _ in range(2):
        assert upload_and_wait(application, file, "elm", patience=0) is None
    assert len(set(names)) == 2
