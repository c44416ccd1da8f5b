"""Repairs an XML answer that breaks off at a character which XML 1.0 forbids, so that one byte does not lose an ACK.

Each forbidden byte, character or character reference becomes U+FFFD, and an ampersand that begins no reference becomes
itself; nothing else changes. The repaired answer is parsed as strictly as any other. An ACK in it counts only where the
damage cannot have touched what decides about the message: MSH, MSA and the beginnings of segments.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from shared.domain.hl7.er7 import segments

MARK: Final = "\ufffd"
"""Stands where a character was lost."""

CHARSETS: Final = frozenset(
    {"ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "cp1250", "iso8859-1", "iso8859-2", "iso8859-15"}
)
"""Python's names of the charsets that answers may have."""

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE: Final = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_BARE_AMPERSAND: Final = re.compile(r"&(?!(?:#[xX][0-9a-fA-F]+|#[0-9]+|[A-Za-z][A-Za-z0-9]*);)")
_CDATA: Final = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_DECLARATION: Final = re.compile(r"^[^<]{0,16}<\?xml[^<>]*\?>")
_DECLARED: Final = re.compile(rb"""^[^<]{0,16}<\?xml[^<>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_MARKS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HIDDEN_SEGMENT: Final = re.compile(f"{MARK}[ \t]*[A-Z][A-Z0-9]{{2}}\\|")
_NAME_LENGTH: Final = 4
"""Characters of a segment's name and the separator after it."""
_DECIDING: Final = ("MSH", "MSA")


def known_charset(name: str) -> str:
    """Return Python's name of a charset that answers may have, or an empty text."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return found if found in CHARSETS else ""


def declares_charset(body: bytes) -> bool:
    """Tell if the XML itself names its charset, by a byte order mark or in its declaration."""
    return body.startswith(tuple(_MARKS)) or _DECLARED.match(body) is not None


def repaired(body: bytes, charset: str) -> bytes | None:
    """Replace what XML forbids.

    Args:
        body: An answer that is no XML document.
        charset: The charset that Content-Type names; empty if it names none. The one that the XML declares wins.

    Returns:
        The answer in UTF-8, without a declaration; None if nothing had to be replaced.
    """
    text = _text(body, charset)
    pieces = _CDATA.split(_DECLARATION.sub("", text))
    changed = "".join(piece if number % 2 else _repaired_text(piece) for number, piece in enumerate(pieces))
    changed = _FORBIDDEN.sub(MARK, changed)
    # Bytes that the decoder replaced have the mark already.
    if changed == "".join(pieces) and MARK not in changed:
        return None
    return changed.encode("utf-8", "replace")


def is_trustworthy(text: str) -> bool:
    """Tell if the damage in the HL7 text of a repaired answer cannot have changed what it says about the message."""
    start = text.find("MSH")
    text = text[max(start, 0) :]
    if _HIDDEN_SEGMENT.search(text):
        return False
    for line in segments(text):
        is_damaged = MARK in line and line.strip(MARK) != ""
        if is_damaged and (line.startswith(_DECIDING) or MARK in line[:_NAME_LENGTH]):
            return False
    return True


def _text(body: bytes, charset: str) -> str:
    marked = next((name for mark, name in _MARKS.items() if body.startswith(mark)), "")
    declared = _DECLARED.match(body)
    named = known_charset(declared[1].decode("ascii")) if declared else ""
    return body.decode(marked or named or charset or "utf-8", "replace")


def _repaired_text(piece: str) -> str:
    """Markup and text outside CDATA, where references count."""
    return _BARE_AMPERSAND.sub("&amp;", _REFERENCE.sub(_repaired_reference, piece))


def _repaired_reference(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    is_allowed = number <= 0x10FFFF and not _FORBIDDEN.match(chr(number))
    return match.group() if is_allowed else MARK
