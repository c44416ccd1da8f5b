"""How values are kept in one binary attribute of the ledger: JSON, compressed by what most of them have in common.

A ledger item pays by the started KiB at every write, and a message of one dose is mostly what every message has: names
of fields, code systems, texts of common codes. A dictionary that Zstandard was given beforehand (RFC 8878, section 5)
has it, so an item and its first attempt stay within one or two units.
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
# What is stored can be read only with the very dictionary it was written with: this file never changes. A better one
# (`local/dictionary.py` makes it) comes as a third beside it; every value names its own (RFC 8878, Dictionary_ID).
_DICTIONARY: Final = zstd.ZstdDict((_HERE / "packing_2.dict").read_bytes())
# A checksum costs four bytes. The values are so small that a higher level takes three times as long for a tenth less.
_PACKER: Final = zstd.ZstdCompressor(
    options={zstd.CompressionParameter.compression_level: 3, zstd.CompressionParameter.checksum_flag: 1},
    zstd_dict=_DICTIONARY.as_digested_dict,
)
_FRAME: Final = b"\x28\xb5\x2f\xfd"
"""What a Zstandard frame begins with (RFC 8878, Magic_Number)."""


def pack(value: object) -> bytes:
    """A value as one compressed attribute."""
    return _PACKER.compress(msgspec.json.encode(value), zstd.ZstdCompressor.FLUSH_FRAME)


def unpack(raw: bytes, kind: type[_T]) -> _T:
    """The value that `pack` of this or an earlier version made.

    Raises:
        ZstdError, zlib.error: the bytes are no such value.
    """
    return msgspec.json.decode(unpacked(raw), type=kind)


def unpacked(raw: bytes) -> bytes:
    """The JSON of a packed value.

    Raises:
        ZstdError, zlib.error: the bytes are no such value.
    """
    if raw.startswith(_FRAME):
        return zstd.decompress(raw, zstd_dict=_DICTIONARY)
    inflate = zlib.decompressobj(zlib.MAX_WBITS, words())
    return inflate.decompress(raw) + inflate.flush()


@cache
def words() -> bytes:
    """The words that values were deflated by (RFC 1950, preset dictionary) before there was a dictionary."""
    return (_HERE / "packing_1.txt").read_bytes()
