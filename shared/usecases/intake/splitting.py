"""When an export is converted in shares side by side, and in how many (ADR 0017)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.ports import StoredObject
from shared.settings import GZIP_FACTOR, SHARES, SPLIT_BYTES


@dataclass(frozen=True, slots=True)
class Splitting:
    """Exports of more than `over` bytes, unpacked, go in `shares`."""

    over: int = SPLIT_BYTES
    shares: int = SHARES

    def shares_of(self, parts: Iterable[StoredObject]) -> int:
        """How many shares an export is converted in; 0 where it stays whole."""
        return self.shares if sum(map(_unpacked, parts)) > self.over else 0


AS_SET: Final = Splitting()


def _unpacked(part: StoredObject) -> int:
    """About how many bytes are read of an object."""
    return part.size * (GZIP_FACTOR if part.key.endswith(".gz") else 1)
