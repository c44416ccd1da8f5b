"""Words of EHRs that say in one column what HL7 says in several fields."""

from __future__ import annotations

from typing import Final

from shared.domain.codes.table import Table

DELETED: Final = "D"
EVENT_STATUS: Final = Table(
    "status of a dose",
    "",
    (
        (
            "CP",
            "Given",
            ("complete", "completed", "administered", "vaccinated", "done", "active", "final", "valid", "C", "G"),
        ),
        (
            "RE",
            "Refused",
            ("refusal", "declined", "patient refused", "parent refused", "patient declined", "parent declined", "R"),
        ),
        (
            "NA",
            "Not given",
            ("not administered", "not done", "not vaccinated", "not-done", "notGiven", "no show", "missed", "N"),
        ),
        ("PA", "Partially given", ("partial", "partially administered", "P")),
        (
            DELETED,
            "Deleted",
            (
                "delete",
                "removed",
                "entered in error",
                "entered-in-error",
                "error",
                "in error",
                "void",
                "voided",
                "invalid",
            ),
        ),
    ),
)
"""One word of an EHR for RXA-20 (HL7 0322) and a deletion (RXA-21 D)."""
EXTRACT_TYPE: Final = Table(
    "kind of extract (CVRS)",
    "",
    (
        ("I", "Identified", ("identifiable",)),
        ("D", "De-identified", ("deidentified", "redacted")),
        ("P", "Linked without names (PPRL)", ("PPRL",)),
    ),
)
