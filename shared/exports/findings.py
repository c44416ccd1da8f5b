"""Findings that readers make, as rows of the check table.

An error holds its visit; a warning is kept with a visit that is sent. Findings about a file as a whole (`COLUMN-…`,
`FILE-…`, `RESOURCE-…`, `MANIFEST-…`) are kept with the file. The field of a value that cannot be read stays empty; the
finding has the value. Findings of one format only are in that format's package.
"""

from __future__ import annotations

from typing import Final

from shared.domain.checks import Check, Severity, Who
from shared.exports.csv import findings as csv
from shared.exports.fhir import findings as fhir
from shared.exports.hl7v2 import findings as hl7v2

_E, _W = Severity.ERROR, Severity.WARNING
_EHR, _MAP, _SETUP = Who.EHR, Who.CODE_MAP, Who.SETUP

TABLE: Final[tuple[Check, ...]] = (
    Check(
        "SOURCE-UNKNOWN",
        _E,
        "",
        "The file lies in a folder of the inbox that no source in clinics.toml has.",
        "Add a source of that name to clinics.toml and push it, then store the file again.",
        _SETUP,
    ),
    Check(
        "FOLDER-MISSING",
        _E,
        "",
        "The file lies in the inbox itself, not in the folder of a source: nothing of it was read.",
        "Store it again under inbox/<source>/, with the name of its source in clinics.toml.",
        _SETUP,
    ),
    # A file as a whole.
    Check(
        "FILE-EMPTY",
        _W,
        "",
        "The file holds no data rows.",
        "Nothing to do where nobody was vaccinated; else look at the export job.",
        _SETUP,
    ),
    Check(
        "FILE-WRONG-KIND",
        _E,
        "",
        "The file is of another kind than its source's format; nothing of it was read.",
        "Store the right file, plain or as .gz, or correct `format` in clinics.toml and store this one again.",
        _SETUP,
    ),
    Check(
        "FILE-DATE-MISSING",
        _W,
        "",
        "The file's name has no date where the source's `file_date` has one; the file counts as of its arrival.",
        "Name the file as the others are, or correct `file_date` in clinics.toml.",
        _SETUP,
    ),
    Check(
        "FILE-DATE-FUTURE",
        _W,
        "",
        "The export says that it was made after it arrived; it counts as of its arrival.",
        "Look at the clock of the EHR, or at the date in the file's name.",
        _SETUP,
    ),
    Check(
        "FILE-CUT-OFF",
        _E,
        "",
        "The compressed file is damaged or incomplete; it was read up to there.",
        "Store the whole file again; the rows that were read already count as unchanged.",
        _SETUP,
    ),
    Check(
        "FILE-UNPACKS-HUGE",
        _E,
        "",
        "The compressed file unpacks to more than 250 times its size; it was read up to there.",
        "Look at what the export job compressed. If it is right, store it uncompressed.",
        _SETUP,
    ),
    Check(
        "FILE-ENCODING-UNREADABLE",
        _E,
        "",
        "The file cannot be decoded from here on; it was read up to there.",
        "Set the source's `encoding` in clinics.toml, or export UTF-8.",
        _SETUP,
    ),
    Check(
        "MANIFEST-UNREADABLE",
        _W,
        "",
        "The manifest of the export cannot be read; every file of its folder was read instead.",
        "Store the manifest that the FHIR server gave.",
        _SETUP,
    ),
    Check(
        "MANIFEST-TIME-UNREADABLE",
        _W,
        "",
        "The manifest's `transactionTime` is no FHIR instant (date, time and time zone); it was passed over.",
        "Store the manifest that the FHIR server gave.",
        _SETUP,
    ),
    Check(
        "MANIFEST-INCOMPLETE",
        _E,
        "",
        "The manifest of the export lists a file that is not there; the others were read.",
        "Store the missing file: the export waits in the inbox until all of it is there.",
        _SETUP,
    ),
    # Files in the inbox that nothing has read.
    Check(
        "FILE-NAME-SKIPPED",
        _E,
        "",
        "The name of the file begins with a dot or an underscore, as those of half-written files do: it was not read.",
        "Store it again under another name if it is an export, and remove it from the inbox.",
        _SETUP,
    ),
    Check(
        "FILE-NOT-TAKEN-UP",
        _E,
        "",
        "The file lies in the inbox, and nothing has read it yet.",
        "Look at the intake queue (alarms `dead-letters` and `waits`). If its event is lost, `vaxline replay` with the "
        "file's key reads it.",
        _SETUP,
    ),
    Check(
        "SET-MARKER-MISSING",
        _E,
        "",
        "The files of this folder wait: no `manifest.json` and no `_SUCCESS` says that all of them are there.",
        "Store an empty file `_SUCCESS` in the folder when all files of the export are there.",
        _SETUP,
    ),
    Check(
        "SET-INCOMPLETE",
        _E,
        "",
        "The manifest of the export lists a file that has not arrived: the files of the folder wait.",
        "Store the missing file. If the server has it no more, store a new export in a folder of its own.",
        _SETUP,
    ),
    Check(
        "SET-FILE-LATE",
        _E,
        "",
        "The file came after `_SUCCESS`, or the manifest of its folder does not list it: it was not read.",
        "Store `_SUCCESS` again, which reads the whole folder again. Beside a manifest, store the file in a folder of "
        "its own, with its own manifest or `_SUCCESS`.",
        _SETUP,
    ),
    # A row as a whole.
    Check(
        "STATUS-CONTRADICTS",
        _E,
        "RXA-20",
        "Values of the row differ about whether the dose was given, refused or not given.",
        "Correct the dose in the EHR and export the row again.",
    ),
    Check(
        "ROW-CELL-HUGE",
        _E,
        "",
        "A cell is longer than 131,072 characters, or a line than 4,194,304.",
        "Look at the export: a quotation mark is missing, or a document stands in a text field.",
    ),
    Check(
        "VISIT-HUGE",
        _E,
        "",
        "The visit (one patient, clinic and day) is larger than vaxline can keep (256 KiB).",
        "Look at the export from this row on: a document stands in a field, or many people share one record number. "
        "The file itself is still in the bucket.",
    ),
    Check(
        "ROW-CUT-OFF",
        _E,
        "",
        "The file breaks off within this row.",
        "Store the whole file again.",
        _SETUP,
    ),
    Check(
        "ROW-READ-AS-WINDOWS-1252",
        _W,
        "",
        "The row is not UTF-8; it was read as Windows-1252, in which its characters are plausible.",
        'Look at the names; if they are right, set `encoding = "windows-1252"` in clinics.toml.',
        _SETUP,
    ),
    Check(
        "ROW-ENCODING-UNREADABLE",
        _E,
        "",
        "The row holds bytes that are neither UTF-8 nor plausible Windows-1252.",
        "Set the source's `encoding` in clinics.toml, or export UTF-8.",
        _SETUP,
    ),
    Check(
        "ROW-PATIENT-MISSING",
        _E,
        "PID-3",
        "The row names no patient, so it belongs to no visit.",
        "Export the medical record number with every row.",
    ),
    Check(
        "ROW-DATE-UNREADABLE",
        _E,
        "RXA-3",
        "The date of the dose is missing or cannot be read.",
        "Correct it in the EHR, or add the date format to `date_formats` of the source in clinics.toml.",
    ),
    # A value.
    Check(
        "VALUE-NUL",
        _E,
        "",
        "A cell holds NUL or separator characters, which no text has.",
        "Export the row again; the file was damaged on its way, or the EHR's field is.",
    ),
    Check(
        "TEXT-ENCODED-TWICE",
        _W,
        "",
        "Text was encoded as UTF-8 twice; it was corrected.",
        "Check the value; the interface that writes the file should encode it once.",
        _SETUP,
    ),
    Check(
        "TEXT-LOST",
        _E,
        "",
        "Characters were lost before the file was stored: the text has replacement characters.",
        "Export it again as UTF-8.",
        _SETUP,
    ),
    Check(
        "DATE-UNREADABLE",
        _E,
        "",
        "A date that matters cannot be read.",
        "Correct it in the EHR, or add the date format to `date_formats` of the source in clinics.toml.",
    ),
    Check(
        "CORRECTION-UNREADABLE",
        _E,
        "",
        "A person corrected this value in a form that cannot be read any more, and the EHR still has the wrong one.",
        "Correct the value again, or correct it in the EHR. If `date_formats` of the source was changed, put the old "
        "format back beside the new one.",
        _SETUP,
    ),
    Check(
        "CODE-UNKNOWN",
        _E,
        "",
        "A code or word that matters is not in its table.",
        "Export a value of the table (docs/exports.md names it), or the right word for it.",
        _MAP,
    ),
    Check(
        "VALUE-UNREADABLE",
        _E,
        "",
        "A value that matters does not have the form that its field needs.",
        "Correct it in the EHR and export the row again.",
    ),
    Check(
        "CODES-DIFFER",
        _E,
        "",
        "The export has several codes for a field that takes one, and they differ.",
        "Correct it in the EHR and export the row again.",
    ),
    Check(
        "DATE-LEFT-OUT",
        _W,
        "",
        "A date cannot be read; the message goes without it.",
        "Correct it in the EHR, or add the date format to `date_formats` of the source in clinics.toml.",
    ),
    Check(
        "CODE-LEFT-OUT",
        _W,
        "",
        "A code or word is not in its table; the message goes without it.",
        "Export a value of the table (docs/exports.md names it).",
        _MAP,
    ),
    Check(
        "VALUE-LEFT-OUT",
        _W,
        "",
        "A value does not have the form that its field needs; the message goes without it.",
        "Correct it in the EHR.",
    ),
    Check(
        "SEX-AS-UNKNOWN",
        _W,
        "PID-8",
        "The sex is one that the profile does not have (X, other, ambiguous); it is sent as U, unknown.",
        "Nothing to do: registries take F, M and U.",
        counts_in_strict=False,
    ),
    Check(
        "CODE-ROLLED-UP",
        _W,
        "",
        "A detailed race or ethnic group is sent under its category; the detail goes along as the alternate code.",
        "Nothing to do; to count it otherwise, map it with `codes.race` or `codes.ethnicity` in clinics.toml.",
        _MAP,
        counts_in_strict=False,
    ),
    Check(
        "ETHNICITY-CONTRADICTS",
        _W,
        "PID-22",
        "Hispanic or Latino is among the races, and the ethnicity says not Hispanic; the ethnicity is sent.",
        "Correct race or ethnicity in the EHR.",
    ),
    # A visit and its doses.
    Check(
        "PATIENT-TWICE",
        _W,
        "PID",
        "Rows of the visit differ about the patient; the last row counts.",
        "Look at the patient's record in the EHR; export it once.",
    ),
    Check(
        "PATIENT-ID-DAMAGED",
        _E,
        "PID-3",
        "A spreadsheet damaged the record number (1.23E+11, 12345.0, Sep-27): it no longer tells patients apart.",
        "Export the file again without opening it in a spreadsheet, or with the column formatted as text.",
    ),
    Check(
        "DOSE-ID-DAMAGED",
        _E,
        "ORC-3",
        "A spreadsheet damaged the dose's id (1.23E+11, 12345.0, Sep-27): under it, the dose would be another one.",
        "Export the file again without opening it in a spreadsheet, or with the column formatted as text.",
    ),
    Check(
        "LOT-DAMAGED",
        _W,
        "RXA-15",
        "A spreadsheet damaged the lot number (1.23E+11, Sep-27); the dose counts as without lot.",
        "Export the file again without opening it in a spreadsheet, or with the column formatted as text.",
    ),
    Check(
        "AMOUNT-ZERO",
        _W,
        "RXA-6",
        "The amount of a dose given here is 0; it is sent as unknown (999).",
        "Enter the amount in the EHR.",
        counts_in_strict=False,
    ),
    Check(
        "PATIENT-ANOTHER",
        _E,
        "PID",
        "Two people have one record number: birth date, sex, first name or birth order differ from another row or "
        "from an earlier export.",
        "Look the record number up in the EHR: give each person a number of their own and export the rows again. If it "
        "is one person whose data was corrected, say so: `vaxline resubmit MSH-10 --set same_person=yes`, or the "
        "button on the page of the message.",
    ),
    Check(
        "DOSE-ID-ANOTHER",
        _E,
        "ORC-3",
        "One dose id stands for two doses: of different vaccines, of two days or clinics in one export, or of two "
        "patients. One of them would be lost.",
        "Give each dose its own id in the export (a visit's id is not one). A dose that moved is exported at its new "
        "place only, or deleted at the old one.",
    ),
    Check(
        "DELETE-NOTHING",
        _W,
        "ORC-3",
        "The export deletes a dose that was never reported: there is nothing to delete, and nothing is sent.",
        "Nothing, if the dose was never reported by this feed. Otherwise look its id up with vaxline search.",
    ),
    Check(
        "DOSE-SENT-AS-HISTORICAL",
        _W,
        "RXA-9",
        "The export calls the dose given here but has no lot; it is reported as historical, as the source's "
        "`without_lot` says.",
        "Enter the lot in the EHR if the clinic gave it.",
    ),
    Check(
        "DOSE-ID-TWICE",
        _W,
        "ORC-3",
        "Two rows of the visit have the same dose id and differ; the later row counts.",
        "Give each dose its own id in the export.",
    ),
    Check(
        "DELETE-WITHOUT-ID",
        _E,
        "ORC-3",
        "The export deletes a dose and names neither its id nor all of patient, date and vaccine, so nobody can tell "
        "which dose it was.",
        "Export the deletion with the dose's id, or delete the dose on the IIS's own screens and close this.",
    ),
    Check(
        "DOSE-DELETED-AND-ADDED",
        _W,
        "ORC-3",
        "Rows of the visit delete a dose and report it, both under the same id; the later row counts.",
        "Nothing if the export has its rows in the order of time; else look the dose up in the EHR.",
    ),
    Check(
        "DOSE-TWICE",
        _W,
        "ORC-3",
        "Two rows without dose id are equal; they count as one dose.",
        "Export a dose id, so that two doses can be told apart.",
    ),
    *csv.TABLE,
    *fhir.TABLE,
    *hl7v2.TABLE,
)
