"""What the reader of HL7 v2 can notice beside what any reader can (`findings`): messages, segments and batches."""

from __future__ import annotations

from typing import Final

from shared.domain.checks import Check, Severity, Who

_E, _W = Severity.ERROR, Severity.WARNING
_SETUP = Who.SETUP

TABLE: Final[tuple[Check, ...]] = (
    Check(
        "MESSAGE-NOT-VXU",
        _E,
        "MSH-9",
        "The message is no VXU, so it tells of no vaccination.",
        "Export VXU messages only; answers and queries do not belong in the inbox.",
        _SETUP,
    ),
    Check(
        "MESSAGE-WITHOUT-DOSE",
        _E,
        "RXA",
        "The VXU holds no RXA segment: there is no vaccination to report.",
        "Nothing to do where only the patient's data changed; else look at the export job.",
        _SETUP,
    ),
    Check(
        "MESSAGE-WITHOUT-MSH",
        _E,
        "MSH",
        "The text stands before the first MSH segment, so nobody knows which message it is of.",
        "Store the whole file again; look at the export job if it still begins so.",
        _SETUP,
    ),
    Check(
        "MESSAGE-UNREADABLE",
        _E,
        "MSH-2",
        "The MSH segment does not name its delimiters, so no field of the message can be told.",
        "Let the EHR send MSH-1 and MSH-2 (|^~\\&), and export the message again.",
        _SETUP,
    ),
    Check(
        "SEGMENT-HUGE",
        _E,
        "",
        "A segment of the message is longer than 131,072 characters.",
        "Look at the export: a document stands in a field, or the segments are not separated by line ends.",
    ),
    Check(
        "MESSAGE-HUGE",
        _E,
        "",
        "The message is longer than 16 MiB, or its patient's segments than 131,072 characters.",
        "Look at the export job: a message should be about one patient.",
    ),
    Check(
        "MESSAGE-LINE-BROKEN",
        _W,
        "",
        "A value of the message is broken over lines; it was put together again.",
        "Let the EHR write line breaks within a value as \\.br\\.",
        _SETUP,
    ),
    Check(
        "FILE-BATCH-COUNT",
        _E,
        "BTS-1",
        "The batch holds another number of messages than its BTS segment says; those that are there were read.",
        "Store the whole file again; if it is whole, look at the export job.",
        _SETUP,
    ),
    Check(
        "FILE-BATCH-OPEN",
        _E,
        "",
        "The batch or file ends without its BTS or FTS segment: it may have been cut off.",
        "Store the whole file again; the rows that were read already count as unchanged.",
        _SETUP,
    ),
    Check(
        "TEXT-ENCODED-TWICE",
        _W,
        "",
        "Text of the message was encoded twice as UTF-8; it was put right.",
        "Look at the value; the interface that writes the file should encode it once.",
        _SETUP,
    ),
    Check(
        "TEXT-LOST",
        _E,
        "",
        "Characters were lost before the file was stored: a replacement character stands in their place.",
        "Export the message again as UTF-8.",
        _SETUP,
    ),
    Check(
        "ORDER-ID-SHARED",
        _W,
        "ORC-3",
        "One message gives several vaccinations the same order number; each gets an id of its own instead.",
        "Let the EHR send a number of its own for each vaccination in ORC-3.",
        _SETUP,
    ),
    Check(
        "PROVIDER-ID-LEFT-OUT",
        _W,
        "",
        "A provider's id comes without the authority or kind that it needs; the message goes without the id.",
        "Let the EHR send NPIs, or authority (component 9) and type (component 13) with other ids.",
        _SETUP,
    ),
    Check(
        "OBSERVATION-LEFT-OUT",
        _W,
        "OBX",
        "An observation is not among those that are reported (reaction, contraindication); it stays out.",
        "Nothing to do, unless the registry asks for it.",
        _SETUP,
    ),
    Check(
        "IMMUNITY-NOT-READ",
        _E,
        "OBX",
        "The message tells of immunity by disease, which is not read; without it it would say something else.",
        "Report the immunity in the IIS's own screens.",
        _SETUP,
    ),
)
