"""When an export was made, as it says itself: the transaction time of a FHIR manifest, or a date in a file's name.

A pattern such as `doses-%Y-%m-%d.csv` has directives of strptime, `*` for any text, and the rest as it is. It is
matched with the whole name, without regard to case; a name may have `.gz` behind it.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final

DIRECTIVES: Final = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]{3,9}",
    "j": r"\d{3}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
}
"""The directives that a pattern may have, and the text that each of them matches."""

FIRST_YEAR: Final = 1970
"""No export is older; a date before is a fault of who wrote it."""

_TOKEN: Final = re.compile(r"%(.?)|(\*)|([^%*]+)")
_MOST_WILDCARDS: Final = 4
_DAY: Final = ({"m", "d"}, {"b", "d"}, {"B", "d"}, {"j"})
"""The sets of directives that, with the year, give a full date."""


class Pattern:
    """A pattern of file names.

    Raises:
        ValueError: The pattern has no full date, or something else that it must not have.
    """

    def __init__(self, text: str) -> None:
        directives: list[str] = []
        expression = ""
        for directive, wildcard, literal in _TOKEN.findall(text):
            if wildcard:
                expression += ".*?"
            elif literal:
                expression += re.escape(literal)
            elif directive == "%":
                expression += "%"
            elif directive in DIRECTIVES:
                directives.append(directive)
                expression += f"({DIRECTIVES[directive]})"
            else:
                raise ValueError(f"%{directive} has no meaning in it")
        if len(directives) != len(set(directives)):
            raise ValueError("it has one part of the date twice")
        if text.count("*") > _MOST_WILDCARDS:
            raise ValueError(f"it has more than {_MOST_WILDCARDS} asterisks")
        if "/" in text:
            raise ValueError("it has a folder; only the file's name is matched")
        if {"Y", "y"}.isdisjoint(directives) or not any(day <= set(directives) for day in _DAY):
            raise ValueError("it does not tell year, month and day")
        self._expression = re.compile(f"{expression}(?:\\.gz)?", re.IGNORECASE)
        self._format = " ".join(f"%{directive}" for directive in directives)

    def time_in(self, name: str, zone: tzinfo) -> datetime | None:
        """Return the time in a file's name, on the clock of a zone; a date alone is the start of that day.

        None if the name does not match, or holds no date of the calendar.
        """
        match = self._expression.fullmatch(name)
        if match is None:
            return None
        try:
            time = datetime.strptime(" ".join(match.groups()), self._format).replace(tzinfo=zone)
        except ValueError:
            return None
        return time if time.year >= FIRST_YEAR else None


@lru_cache(maxsize=64)
def pattern(text: str) -> Pattern:
    """Return the pattern of a text, compiled once.

    Raises:
        ValueError: It is no valid pattern; the message says what is wrong.
    """
    return Pattern(text)
