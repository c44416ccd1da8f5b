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

_SIGNS: Final = (
    "-",
    ".",
    "?",
    "*",
    "_",
    "/",
    "\\",
    "'",
    '"',
    "~",
    "^",
    "#N/A",
    "N\\A",
    "- -",
    ". .",
    "' '",
    "-/-",
    "-.-",
    "_._",
)
_MANY: Final = range(1, 13)


def as_written(words: Iterable[str]) -> frozenset[str]:
    """Return words in lower case, in capitals and as titles, which is how exports write them."""
    return frozenset(form for word in words for form in (word, word.upper(), word.title(), word.capitalize()))


SIGNS: Final = frozenset(_SIGNS) | {sign * count for sign in "-.?*_/'\"~" for count in _MANY}
"""Texts without letters and digits, as exports have them."""
ZEROS: Final = frozenset("0" * count for count in _MANY)
"""No number, name, lot or zip code that anybody has."""
NOTHING: Final = as_written(WORDS) | SIGNS
# "Na" is a surname; the others are no names that people have, whatever a few of them are called.
NO_NAMES: Final = as_written({*WORDS, "redacted", "[redacted]", "(redacted)"} - {"na"}) | SIGNS | ZEROS
"""Texts that are no part of a name."""
_NO_LOTS: Final = as_written(LOT_WORDS) | NOTHING | ZEROS
_NO_TEXTS: Final = NOTHING | ZEROS
SUSPECT: Final = NO_NAMES | _NO_LOTS | NOTHING
"""The texts that one of the functions below may take for nothing."""
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


def says_nothing(text: str) -> bool:
    """Tell whether a text without surrounding space says that there is no value."""
    return text in NOTHING


def is_damaged(text: str) -> bool:
    """Tell whether a spreadsheet put something else in the place of a number or a lot."""
    return not text.isalnum() and _DAMAGED.fullmatch(text) is not None


def plain(text: str) -> str:
    """Return a cell's text without the formula (`="00012345"`) by which some exports keep its zeros."""
    match = _FORMULA.fullmatch(text) if text.startswith("=") else None
    return match[1].strip() if match else text


def identity(text: str) -> str:
    """Return a record number or dose id, empty if it says nothing. A damaged one is returned as it is."""
    return "" if text in _NO_TEXTS and not is_damaged(text) else text


def name(text: str) -> str:
    """Return a part of a person's name, empty if it says nothing."""
    return "" if text in NO_NAMES else text


def lot(text: str) -> str:
    """Return a lot number, empty if it says nothing. A damaged one is returned as it is."""
    return "" if text in _NO_LOTS else text


def word(text: str) -> str:
    """Return another text (a street, a city), empty if it says nothing."""
    return "" if text in _NO_TEXTS else text
