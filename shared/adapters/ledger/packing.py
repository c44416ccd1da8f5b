"""Values in one binary attribute of the ledger: JSON, compressed by Zstandard with a dictionary (RFC 8878, section 5).

A write costs one unit per started KiB of the item. Most of a message of one dose is the same in every message: names of
fields, code systems, texts of common codes. The dictionary contains those, so that an item with its first attempt fits
into one or two units (docs/scale.md).
"""

from __future__ import annotations

import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import msgspec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_T = TypeVar("_T")

_HERE: Final = Path(__file__).parent
# A value can be read only with the dictionary that it was written with, so this file never changes. A better dictionary
# (made by `local/dictionary.py`) is added beside it: every value names its own (RFC 8878, Dictionary_ID).
_DICTIONARY: Final = zstd.ZstdDict((_HERE / "packing_2.dict").read_bytes())
# The checksum costs four bytes. A higher level takes three times as long and saves a tenth, because values are small.
_PACKER: Final = zstd.ZstdCompressor(
    options={zstd.CompressionParameter.compression_level: 3, zstd.CompressionParameter.checksum_flag: 1},
    zstd_dict=_DICTIONARY.as_digested_dict,
)
_FRAME: Final = b"\x28\xb5\x2f\xfd"
"""The first bytes of a Zstandard frame (RFC 8878, Magic_Number)."""


def pack(value: object) -> bytes:
    """Return a value as one compressed attribute."""
    return _PACKER.compress(msgspec.json.encode(value), zstd.ZstdCompressor.FLUSH_FRAME)


def unpack(raw: bytes, kind: type[_T]) -> _T:
    """Return the value that `pack` made, in this version or an earlier one.

    Raises:
        ZstdError, zlib.error: The bytes are no such value.
    """
    return msgspec.json.decode(unpacked(raw), type=kind)


def unpacked(raw: bytes) -> bytes:
    """Return the JSON of a packed value.

    Raises:
        ZstdError, zlib.error: The bytes are no such value.
    """
    if raw.startswith(_FRAME):
        return zstd.decompress(raw, zstd_dict=_DICTIONARY)
    inflate = zlib.decompressobj(zlib.MAX_WBITS, words())
    return inflate.decompress(raw) + inflate.flush()


@cache
def words() -> bytes:
    """Return the preset dictionary (RFC 1950) of values that were deflated, before Zstandard was used."""
    return (_HERE / "packing_1.txt").read_bytes()
