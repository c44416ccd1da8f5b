"""The bucket: its objects, the files kept by name, and the readers of exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Final, Protocol

import msgspec

from shared.domain.clinics import Source
from shared.domain.model import Visit

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StoredObject(msgspec.Struct, frozen=True):
    """One object of the bucket.

    `version` tells one arrival under a key from the next; `size` is in bytes. `version_id` is S3's version id if one
    version is meant and not the newest.
    """

    key: str
    version: str
    size: int
    modified: datetime = LONG_AGO
    version_id: str = ""


class Objects(Protocol):
    """The objects of the bucket."""

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        """Return an object, or one version of it; None if it does not exist."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the newest version of each object under a prefix."""
        ...

    def open(self, item: StoredObject) -> IO[bytes]:
        """Return the object's content as a stream that can be read once, forward."""
        ...


class FileStore(Protocol):
    """Files by name: reports, and answers to query files."""

    def get(self, name: str) -> bytes | None:
        """Return a file's content; None if it does not exist."""
        ...

    def put(self, name: str, content: bytes, content_type: str) -> None:
        """Write a file, and replace the one of that name."""
        ...


class Exports(Protocol):
    """A reader of one export format."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        """Yield one visit per patient, clinic and day; each data row is in the `rows` of exactly one visit.

        Rows that cannot be read become visits with findings. The visits of a patient come in the order of days. Memory
        does not grow with the size of the parts.

        Args:
            parts: The objects of one export, in their order.
            source: The source that they come from.
            objects: The bucket.
        """
        ...
