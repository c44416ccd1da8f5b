"""Finds the HL7 messages in what an IIS answered, whatever stands around them and however they are delimited.

Delimiters are taken from MSH, segments may end with CR, LF or CRLF, and junk, HTML entities, URL encoding or Base64
are got out of the way. Nothing here raises.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from shared.domain.hl7.er7 import decode

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


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message: its delimiters and its segments after MSH, as they stand.

    `header` is what follows MSH-2, `by_name` the segments of each name in their order.
    """

    syntax: Syntax
    lines: list[str]
    header: str
    by_name: dict[str, list[str]]

    @property
    def profile(self) -> str:
        """MSH-21.1 of its first repetition: the profile that the message says it keeps to."""
        fields = self.header.split(self.syntax.field, 19)
        return self.syntax.part(fields[18].split(self.syntax.repetition)[0], 1) if len(fields) > 18 else ""

    @property
    def segments(self) -> list[list[str]]:
        """Its segments after MSH, each split into fields (field 0 is the name)."""
        return [line.split(self.syntax.field) for line in self.lines]

    def lines_of(self, name: str) -> list[str]:
        """The segments of that name, as they stand."""
        return self.by_name.get(name, [])

    def named(self, name: str) -> list[list[str]]:
        """The segments of that name, split into fields."""
        return [line.split(self.syntax.field) for line in self.lines_of(name)]

    def leaves(self, name: str, number: int) -> list[str]:
        """Field `number` of every segment of that name, as text."""
        return [self.syntax.text(fields[number]) if len(fields) > number else "" for fields in self.named(name)]


def messages(text: str) -> list[Message]:
    """Every HL7 message in the text, in its order."""
    if text.startswith(_PLAIN):
        rest = text[_PLAIN_LENGTH:]
        if "MSH" not in rest and "#" not in rest:
            # As nearly every answer is.
            return [_message(_SYNTAX, rest)]
    if "&#" in text:
        text = html.unescape(text)
    headers = _headers(text)
    if not headers:
        text = _unwrapped(text)
        headers = _headers(text)
    starts = [header.start() for header in headers] + [len(text)]
    return [
        _message(_syntax(*header.groups()), text[header.end() : starts[number]])
        for number, header in enumerate(headers, 1)
    ]


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


def _syntax(field: str, characters: str) -> Syntax:
    return Syntax(field, *characters[:4], *_USUAL[len(characters) :])


_SYNTAX: Final = _syntax("|", _USUAL)
_PLAIN: Final = f"MSH|{_USUAL}|"
_PLAIN_LENGTH: Final = len(_PLAIN)


def _message(syntax: Syntax, rest: str) -> Message:
    if "\n" in rest:
        rest = rest.replace("\n", "\r")
    lines = rest.split("\r")
    return of_lines(syntax, lines.pop(0).strip(_PADDING), lines)


def of_lines(syntax: Syntax, header: str, lines: Iterable[str]) -> Message:
    """The message that has these segments after its header; empty lines are none."""
    field = syntax.field
    kept: list[str] = []
    by_name: dict[str, list[str]] = {}
    last, alike = None, kept
    for raw in lines:
        line = raw.strip(_PADDING)
        if line:
            kept.append(line)
            name = line.partition(field)[0]
            # Mostly one ERR follows another.
            if name != last:
                last, alike = name, by_name.setdefault(name, [])
            alike.append(line)
    return Message(syntax, kept, header, by_name)
