"""Columns that no table of vaxline has: those that may say that a dose is not what its row looks like.

A column named `Status` or `Refused` can turn a dose given into a dose refused. Such a column holds every row of its
file until clinics.toml says what it is: a mapping in `columns`, or its name in `ignore`. Any other unknown column is
passed over with a warning.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.codes.table import normalized

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

WORDS: Final = (
    "active", "administered", "cancel", "canceled", "cancellation", "cancelled", "completed", "completion", "consent",
    "contraindicated", "contraindication", "corrected", "correction", "declination", "decline", "declined", "deferral",
    "deferred", "del", "delete", "deleted", "deletion", "discarded", "disposition", "erroneous", "error", "exempt",
    "exemption", "given", "hist", "historic", "historical", "history", "hx", "immune", "immunity", "inactive",
    "invalid", "missed", "noshow", "optout", "outcome", "partial", "received", "refusal", "refuse", "refused",
    "rejected", "removed", "reversed", "status", "subpotent", "test", "unvaccinated", "vaccinated", "valid", "void",
    "voided", "waived", "waiver", "wasted",
)  # fmt: skip
"""A column that has one of these words in its name may change what its row means."""

PHRASES: Final = (
    "event type", "no show", "not done", "opt out", "record type", "report type", "transaction type",
)  # fmt: skip
"""The same for words that matter only together."""

OTHER_WORDS: Final = frozenset(
    {
        "amount", "at", "by", "clinic", "date", "datetime", "department", "facility", "id", "location", "lot",
        "name", "npi", "on", "place", "provider", "route", "site", "system", "time", "unit", "units", "user", "volume",
    }
)  # fmt: skip
"""Beside `given`, `administered`, `received` and `vaccinated`, these name the place, time or person of a dose."""

OTHER_STATUSES: Final = frozenset(
    {
        "citizenship", "coverage", "disability", "education", "eligibility", "employment", "housing", "immigration",
        "insurance", "living", "marital", "military", "payment", "residency", "smoking", "student", "tobacco", "vfc",
    }
)  # fmt: skip
"""Beside `status`, these say that it is the status of something else."""

_WORDS: Final = frozenset(WORDS)
_OF_GIVING: Final = frozenset({"administered", "given", "received", "vaccinated"})


def words_of(name: str) -> list[str]:
    """Return the words of a column's name: `is`, `deleted` of `isDeleted`."""
    return normalized(_HUMP.sub(" ", name)).split()


def may_change_meaning(name: str) -> bool:
    """Tell whether a column that vaxline does not know may say that a dose was refused, deleted, historical or so.

    Args:
        name: The file's name of the column: `Vax Status`, `isDeleted`.
    """
    words = set(words_of(name))
    found = words & _WORDS
    if "status" in found and words & OTHER_STATUSES:
        found.discard("status")
    if words & OTHER_WORDS:
        found -= _OF_GIVING
    return bool(found) or any(f" {phrase} " in f" {' '.join(words_of(name))} " for phrase in PHRASES)
