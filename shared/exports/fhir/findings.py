"""Findings that only the readers of FHIR bulk exports and Bundles make."""

from __future__ import annotations

from typing import Final

from shared.domain.checks import Check, Severity, Who

_E, _W = Severity.ERROR, Severity.WARNING
_SETUP = Who.SETUP

TABLE: Final[tuple[Check, ...]] = (
    Check(
        "RESOURCE-UNREADABLE",
        _E,
        "",
        "A line of the export is not the FHIR resource that it should be.",
        "Look at the export job; the line is named.",
        _SETUP,
    ),
    Check(
        "IMMUNIZATION-UNREADABLE",
        _E,
        "RXA",
        "An Immunization line cannot be read as FHIR R4.",
        "Look at the export job; what is wrong with the line is named.",
        _SETUP,
    ),
    Check(
        "PATIENT-NOT-IN-EXPORT",
        _E,
        "PID",
        "The Patient that the Immunization refers to is not in the export.",
        "Export Patient resources in the same set; then store the set again.",
        _SETUP,
    ),
    Check(
        "DOSE-SUBPOTENT",
        _E,
        "RXA-20",
        "The export says that the dose does not count as a full one (isSubpotent), for a reason that a VXU cannot say.",
        "Decide: resubmit with completion=PA so that it does not count, or with completion=CP if it does.",
    ),
    # Bundles.
    Check(
        "BUNDLE-UNREADABLE",
        _E,
        "",
        "The file, or a line of it, is not a FHIR R4 Bundle in JSON.",
        "Look at the export job; what is wrong is named. NDJSON of single resources is format fhir.",
        _SETUP,
    ),
    Check(
        "BUNDLE-HUGE",
        _E,
        "",
        "The Bundle is larger than 64 MiB; it was not read.",
        "Let the export page its Bundles, or use FHIR bulk export (format fhir), which has no limit.",
        _SETUP,
    ),
    Check(
        "BUNDLE-DELETES",
        _W,
        "",
        "A transaction asks to delete an Immunization without saying what it was; it was passed over.",
        "Export the Immunization with status entered-in-error.",
        _SETUP,
    ),
)
