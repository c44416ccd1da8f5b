"""How values are kept in one binary attribute of the ledger: JSON, deflated against words that most of them share.

A ledger item pays by the started KiB at every write, and a message of one dose is mostly words that every message has:
names of fields, code systems, texts of common codes. Given to zlib beforehand (RFC 1950, preset dictionary) they cost a
few bytes each, so an item and its first attempt stay within one or two units.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final, TypeVar

import msgspec

_T = TypeVar("_T")

# What is stored can be read only with the very words it was written with: this file never changes. Better words come
# as a second file beside it, which `unpack` tells by the checksum that zlib writes (RFC 1950, DICTID).
_WORDS: Final = (Path(__file__).parent / "packing_1.txt").read_bytes()
# Copied for each value, which spares reading the words in each time.
_PRIMED: Final = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, _WORDS)


def pack(value: object) -> bytes:
    """A value as one compressed attribute."""
    deflate = _PRIMED.copy()
    return deflate.compress(msgspec.json.encode(value)) + deflate.flush()


def unpack(raw: bytes, kind: type[_T]) -> _T:
    """The value that `pack` made, or that was packed before there were shared words.

    Raises:
        zlib.error: the bytes are no such value.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS, _WORDS)
    return msgspec.json.decode(inflate.decompress(raw) + inflate.flush(), type=kind)
