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
        "The Patient that the Immunization refers to is not in the export, or several Patients answer to it.",
        "Export Patient resources in the same set, each with an id of its own; then store the set again.",
        _SETUP,
    ),
    Check(
        "PATIENT-ID-UNCLEAR",
        _E,
        "PID-3",
        "No identifier of the Patient is clearly the record number: there are several, none of the configured system, "
        "or none that is in force.",
        "Set `mrn_system` of the source in clinics.toml to the system of its record numbers, or correct the EHR; then "
        "store the export again.",
        _SETUP,
    ),
    Check(
        "PATIENT-ID-OF-RESOURCE",
        _W,
        "PID-3",
        "The Patient has no identifier that is a record number; the id of the resource is sent as it.",
        "Let the export have the record number as an identifier of type MR.",
        _SETUP,
        counts_in_strict=False,
    ),
    Check(
        "PATIENT-REPLACED",
        _E,
        "PID-3",
        "The Patient was merged into another one (link replaced-by), who is not in the export.",
        "Export the surviving Patient in the same set; then store the set again.",
        _SETUP,
    ),
    Check(
        "PATIENT-MERGED",
        _W,
        "PID-3",
        "The Patient was merged into another one; the dose is reported for the survivor.",
        "Nothing to do, if the doses that were reported before are merged at the IIS too.",
        counts_in_strict=False,
    ),
    Check(
        "PATIENT-INACTIVE",
        _W,
        "PID",
        "The Patient is not active in the EHR; the dose is reported nevertheless.",
        "Look at the patient's record: a duplicate should be merged, a wrong one be removed.",
        counts_in_strict=False,
    ),
    Check(
        "PERFORMER-LEFT-OUT",
        _W,
        "RXA-10",
        "A performer was left out: of a function that a VXU has no field for, a second one of a function, an "
        "organization, or somebody who is not in the export.",
        "Nothing to do, if the person who gave the dose is in RXA-10; else give that person the function AP.",
        counts_in_strict=False,
    ),
    Check(
        "RESOURCE-OLDER",
        _W,
        "RXA",
        "The export has a newer version of the same Immunization; this one was not read.",
        "Nothing to do.",
        _SETUP,
        counts_in_strict=False,
    ),
    # What the export says about itself.
    Check(
        "FILE-WITHOUT-DOSES",
        _E,
        "",
        "The export holds no Immunization, but other resources from which no report is made.",
        "Look at the export job: it must export Immunization. The resources that it has are named.",
        _SETUP,
    ),
    Check(
        "SERVER-ERROR",
        _E,
        "",
        "The FHIR server says that it could not export or answer all of what was asked.",
        "Look at the server's words and at the export job; then export again.",
        _SETUP,
    ),
    Check(
        "SERVER-WARNING",
        _W,
        "",
        "The FHIR server warns about the export.",
        "Look at the server's words; nothing to do if the export is whole.",
        _SETUP,
    ),
    Check(
        "MANIFEST-NAME-TWICE",
        _E,
        "",
        "Two files that the manifest lists have the same name: in one folder one replaced the other.",
        "Store each file under a name of its own, and write that into the manifest's URLs; then store the set again.",
        _SETUP,
    ),
    Check(
        "MANIFEST-COUNT",
        _E,
        "",
        "A file of the export has another number of resources than the manifest says.",
        "Store the whole file again; what was read already counts as unchanged.",
        _SETUP,
    ),
    Check(
        "MANIFEST-NOT-LISTED",
        _E,
        "",
        "A file in the folder holds FHIR resources and the manifest does not list it; it was not read.",
        "Store each export in a folder of its own, with its manifest.",
        _SETUP,
    ),
    Check(
        "MANIFEST-ERRORS",
        _E,
        "",
        "The manifest names a file of errors that the server met, and the file is not there or cannot be read.",
        "Look at the export job: resources may be missing. Store the file too, so that it can be read.",
        _SETUP,
    ),
    Check(
        "MANIFEST-NEXT",
        _E,
        "",
        "The manifest is one of several: its link `next` leads to files that are not in the export.",
        "Fetch all manifests, and store the files of all of them under one manifest.",
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
        "The Bundle is larger than 64 MiB, or 4 MiB in a line of a bulk export; it was not read.",
        "Let the export page its Bundles, or use FHIR bulk export (format fhir), which has no limit.",
        _SETUP,
    ),
    Check(
        "BUNDLE-NEXT",
        _W,
        "",
        "The Bundle is a page of a search, and the next page is not in the file.",
        "Nothing to do if the next page is a file of its own; else let the export fetch all pages.",
        _SETUP,
    ),
    Check(
        "BUNDLE-DELETES-OTHER",
        _W,
        "",
        "The export deletes resources that are no Immunizations; they were passed over.",
        "Nothing to do, unless doses of deleted patients stay at the IIS: export these with status entered-in-error.",
        _SETUP,
    ),
)
