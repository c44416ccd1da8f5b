"""Damage to the text of an HL7 v2 message: repaired where it can be told what stood there, else named by its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from shared.domain.hl7.messages import Syntax
from shared.domain.model import Finding
from shared.exports.text import repaired

_LOST: Final = "\ufffd"
# A letter of UTF-8's two and three byte forms that was read as Windows-1252 and stored again.
_SECOND_BYTES: Final = "".join(
    bytes([number]).decode("cp1252", "ignore") or chr(number) for number in range(0x80, 0xC0)
)
_TWICE: Final = re.compile(f"[\u00c2-\u00df][{_SECOND_BYTES}]|[\u00e0-\u00ef][{_SECOND_BYTES}]{{2}}")
_SINGLE_BYTE: Final = ("8859", "1252", "LATIN")


def mended(text: str, syntax: Syntax | None, row: int) -> tuple[str, list[Finding]]:
    """The text with its damage repaired, and what was found; `text` carries undecodable bytes as lone surrogates.

    Bytes that are no UTF-8 are read as Windows-1252: without a word where MSH-18 says so, with a warning where they
    make sense so, else as an error. UTF-8 that was encoded twice is undone. What is lost for good is an error.
    """
    if text.isascii() and "\x00" not in text:
        return text, []
    findings: list[Finding] = []
    sound, is_sensible = repaired(text)
    if sound != text and not (is_sensible and _is_declared(text, syntax)):
        code = "ROW-READ-AS-WINDOWS-1252" if is_sensible else "ROW-ENCODING-UNREADABLE"
        findings.append(_finding(code, _place(text, syntax, _is_undecoded), row))
    once = _TWICE.sub(_undo, sound)
    if once != sound:
        findings.append(_finding("TEXT-ENCODED-TWICE", _place(sound, syntax, _is_twice), row))
    # What is lost was lost before the file was stored, unless it is the undecodable byte that is named already.
    if _LOST in text:
        findings.append(_finding("TEXT-LOST", _place(once, syntax, lambda value: _LOST in value), row))
    if "\x00" in once:
        findings.append(_finding("VALUE-NUL", _place(once, syntax, lambda value: "\x00" in value), row))
    return once, findings


def _is_declared(text: str, syntax: Syntax | None) -> bool:
    """Whether MSH-18 names a character set of one byte per character."""
    if syntax is None:
        return False
    fields = text.split("\r", 1)[0].split(syntax.field, 18)
    named = fields[17].upper() if len(fields) > 17 else ""
    return any(name in named for name in _SINGLE_BYTE)


def _undo(match: re.Match[str]) -> str:
    try:
        return b"".join(map(_byte, match.group())).decode("utf-8")
    except UnicodeError:
        return match.group()


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


def _is_undecoded(value: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in value)


def _is_twice(value: str) -> bool:
    return _TWICE.sub(_undo, value) != value


def _place(text: str, syntax: Syntax | None, is_damaged: Callable[[str], bool]) -> tuple[str, str]:
    """(path, value) of the first damaged field."""
    if syntax is None:
        return "", ""
    for line in text.split("\r"):
        name, *fields = line.split(syntax.field)
        shift = 2 if name == "MSH" else 1
        for number, value in enumerate(fields, shift):
            if is_damaged(value):
                return f"{name}-{number}", repaired(value)[0]
    return "", ""


def _finding(code: str, place: tuple[str, str], row: int) -> Finding:
    path, value = place
    return Finding(code, path, row, path or "message", value[:200])
