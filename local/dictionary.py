"""Train the compression dictionary of `shared/adapters/ledger/packing.py` on the ledger of a local run.

    python -m console.demo --doses 400 && python -m local.dictionary NEW_FILE

The dictionary consists of names of code systems and fields, and of what is common in the ledger of invented patients.
Packed values can be read only with the dictionary that packed them, so a new dictionary is another file.
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

_TRAINED_BYTES = 16_000
"""Bytes that are trained on the ledger."""

_HEADER_BYTES = 2_000
"""Room for the dictionary's own tables."""

_COMPRESSION_LEVEL = 3


def main(path: str) -> None:
    """Write the dictionary to a file."""
    samples = [unpacked(raw) for item in snapshot.items() for raw in _packed_values(item)]
    content = words() + zstd.train_dict(samples, _TRAINED_BYTES).dict_content
    size = len(content) + _HEADER_BYTES
    dictionary = zstd.finalize_dict(zstd.ZstdDict(content, is_raw=True), samples, size, _COMPRESSION_LEVEL)
    Path(path).write_bytes(dictionary.dict_content)


def _packed_values(item: dict[str, Any]) -> Iterator[bytes]:
    """Yield the packed values of an item."""
    for value in (item.get("body", {}), *item.get("attempts", {}).get("L", ())):
        if "B" in value:
            yield value["B"]


if __name__ == "__main__":
    main(sys.argv[1])
