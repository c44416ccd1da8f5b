"""Finds the HL7 messages in what an IIS answered.

Messages may stand in other text, have delimiters of their own, and be wrapped in HTML entities, URL encoding or Base64.
Nothing here raises.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Final
from urllib.parse import unquote

from shared.domain.hl7.message import Message, Syntax, parse

# Looser than `syntax_of`, so that an answer with odd delimiters is read as far as it can be.
_MSH: Final = re.compile(r"MSH([^\w\s])([^\w\s]{2,5}?)\1")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]{24,}={0,2}\s*")
_DELIMITERS: Final = "|^~&"


def extract_messages(text: str) -> list[Message]:
    """Return every HL7 message in a text, in order."""
    text = text.replace("\x00", "")
    if "&#" in text:
        text = html.unescape(text)
    headers = _headers(text)
    if not headers:
        text = _unwrapped(text)
        headers = _headers(text)
    ends = [*(header.start() for header in headers[1:]), len(text)]
    return [
        parse(text[header.start() : end], Syntax.of(header[1], header[2]))
        for header, end in zip(headers, ends, strict=False)
    ]


def _headers(text: str) -> list[re.Match[str]]:
    """The starts of messages. MSH after a delimiter is data."""
    return [match for match in _MSH.finditer(text) if match.start() == 0 or text[match.start() - 1] not in _DELIMITERS]


def _unwrapped(text: str) -> str:
    """The text without URL encoding, XML entities or Base64; empty if it has none of these."""
    if "MSH%7C" in text or "MSH%7c" in text:
        return unquote(text)
    if "&amp;" in text:
        return html.unescape(text)
    if _BASE64.fullmatch(text):
        try:
            return base64.b64decode(text).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
    return ""
