"""The bucket in memory, with versions: an event names one version, and a newer one may have the key by then."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO

from shared.ports.objects import StoredObject


class MemoryBucket:
    """Port `Objects`."""

    def __init__(self) -> None:
        self._versions: dict[str, list[tuple[StoredObject, bytes]]] = {}

    def put(self, key: str, body: bytes, at: datetime) -> StoredObject:
        """Store another version. S3 keeps times in whole seconds."""
        versions = self._versions.setdefault(key, [])
        name = f"v{len(versions) + 1}"
        stored = StoredObject(key, name, len(body), at.replace(microsecond=0), name)
        versions.append((stored, body))
        return stored

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        found = self._find(key, version_id)
        return found[0] if found else None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter([versions[-1][0] for key, versions in sorted(self._versions.items()) if key.startswith(prefix)])

    def open(self, item: StoredObject) -> IO[bytes]:
        found = self._find(item.key, item.version_id)
        if found is None:
            raise FileNotFoundError(item.key)
        return io.BytesIO(found[1])

    def _find(self, key: str, version_id: str) -> tuple[StoredObject, bytes] | None:
        versions = self._versions.get(key, [])
        if not version_id:
            return versions[-1] if versions else None
        return next((found for found in versions if found[0].version_id == version_id), None)


class MemoryFileStore:
    """Port `FileStore` on the objects under one prefix."""

    def __init__(
        self, bucket: MemoryBucket, prefix: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._now = now

    def get(self, name: str) -> bytes | None:
        found = self._bucket.stat(self._prefix + name)
        return None if found is None else self._bucket.open(found).read()

    def put(self, name: str, content: bytes, content_type: str) -> None:
        self._bucket.put(self._prefix + name, content, self._now())

    def contents(self) -> dict[str, bytes]:
        """Every file by its key."""
        return {item.key: self._bucket.open(item).read() for item in self._bucket.list(self._prefix)}
