r"""ER7: the leaf codec and a plain splitter (HL7 v2.5.1 chapter 2, sections 2.5 and 2.7).

The codec escapes everything that could be structure, so that no value can start a segment, a field or a component:
delimiters by their letter (`\F\ \S\ \T\ \R\ \E\`), control characters and what XML 1.0 cannot carry by `\X..\` with
the hexadecimal UTF-8 bytes, and so a value that reads as HL7's null. `decode(encode(x)) == x` holds for every text,
lone surrogates included.
"""

from __future__ import annotations

import re
from typing import Final

FIELD: Final = "|"
COMPONENT: Final = "^"
REPETITION: Final = "~"
ESCAPE: Final = "\\"
SUBCOMPONENT: Final = "&"
ENCODING_CHARACTERS: Final = "^~\\&"
SEGMENT_END: Final = "\r"
NULL: Final = '""'
"""As a field's whole value it asks the receiver to delete what it has (section 2.5.3), so data must never read so."""

_LETTERS: Final = {FIELD: "F", COMPONENT: "S", SUBCOMPONENT: "T", REPETITION: "R", ESCAPE: "E"}
_CHARACTERS: Final = {letter: character for character, letter in _LETTERS.items()}
# C0 and C1 controls, the Unicode line ends that some parsers split at, surrogates and non-characters.
_UNSAFE: Final = re.compile("[|^~\\\\&\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_ESCAPED: Final = re.compile(r"\\([FSTRE]|X(?:[0-9A-Fa-f]{2})+|\.br)\\")
_ESCAPED_NULL: Final = "\\X2222\\"
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")


def encode(text: str) -> str:
    """Escapes one leaf value (a component or subcomponent)."""
    # Letters and digits of any script are never structure; most leaves are nothing else, and this test is the cheapest.
    if text.isalnum() or not text:
        return text
    if _UNSAFE.search(text) is None:
        return text if text != NULL else _ESCAPED_NULL
    return _UNSAFE.sub(_escape, text)


def encoded(*leaves: str) -> tuple[str, ...]:
    """`encode` of each: one look at all of them together, because few have anything to escape."""
    text = "".join(leaves)
    if text.isalnum() or ('"' not in text and _UNSAFE.search(text) is None):
        return leaves
    return tuple([encode(leaf) for leaf in leaves])


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    letter = _LETTERS.get(character)
    if letter is not None:
        return f"\\{letter}\\"
    return f"\\X{character.encode('utf-8', 'surrogatepass').hex().upper()}\\"


def decode(text: str) -> str:
    r"""Undoes `encode`; also reads `\.br\` as a line feed. Unknown escapes stay as they are, so nothing is lost."""
    if ESCAPE not in text:
        return text
    return _ESCAPED.sub(_unescape, text)


def _unescape(match: re.Match[str]) -> str:
    body = match.group(1)
    if body in _CHARACTERS:
        return _CHARACTERS[body]
    if body == ".br":
        return "\n"
    try:
        return bytes.fromhex(body[1:]).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return match.group()


def segments(message: str) -> list[str]:
    """The message's segments, whatever ends them (CR, LF or CRLF), without empty lines and padding."""
    return [line for line in (part.strip(" \t\x0b\x1c") for part in _LINE_ENDS.split(message)) if line]
