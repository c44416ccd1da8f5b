"""Finds the HL7 messages in what an IIS answered, whatever stands around them and however they are delimited.

Delimiters are taken from MSH, segments may end with CR, LF or CRLF, and junk, HTML entities, URL encoding or Base64
are got out of the way. Nothing here raises.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from shared.domain.er7 import decode

# A header names its own delimiters: any that are neither letters, digits nor blanks.
_HEADER: Final = re.compile(r"MSH([^\w\s])([^\w\s]{2,5}?)\1")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]{24,}={0,2}\s*")
_PADDING: Final = " \t\x0b\x1c\x00"
_USUAL: Final = "^~\\&"


class Syntax(NamedTuple):
    """The delimiters of one message."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    def text(self, raw: str) -> str:
        """A leaf as text, without blanks around it."""
        if self.escape not in raw:
            return raw.strip()
        return decode(raw.replace(self.escape, "\\")).strip()

    def part(self, raw: str, number: int) -> str:
        """Component `number` (from 1) of a field as text; empty where there is none."""
        parts = raw.split(self.component, number)
        return self.text(parts[number - 1]) if len(parts) >= number else ""


class Message(NamedTuple):
    """One message: its delimiters and its segments after MSH, each split into fields (field 0 is the name).

    `header` is what follows MSH-2, as it stands.
    """

    syntax: Syntax
    segments: list[list[str]]
    header: str = ""

    @property
    def profile(self) -> str:
        """MSH-21.1 of its first repetition: the profile that the message says it keeps to."""
        fields = self.header.split(self.syntax.field, 19)
        return self.syntax.part(fields[18].split(self.syntax.repetition)[0], 1) if len(fields) > 18 else ""

    def named(self, name: str) -> list[list[str]]:
        return [fields for fields in self.segments if fields[0] == name]

    def leaves(self, name: str, number: int) -> list[str]:
        """Field `number` of every segment of that name, as text."""
        return [self.syntax.text(fields[number]) if len(fields) > number else "" for fields in self.named(name)]


def messages(text: str) -> list[Message]:
    """Every HL7 message in the text, in its order."""
    if "&#" in text:
        text = html.unescape(text)
    headers = _headers(text)
    if not headers:
        text = _unwrapped(text)
        headers = _headers(text)
    starts = [header.start() for header in headers] + [len(text)]
    return [_message(header, text[header.end() : starts[number]]) for number, header in enumerate(headers, 1)]


def _headers(text: str) -> list[re.Match[str]]:
    """Where messages begin; after a delimiter "MSH" is data."""
    found = _HEADER.finditer(text)
    return [header for header in found if header.start() == 0 or text[header.start() - 1] not in "|^~&"]


def _unwrapped(text: str) -> str:
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


def _message(header: re.Match[str], rest: str) -> Message:
    field, characters = header.groups()
    characters = characters[:4] + _USUAL[len(characters) :]
    first, *lines = [line.strip(_PADDING) for line in rest.replace("\n", "\r").split("\r")]
    return Message(Syntax(field, *characters), [line.split(field) for line in lines if line], first)
