"""The findings of the CSV reader about headers, columns and rows, beside those of all readers (`findings`)."""

from __future__ import annotations

from typing import Final

from shared.domain.checks import Check, Severity, Who

_E, _W = Severity.ERROR, Severity.WARNING
_SETUP = Who.SETUP

TABLE: Final[tuple[Check, ...]] = (
    Check(
        "FILE-DELIMITER",
        _W,
        "",
        "The file uses another delimiter than clinics.toml says; it was read with the one it uses.",
        "Set the source's `delimiter` in clinics.toml.",
        _SETUP,
    ),
    Check(
        "FILE-HEADER-UNKNOWN",
        _E,
        "",
        "The first line names no column that vaxline knows, so nothing of the file was read.",
        "Store the right file, or map the names of its header line with `columns` in clinics.toml and store it again.",
        _SETUP,
    ),
    Check(
        "COLUMN-MISSING",
        _E,
        "",
        "The header lacks required columns, so nothing of the file was read.",
        "Store the right file, or add the columns to the export, map their names (`columns`) or give them values "
        "(`defaults`) in clinics.toml, and store it again.",
        _SETUP,
    ),
    Check(
        "COLUMN-TWICE",
        _E,
        "",
        "Two columns fill the same field; rows in which they differ are held, or go without the value.",
        "Say with `columns` in clinics.toml which one is meant, or name the other one in `ignore`.",
        _SETUP,
    ),
    Check(
        "COLUMN-UNKNOWN",
        _W,
        "",
        "A column that vaxline does not know was not read.",
        "Map it with `columns` in clinics.toml, or name it in `ignore` if it is not wanted.",
        _SETUP,
    ),
    Check(
        "COLUMN-UNDECIDED",
        _E,
        "",
        "An unknown column may say that a dose was refused, deleted or historical, so every row is held.",
        "Map it with `columns` in clinics.toml (to event_status, was_refused, is_historical, …), or name it in "
        "`ignore` if it does not change what a row means; push, then `vaxline resubmit --cause "
        "COLUMN-UNDECIDED`.",
        _SETUP,
    ),
    Check(
        "COLUMN-ABSENT",
        _W,
        "",
        "A column that clinics.toml maps is not in the file.",
        "Have the EHR export it again, or correct its name in `columns`.",
        _SETUP,
    ),
    Check(
        "ROW-APPOINTMENT-MISSED",
        _W,
        "",
        "Rows say that nobody came, so there is no dose to report; they count as no rows.",
        "Nothing to do.",
    ),
    Check(
        "CELLS-DIFFER",
        _E,
        "",
        "Two columns for one field differ, and their order does not tell which is meant.",
        "Say with `columns` in clinics.toml which one is meant, push it, then store the file again.",
        _SETUP,
    ),
    Check(
        "CELLS-DIFFER-LEFT-OUT",
        _W,
        "",
        "Two columns for one field differ; the message goes without the value.",
        "Say with `columns` in clinics.toml which one is meant.",
        _SETUP,
    ),
    Check(
        "SOURCE-CONTRADICTS",
        _E,
        "RXA-9",
        "The row's columns differ about whether the dose was given here or is historical.",
        "Correct the dose in the EHR and export the row again.",
    ),
    Check(
        "EXTRACT-WITHOUT-NAMES",
        _E,
        "PID-5",
        "The row says that its patient was made unrecognizable (redacted or linked), so it reports nobody.",
        "Export identified rows (ext_type I).",
        _SETUP,
    ),
    Check(
        "ROW-CELLS",
        _E,
        "",
        "The row has more or fewer cells than the header, so no cell can be trusted.",
        "Quote values that hold the delimiter, and export the row again.",
    ),
    Check(
        "ROW-QUOTE-OPEN",
        _E,
        "",
        "A quotation mark is opened and not closed in its row.",
        "Double quotation marks within a value, quote the value, and export the row again.",
    ),
    Check(
        "VALUE-WITHOUT-OTHER",
        _W,
        "",
        "A value is sent only beside another one, which is missing; the message goes without it.",
        "Look in docs/csv-columns.md for what it needs; enter that in the EHR too.",
        counts_in_strict=False,
    ),
)
