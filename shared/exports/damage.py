"""Text that was damaged before it was stored: characters that were lost, and UTF-8 that was encoded a second time."""

from __future__ import annotations

import re
from typing import Final

LOST: Final = "\ufffd"
"""The replacement character: what stood there is lost."""
ENCODED_TWICE: Final = "TEXT-ENCODED-TWICE"
TEXT_LOST: Final = "TEXT-LOST"

# A character of UTF-8's two and three byte forms that was read as Windows-1252 and stored again.
_SECOND_BYTES: Final = "".join(
    bytes([number]).decode("cp1252", "ignore") or chr(number) for number in range(0x80, 0xC0)
)
_TWICE: Final = re.compile(f"[\u00c2-\u00df][{_SECOND_BYTES}]|[\u00e0-\u00ef][{_SECOND_BYTES}]{{2}}")


def decoded_once_more(text: str) -> str:
    """Return a text with its characters that were encoded as UTF-8 twice decoded once more."""
    return _TWICE.sub(_decoded, text)


def mended(text: str) -> tuple[str, str]:
    """Repair a text.

    Returns:
        The text, and the code of the finding about it; empty if it is sound. A replacement character that was encoded
        twice is a lost one.
    """
    if text.isascii():
        return text, ""
    once = decoded_once_more(text)
    if LOST in once:
        return once, TEXT_LOST
    return once, ENCODED_TWICE if once != text else ""


def _decoded(match: re.Match[str]) -> str:
    try:
        return b"".join(map(_byte, match.group())).decode("utf-8")
    except UnicodeError:
        return match.group()


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")
