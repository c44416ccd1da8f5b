"""Content codings of an HTTP answer (RFC 9110, section 8.4): undone within a bound, although none was asked for."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP: Final = b"\x1f\x8b"
_EITHER: Final = 32 + zlib.MAX_WBITS
"""zlib reads the header and tells gzip from zlib itself."""
_RAW: Final = -zlib.MAX_WBITS
"""Deflate without zlib's header, which some servers call `deflate`."""
_WINDOWS: Final = {"gzip": (_EITHER,), "x-gzip": (_EITHER,), "deflate": (_EITHER, _RAW)}
_MOST: Final = 2
"""Codings in one answer; a gateway may add its own."""


def decoded(body: bytes, codings: str, cap: int) -> bytes | None:
    """Undo the content codings of a body.

    Args:
        body: The body as it came.
        codings: Content-Encoding, in the order in which the codings were applied.
        cap: Bytes that the result may have.

    Returns:
        The body, at most one byte longer than the cap; as it came where a coding is not known. None if it is damaged
        or cut off.
    """
    names = [name for coding in codings.split(",") if (name := coding.strip().lower()) not in ("", "identity")]
    if not names and body.startswith(_GZIP):
        names = ["gzip"]
    if len(names) > _MOST or any(name not in _WINDOWS for name in names):
        return body
    for name in reversed(names):
        unpacked = next(filter(None, (_unpacked(body, window, cap) for window in _WINDOWS[name])), None)
        if unpacked is None:
            return None
        body = unpacked
    return body


def _unpacked(body: bytes, window: int, cap: int) -> bytes | None:
    """The uncompressed bytes, or their first `cap` + 1; None if they are damaged, cut off or empty."""
    decompressor = zlib.decompressobj(window)
    try:
        unpacked = decompressor.decompress(body, cap + 1)
    except zlib.error:
        return None
    return unpacked if decompressor.eof or len(unpacked) > cap else None
