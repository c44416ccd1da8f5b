"""The spellings of a National Drug Code, and the 11-digit forms (5-4-2 with hyphens) that each can mean.

FDA assigns ten digits in three segments, 4-4-2, 5-3-2 or 5-4-1. Messages have eleven digits: the short segment gets a
leading zero (21 CFR 207.33; IG R1.5, RXA-5). Ten digits without hyphens have three readings, and only a table of
packages can decide between them. GS1 barcodes have the ten digits after `03` (GTIN) or `3` (UPC).
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"^(?:NDC|\(01\))[\s:#-]*", re.IGNORECASE)
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"*": "0"})
_SEGMENTS: Final = re.compile(r"([0-9]{4,5})[- ]([0-9]{3,4})[- ]([0-9]{1,2})")
_LAYOUTS: Final = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)})
# A spreadsheet reads digits as a number and may add decimals.
_DECIMALS: Final = re.compile(r"(?<=[0-9])\.0+$")


def hyphenated(digits: str) -> str:
    """Return eleven digits as 5-4-2."""
    return f"{digits[:5]}-{digits[5:9]}-{digits[9:]}"


def stated(raw: str) -> str | None:
    """Return the 11-digit form of eleven digits, or of three segments of an allowed layout; otherwise None."""
    code = _cleaned(raw)
    if len(code) == 11 and _is_number(code):
        return hyphenated(code)
    match = _SEGMENTS.fullmatch(code)
    if match is None:
        return None
    labeler, product, package = match.groups()
    if (len(labeler), len(product), len(package)) not in _LAYOUTS:
        return None
    return f"{labeler:0>5}-{product:0>4}-{package:0>2}"


def readings(raw: str) -> tuple[str, ...]:
    """Return every 11-digit form that a spelling can mean; none if it is no NDC.

    Beside the spellings of `stated` these are ten digits, nine digits (a spreadsheet removed two leading zeros), and
    barcodes of 12 to 14 digits with a valid check digit.
    """
    form = stated(raw)
    if form is not None:
        return (form,)
    digits = _cleaned(raw)
    if not _is_number(digits):
        return ()
    if len(digits) == 9:
        return (hyphenated(digits.zfill(11)),)
    if len(digits) == 10:
        return _of_ten(digits)
    barcode = digits.zfill(14)
    if 12 <= len(digits) <= 14 and barcode[1:3] == "03" and _check_digit(barcode[:13]) == barcode[13]:
        return _of_ten(barcode[3:13])
    return ()


def _of_ten(ten: str) -> tuple[str, ...]:
    """The different forms of 4-4-2, 5-3-2 and 5-4-1."""
    filled = (f"0{ten}", f"{ten[:5]}0{ten[5:]}", f"{ten[:9]}0{ten[9:]}")
    return tuple(dict.fromkeys(map(hyphenated, filled)))


def _cleaned(raw: str) -> str:
    code = _LABEL.sub("", raw.strip()).translate(_DASHES).strip()
    return _DECIMALS.sub("", " ".join(code.split()))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_digit(body: str) -> str:
    """GS1 General Specifications, 7.9: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)
