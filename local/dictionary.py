"""Makes the dictionary of `shared/adapters/ledger/packing.py`, from what a local run left in its ledger.

python -m console.demo --doses 400 && python -m local.dictionary NEW_FILE

It has the words of code systems and fields that any clinic uses, then what is common in the ledger of people who do not
exist. What was packed can be read only with the dictionary that packed it: a new one is another file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from local.aws import snapshot
from shared.adapters.ledger.packing import unpacked, words

_TRAINED, _HEADER, _LEVEL = 16_000, 2_000, 3
"""Bytes that are taken from the ledger and that the dictionary's own tables may need, and the level of compression."""


def main(path: str) -> None:
    """Writes the dictionary to a file."""
    samples = [unpacked(raw) for item in snapshot.items() for raw in _packed(item)]
    common = words() + zstd.train_dict(samples, _TRAINED).dict_content
    size = len(common) + _HEADER
    made = zstd.finalize_dict(zstd.ZstdDict(common, is_raw=True), samples, size, _LEVEL)
    Path(path).write_bytes(made.dict_content)


def _packed(item: dict[str, Any]) -> Iterator[bytes]:
    """The packed values of an item."""
    for value in (item.get("body", {}), *item.get("attempts", {}).get("L", ())):
        if "B" in value:
            yield value["B"]


if __name__ == "__main__":
    main(sys.argv[1])
