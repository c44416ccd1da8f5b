"""Files of this machine as a bucket, for `vaxline check`: a key is a path, with `/` between its parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from shared.ports.objects import StoredObject


class LocalObjects:
    """Port `Objects` on the local file system; a prefix is a folder with its slash, listed with all below it."""

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:  # noqa: ARG002 - files have no versions
        path = Path(key)
        return _item(path) if path.is_file() else None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for path in sorted(Path(prefix).rglob("*")):
            if path.is_file():
                yield _item(path)

    def open(self, item: StoredObject) -> IO[bytes]:
        return Path(item.key).open("rb")


def _item(path: Path) -> StoredObject:
    about = path.stat()
    modified = datetime.fromtimestamp(about.st_mtime, UTC)
    return StoredObject(path.as_posix(), modified.isoformat(), about.st_size, modified)
