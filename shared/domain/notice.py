"""What a notice may name: a cause by its code and field, and nothing that an export or an IIS could have put there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

OTHER: Final = "OTHER"
"""The headline of a cause whose code could be anything; the worklist shows it."""

# Our own codes (`LOT-MISSING`, `Z22-RXA-5-EMPTY`, `HTTP-503`) are checked against their tables. Of an IIS's: HL7 table
# 0357 and 0533, MSA-1, and numbered codes of its own (`WEBIZ-501`), each perhaps with a field (`PID-8`).
_OF_AN_IIS: Final = re.compile(r"(?:\d{1,3}|A[AER]|C[AER]|[A-Z]{2,8}(?:-[A-Z]{2,8})?-\d{1,5})")
_FIELD: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?:-\d{1,2}(?:\.\d{1,2})?)?")


def headline(cause: str, own: frozenset[str]) -> str:
    """What of a cause may be told: its code, where it is one of `own` or has the form of an IIS's, and its field."""
    code, _, field = cause.partition(" ")
    if code in own:
        return code
    if not _OF_AN_IIS.fullmatch(code):
        return OTHER
    return f"{code} {field}" if _FIELD.fullmatch(field) else code


class Mark(msgspec.Struct, frozen=True):
    """Submissions of a clinic came before a person for a cause (its headline), within the hour that began at `hour`."""

    hour: datetime
    clinic: str
    cause: str
