"""A bucket in memory, and fixtures that read exports from it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import IO

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import arrivals
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject

_START = datetime(2026, 3, 1, tzinfo=UTC)


class Folder:
    """Port `Objects` over a mapping; each object is a second newer than the one before."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        return next((item for item in self.list("") if item.key == key), None)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for number, (key, body) in enumerate(self.files.items()):
            if key.startswith(prefix):
                yield StoredObject(key, f"v{number}", len(body), _START + timedelta(seconds=number))

    def open(self, item: StoredObject) -> IO[bytes]:
        return io.BytesIO(self.files[item.key])


Read = Callable[..., list[Visit]]


@pytest.fixture
def read() -> Read:
    """Reads the files of one export under a source: `read(source, {"a.csv": b"…"})`."""

    def read_all(source: Source, files: Mapping[str, bytes]) -> list[Visit]:
        folder = Folder({f"inbox/{source.name}/{name}": body for name, body in files.items()})
        parts = tuple(
            item for item in folder.list("") if arrivals.is_part(source.format, item.key) or "manifest" in item.key
        )
        return list(READERS[source.format].read(parts, source, folder))

    return read_all


@pytest.fixture
def folder_of() -> type[Folder]:
    return Folder
