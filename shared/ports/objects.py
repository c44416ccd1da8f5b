"""The bucket, the reports kept in it, and the readers of its exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Final, Protocol

import msgspec

from shared.domain.clinics import Source
from shared.domain.model import Visit

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StoredObject(msgspec.Struct, frozen=True):
    """One object of the bucket: key, the version that makes this arrival unique, size in bytes, when it arrived.

    `version_id` is S3's own, where one version is meant and not the newest.
    """

    key: str
    version: str
    size: int
    modified: datetime = LONG_AGO
    version_id: str = ""


class Objects(Protocol):
    """The bucket."""

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        """The object, or one version of it; None where it is not there."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]: ...

    def open(self, item: StoredObject) -> IO[bytes]:
        """The object's bytes as a stream that is read forward once."""
        ...


class FileStore(Protocol):
    """Files by name: reports, answers to query files."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, content: bytes, content_type: str) -> None:
        """Writes a file, in place of the one of that name."""
        ...


class Exports(Protocol):
    """A reader of one export format."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        """One visit per patient, clinic and day, every data row of the parts in exactly one visit's `rows`.

        Rows that cannot be understood come as visits with findings. Visits of one patient come in the order of days.
        Memory does not grow with the size of the parts.
        """
        ...
