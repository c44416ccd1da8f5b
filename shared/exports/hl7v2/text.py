"""Damage to the text of an HL7 v2 message: repaired if the original can be told, else named with its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.domain.hl7 import er7
from shared.domain.hl7.message import Syntax, parse
from shared.domain.model import Finding
from shared.exports.damage import ENCODED_TWICE, LOST, TEXT_LOST, decoded_once_more
from shared.exports.text import repaired

_NUL: Final = "\x00"
_SINGLE_BYTE_SETS: Final = ("8859", "1252", "LATIN")


def mended(text: str, syntax: Syntax | None, row: int) -> tuple[str, list[Finding]]:
    """Repair the damage to a message's text.

    Bytes that are no UTF-8 are read as Windows-1252: without a finding if MSH-18 says so, with a warning if the result
    is plausible, else as an error. UTF-8 that was encoded twice is decoded once more. Lost characters are an error.

    Args:
        text: The message; bytes that could not be decoded are lone surrogates.
        syntax: Its delimiters; None if it names none.
        row: The row that findings name.

    Returns:
        The repaired text, and what was damaged.
    """
    findings: list[Finding] = []
    if syntax is not None and syntax.escape in text and _has_unknown_escape(text, syntax):
        findings.append(_finding("ESCAPE-UNKNOWN", text, syntax, lambda value: _has_unknown_escape(value, syntax), row))
    if text.isascii() and _NUL not in text:
        return text, findings
    sound, is_plausible = repaired(text)
    if sound != text and not (is_plausible and _names_single_byte_set(text, syntax)):
        code = "ROW-READ-AS-WINDOWS-1252" if is_plausible else "ROW-ENCODING-UNREADABLE"
        findings.append(_finding(code, text, syntax, _is_undecoded, row))
    once = decoded_once_more(sound)
    if once != sound:
        findings.append(_finding(ENCODED_TWICE, sound, syntax, _is_encoded_twice, row))
    # An undecodable byte that is named already is not lost.
    if LOST in text or (LOST in once and LOST not in sound):
        findings.append(_finding(TEXT_LOST, once, syntax, lambda value: LOST in value, row))
    if _NUL in once:
        findings.append(_finding("VALUE-NUL", once, syntax, lambda value: _NUL in value, row))
    return once, findings


def _names_single_byte_set(text: str, syntax: Syntax | None) -> bool:
    """Tell if MSH-18 names a character set of one byte per character."""
    if syntax is None:
        return False
    msh_18 = parse(text.split("\r", 1)[0], syntax).first("MSH").raw(18).upper()
    return any(name in msh_18 for name in _SINGLE_BYTE_SETS)


def _has_unknown_escape(text: str, syntax: Syntax) -> bool:
    plain = text.replace(syntax.escape, er7.ESCAPE) if syntax.escape != er7.ESCAPE else text
    # MSH-2 looks like one.
    return er7.UNKNOWN_ESCAPE.search(er7.decode(plain.partition("\r")[2] or plain)) is not None


def _is_undecoded(value: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in value)


def _is_encoded_twice(value: str) -> bool:
    return decoded_once_more(value) != value


def _finding(code: str, text: str, syntax: Syntax | None, is_damaged: Callable[[str], bool], row: int) -> Finding:
    """The finding, with path and value of the first damaged field."""
    path, value = "", ""
    for segment in parse(text, syntax).segments if syntax else ():
        damaged = next((number for number, raw in enumerate(segment.fields) if number and is_damaged(raw)), 0)
        if damaged:
            path, value = f"{segment.name}-{damaged}", repaired(segment.fields[damaged])[0]
            break
    return Finding(code, path, row, path or "message", value[:200])
