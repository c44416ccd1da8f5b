"""The forms of primitive data types, and those that conformance statements require.

Source: HL7 v2.5.1, chapter 2A; IZ-3, IZ-5, IZ-TS_Z, IZ-TS_NZ and IZ-DT_D of the National IG R1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_DAY_AND_TIME: Final = re.compile(
    r"(\d{4}(?:\d\d(?:\d\d(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(\.\d{1,4})?)?)?)?)?)?)([+-](?:[01]\d|2[0-3])[0-5]\d)?",
    re.ASCII,
)
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))*", re.ASCII)


def is_date(text: str) -> bool:
    """Tell if a text is a DT: a year, a month or a day of the calendar."""
    if not (text.isascii() and text.isdigit() and len(text) in (4, 6, 8)):
        return False
    try:
        date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    except ValueError:
        return False
    return True


def is_date_and_time(text: str) -> bool:
    """Tell if a text is a DTM: a date, with or without time, fraction of a second and zone."""
    match = _DAY_AND_TIME.fullmatch(text)
    return match is not None and is_date(match[1][:8])


def is_number(text: str) -> bool:
    """Tell if a text is an NM or SI."""
    return _NUMBER.fullmatch(text) is not None


FORMS: Final[dict[str, Callable[[str], bool]]] = {
    "NM": is_number,
    "SI": is_number,
    "DT": is_date,
    "DTM": is_date_and_time,
}
"""The primitive types that have a form. The others are text, in which delimiters must be escaped."""


def _has_month_and_day(text: str) -> bool:
    return "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31"


def to_the_day(text: str) -> bool:
    """Tell if a date is given to the day or finer, without a zone (IZ-TS_NZ, IZ-DT_D)."""
    match = _DAY_AND_TIME.fullmatch(text)
    return (
        match is not None
        and match[3] is None
        and (match[2] is None or len(match[2]) == 5)
        and len(text) >= 8
        and _has_month_and_day(text)
    )


def to_the_second(text: str) -> bool:
    """Tell if a time is given to the second with a zone offset (IZ-TS_Z)."""
    match = _DAY_AND_TIME.fullmatch(text)
    return match is not None and match[3] is not None and len(match[1]) >= 14 and _has_month_and_day(text)


def equals(literal: str) -> Callable[[str], bool]:
    """Make a test for one literal."""
    return lambda text: text == literal


def is_oid(text: str) -> bool:
    """Tell if a text is an ISO object identifier (IZ-3, IZ-5)."""
    return _OID.fullmatch(text) is not None
