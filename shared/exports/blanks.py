"""Texts that hold no data: words for "nothing", and what is left where a spreadsheet damaged a value.

One list for every format. Readers take a text that says nothing as an empty one. A damaged value tells nothing either;
where it is an identity (a record number, the id of a dose), its row is held, because it may be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

WORDS: Final = (
    "#n/a", "#null!", "(blank)", "(none)", "(null)", "<blank>", "<none>", "<null>", "[null]", "\\n", "blank", "n.a.",
    "n/a", "na", "nan", "nil", "no data", "none", "not applicable", "not available", "not documented", "not entered",
    "not known", "not on file", "not provided", "not recorded", "null", "tbd", "to be determined", "unavailable",
    "undefined", "unk", "unknown", "unkown",
)  # fmt: skip
"""Words for nothing, in lower case. A text without letters and digits (`-`, `.`, `?`) says nothing either."""

LOT_WORDS: Final = (
    "elsewhere", "expired", "given elsewhere", "hist", "historic", "historical", "history", "lot", "lot number",
    "no lot", "none listed", "not given", "outside", "outside provider", "outside record", "pending", "private",
    "refused", "same", "see chart", "see comment", "see comments", "see note", "see notes", "see record", "state",
    "test", "vfc",
)  # fmt: skip
"""Words that stand in the field of a lot number and are none, beside `WORDS`."""

SIGNS: Final = (
    "-", "--", "---", ".", "..", "...", "?", "??", "???", "*", "**", "***", "_", "__", "/", "\\", "'", "''", '"', '""',
)  # fmt: skip
"""The commonest texts without letters and digits."""

_REDACTED: Final = ("redacted", "[redacted]", "(redacted)")
# "Na" is a surname; the others are no names that people have, whatever a few of them are called.
NO_NAMES: Final = frozenset({*WORDS, *_REDACTED} - {"na"})
"""Words that are no part of a name, in lower case."""

_WORDS: Final = frozenset(WORDS)
_LOT_WORDS: Final = frozenset({*WORDS, *LOT_WORDS})
_LONGEST: Final = max(map(len, _LOT_WORDS))
ZEROS: Final = frozenset("0" * count for count in range(1, 12))
"""No number, name, lot or zip code that anybody has."""
_FORMULA: Final = re.compile(r'="([^"]*)"')
_DAMAGED: Final = re.compile(
    r"""
    \d(?:[.,]\d+)?E\+\d+                   # 1.23457E+11: a long number
    | \d+\.0+                              # 12345.0: a number read as a decimal one
    | \#{3,}                               # a column that was too narrow
    | \#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)
    | (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{2}(?:\d{2})?     # Sep-27: read as a month
    | \d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:-\d{2}(?:\d{2})?)?
    """,
    re.IGNORECASE | re.VERBOSE,
)


def as_written(words: Iterable[str]) -> frozenset[str]:
    """Return words in lower case, in capitals and as titles, which most exports write."""
    return frozenset(form for word in words for form in (word, word.upper(), word.title(), word.capitalize()))


def says_nothing(text: str) -> bool:
    """Tell whether a text without surrounding space, not empty, says that there is no value."""
    return len(text) <= _LONGEST and (text.casefold() in _WORDS or not any(map(str.isalnum, text)))


def is_damaged(text: str) -> bool:
    """Tell whether a spreadsheet put something else in the place of a number or a lot."""
    return _DAMAGED.fullmatch(text) is not None


def plain(text: str) -> str:
    """Return a cell's text without the formula (`="00012345"`) by which some exports keep its zeros."""
    match = _FORMULA.fullmatch(text)
    return match[1].strip() if match else text


def identity(text: str) -> str:
    """Return a record number or dose id, empty if it says nothing. A damaged one is returned as it is."""
    text = plain(text)
    return "" if text in ZEROS or (says_nothing(text) and not is_damaged(text)) else text


def name(text: str) -> str:
    """Return a part of a person's name, empty if it says nothing."""
    if text.isalpha():
        return "" if text.casefold() in NO_NAMES else text
    return "" if text in ZEROS or text.casefold() in NO_NAMES or not any(map(str.isalnum, text)) else text


def lot(text: str) -> str:
    """Return a lot number, empty if it says nothing. A damaged one is returned as it is."""
    text = plain(text)
    if text in ZEROS or (len(text) <= _LONGEST and text.casefold() in _LOT_WORDS):
        return ""
    return "" if says_nothing(text) and not is_damaged(text) else text


def word(text: str) -> str:
    """Return another text (a street, a city), empty if it says nothing."""
    return "" if text in ZEROS or says_nothing(text) else text
