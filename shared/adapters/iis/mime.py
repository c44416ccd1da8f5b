"""Answers in several MIME parts (MTOM and XOP, https://www.w3.org/TR/xop10/): the SOAP part and what it includes."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from email.message import Message
from typing import Final
from urllib.parse import unquote

import msgspec

_MULTIPART: Final = "multipart/"
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_BOUNDARY: Final = re.compile(rb"\s{0,8}--([!-~]{1,70})\r?\n")
"""The first line of a body in parts whose Content-Type does not say so."""
_MOST_PARTS: Final = 32


class Parts(msgspec.Struct, frozen=True):
    """The SOAP part of an answer, its Content-Type, and the other parts by Content-ID."""

    root: bytes
    content_type: str
    others: dict[str, bytes] = {}

    def included(self, href: str) -> bytes | None:
        """Return the part that an `xop:Include` refers to (`cid:…`), or None."""
        return self.others.get(unquote(href.removeprefix("cid:"))) if href.startswith("cid:") else None


def charset_of(content_type: str) -> str:
    """Return the charset that a Content-Type names, or an empty text."""
    return _headers(f"Content-Type: {content_type}".encode("utf-8", "replace")).get_content_charset("")


def parts_of(body: bytes, content_type: str) -> Parts:
    """Take an answer apart. One that is not in parts, or whose parts cannot be told, is its own SOAP part."""
    whole = Parts(body, content_type)
    kind = _headers(f"Content-Type: {content_type}".encode("utf-8", "replace"))
    if content_type.strip().lower().startswith(_MULTIPART):
        boundary = str(kind.get_param("boundary", "")).encode("ascii", "ignore")
    else:
        first_line = _BOUNDARY.match(body)
        boundary = first_line[1] if first_line else b""
    if not boundary:
        return whole
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r?\n|$)", body)[1 : _MOST_PARTS + 1]
    parts: dict[str, tuple[str, bytes]] = {}
    for number, piece in enumerate(pieces):
        head, _, content = _split(piece)
        fields = _headers(head)
        name = str(fields.get("Content-ID", number)).strip().strip("<>")
        parts.setdefault(name, (str(fields.get("Content-Type", "")), _decoded(fields, content)))
    if not parts:
        return whole
    start = str(kind.get_param("start", "")).strip("<>")
    root = start if start in parts else next(iter(parts))
    others = {name: content for name, (_, content) in parts.items() if name != root}
    return Parts(parts[root][1], parts[root][0], others)


def _split(piece: bytes) -> tuple[bytes, bytes, bytes]:
    """The header fields and the content of a part, around the first blank line."""
    if piece.startswith((b"\r\n", b"\n")):
        return b"", b"", piece.lstrip(b"\r\n")
    blank = _BLANK_LINE.search(piece)
    return (piece, b"", b"") if blank is None else (piece[: blank.start()], blank.group(), piece[blank.end() :])


def _headers(head: bytes) -> Message:
    """The header fields by name, unfolded; the first of a name counts."""
    fields = Message()
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines():
        name, colon, value = line.decode("latin-1").partition(":")
        if colon and name.strip() not in fields:
            fields[name.strip()] = value.strip()
    return fields


def _decoded(fields: Message, content: bytes) -> bytes:
    coding = str(fields.get("Content-Transfer-Encoding", "")).lower()
    if coding == "quoted-printable":
        return quopri.decodestring(content)
    if coding == "base64":
        try:
            return base64.b64decode(content)
        except (binascii.Error, ValueError):
            return content
    return content
