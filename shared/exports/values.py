"""Parsers of single values.

Each takes the text of one value, without surrounding space and not empty, and returns it in the form of the domain, or
None if it does not have the form of its field.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final

from shared.domain.model import Telecom
from shared.exports import moments

_DAYS_KEPT: Final = 20_000
_YEARS: Final = range(1880, 2200)
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_MONTHS: Final = (
    re.compile(r"(?P<year>\d{4})[-/]?(?P<month>\d\d)"),
    re.compile(r"(?P<month>\d{1,2})[-/](?P<year>\d{4})"),
)
_NUMBER: Final = re.compile(r"\d+(\.\d*)?|\.\d+")
UNKNOWN_AMOUNT: Final = "999"
_EXTENSION: Final = re.compile(r"\s*(x|ext\.?|extension)\s*\d*\s*$", re.IGNORECASE)
_NOT_DIGITS: Final = re.compile(r"\D+")
_PHONE: Final = re.compile(r"[\d\s().+/-]+")


def _as_day(year: int, month: int, day: int) -> str | None:
    try:
        date(year, month, day)
    except ValueError:
        return None
    return f"{year:04}{month:02}{day:02}" if year in _YEARS else None


# Cached: an export repeats its dates. This saves 9 us a FHIR or HL7 dose, 1.5 % of what converting it costs.
@lru_cache(maxsize=8192)
def iso_day(text: str) -> str | None:
    """Return the day of an ISO 8601 date or time as `YYYYMMDD`. It is the day that is written, in its own zone."""
    match = _ISO_DAY.match(text)
    return _as_day(int(match[1]), int(match[2]), int(match[3])) if match else None


def month(text: str) -> str | None:
    """Return a month (2027-06, 06/2027, 202706) as `YYYYMM`."""
    for form in _MONTHS:
        match = form.fullmatch(text)
        if match and 1 <= int(match["month"]) <= 12 and int(match["year"]) in _YEARS:
            return f"{match['year']}{int(match['month']):02}"
    return None


class Dates:
    """Parser of days in a source's strptime formats, tried in order. A time of day behind the day is ignored.

    Where `zone` is the source's time zone, a moment in UTC is of the day that it is there.

    Days are kept: strptime takes 7 us for the first format and 13 us for the third, 1 to 2 % of what converting a CSV
    row costs.
    """

    def __init__(self, formats: tuple[str, ...], zone: tzinfo | None = None) -> None:
        self._formats = formats
        self.zone = zone
        self._days: dict[str, str | None] = {}

    def day(self, text: str) -> str | None:
        """Return a day as `YYYYMMDD`."""
        try:
            return self._days[text]
        except KeyError:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            day = self._days[text] = self._read(text)
            return day

    def day_or_month(self, text: str) -> str | None:
        """Return a day as `YYYYMMDD`, or a month as `YYYYMM` (RXA-16 may have either)."""
        return self.day(text) or month(text)

    def _read(self, text: str) -> str | None:
        if self.zone is not None and (day := moments.day_in(self.zone, text)):
            return day
        for candidate in (text, text.replace("T", " ").split(" ", 1)[0]):
            for form in self._formats:
                try:
                    moment = datetime.strptime(candidate, form)  # noqa: DTZ007 - a day has no zone
                except ValueError:
                    continue
                # strptime accepts 2026031 for %Y%m%d; without separators only the full form is safe.
                if candidate.isdigit() and moment.strftime(form) != candidate:
                    continue
                return _as_day(moment.year, moment.month, moment.day)
        return None


def amount(text: str) -> str | None:
    """Return a decimal number without superfluous leading zeros: `0.5` for `.5` or `00.5`."""
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    whole, _, rest = text.partition(".")
    return f"{whole.lstrip('0') or '0'}" + (f".{rest}" if rest else "")


# Cached: an export has few different amounts.
@lru_cache(maxsize=1024)
def is_unknown_amount(number: str) -> bool:
    """Tell whether an amount says that it is not known: 999 (RXA-6), or 0, which no dose has."""
    whole, _, rest = number.partition(".")
    return number != "" and whole.lstrip("0") in ("", UNKNOWN_AMOUNT) and not rest.strip("0")


def npi(text: str) -> str | None:
    """Return a National Provider Identifier: ten digits."""
    return text if len(text) == 10 and text.isascii() and text.isdigit() else None


def count(text: str) -> str | None:
    """Return a whole number from 1 to 99 (birth order)."""
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) else None


def multiple_birth(stated: str, order: str) -> str:
    """Return PID-24: Y for a child that is not its mother's first of that day. An order of 1 alone says nothing.

    Args:
        stated: The code of HL7 table 0136 that the export has; empty if it has none.
        order: The birth order (PID-25).
    """
    return stated or ("Y" if order.isdigit() and int(order) > 1 else "")


def email(text: str) -> str | None:
    """Return an e-mail address: it has one @ and no space."""
    name, _, host = text.partition("@")
    return text if name and host and "@" not in host and not any(c.isspace() for c in text) else None


def phone(text: str, use: str = "PRN", equipment: str = "PH") -> Telecom | None:
    """Return a North American telephone number: ten digits, or seven without area code. An extension is left out.

    Args:
        text: The number.
        use: HL7 table 0201.
        equipment: HL7 table 0202.
    """
    bare = _EXTENSION.sub("", text).removeprefix("tel:")
    if not bare.isascii() or not _PHONE.fullmatch(bare):
        return None
    digits = _NOT_DIGITS.sub("", bare)
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) == 10 and (digits[0] in "01" or len(set(digits)) == 1):
        # No area code begins so, and nobody has a number of one digit: 000-000-0000 stands for none.
        return None
    if len(digits) == 10:
        return Telecom(use, equipment, digits[:3], digits[3:])
    return Telecom(use, equipment, "", digits) if len(digits) == 7 else None
