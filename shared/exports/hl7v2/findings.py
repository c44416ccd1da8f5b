"""The findings of the HL7 v2 reader about messages, segments and batches, beside those of all readers (`findings`)."""

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
        "The message is not a VXU, so it reports no vaccination.",
        "Export VXU messages only, without acknowledgments and queries.",
        _SETUP,
    ),
    Check(
        "MESSAGE-WITHOUT-DOSE",
        _E,
        "RXA",
        "The VXU has no RXA segment, so there is no vaccination to report.",
        "Nothing if only the patient's data changed; otherwise check the export job.",
        _SETUP,
    ),
    Check(
        "MESSAGE-WITHOUT-MSH",
        _E,
        "MSH",
        "The text comes before the first MSH segment, so it belongs to no message.",
        "Store the whole file again; if it begins the same way, check the export job.",
        _SETUP,
    ),
    Check(
        "MESSAGE-UNREADABLE",
        _E,
        "MSH-2",
        "The MSH segment does not name the delimiters, so the message cannot be read.",
        "Have the EHR send MSH-1 and MSH-2 (|^~\\&), and export the message again.",
        _SETUP,
    ),
    Check(
        "SEGMENT-HUGE",
        _E,
        "",
        "A segment of the message is longer than 131,072 characters.",
        "Check the export: a field holds a document, or segments have no line ends.",
    ),
    Check(
        "MESSAGE-HUGE",
        _E,
        "",
        "The message is longer than 16 MiB, or its patient's segments than 131,072 characters.",
        "Check the export job: a message should be about one patient.",
    ),
    Check(
        "MESSAGE-LINE-BROKEN",
        _W,
        "",
        "A value of the message is broken over several lines; it was joined again.",
        "Have the EHR write line breaks within a value as \\.br\\.",
        _SETUP,
    ),
    Check(
        "FILE-BATCH-COUNT",
        _E,
        "BTS-1",
        "The batch has more or fewer messages than its BTS segment says; those in the file were read.",
        "Store the whole file again; if it is complete, check the export job.",
        _SETUP,
    ),
    Check(
        "FILE-BATCH-OPEN",
        _E,
        "",
        "The batch or file ends without a BTS or FTS segment, so it may be cut off.",
        "Store the whole file again; rows that were read before count as unchanged.",
        _SETUP,
    ),
    Check(
        "ESCAPE-UNKNOWN",
        _W,
        "",
        "A text has an escape that HL7 leaves to the sender (another character set, \\Z..\\); it is sent as it stands.",
        "Look at the value; have the EHR write the characters themselves, in UTF-8.",
        _SETUP,
    ),
    Check(
        "MESSAGE-XML-ESCAPED",
        _W,
        "MSH-2",
        "The message was escaped for XML (&amp; for &); it was read without these escapes.",
        "Have the interface write HL7 as it is, without XML's escapes.",
        _SETUP,
    ),
    Check(
        "MESSAGE-IS-TEST",
        _E,
        "MSH-11",
        "The message says that it is no production data (MSH-11 T or D).",
        "Have the EHR send P for real patients; leave test messages out of the export.",
        _SETUP,
    ),
    Check(
        "OBSERVATIONS-DIFFER",
        _E,
        "OBX",
        "A dose has two eligibilities, or two funding sources, that differ.",
        "Correct the dose in the EHR, so that it has one of each.",
    ),
    Check(
        "OBSERVATION-WITHDRAWN",
        _W,
        "OBX-11",
        "An observation was deleted or is wrong (OBX-11 D, W, X); the message goes without it.",
        "Nothing to do.",
        counts_in_strict=False,
    ),
    Check(
        "CODE-READ-BY-TEXT",
        _W,
        "",
        "The code is not in the table that the message names for it, but its text is; the text counts.",
        "Have the EHR send the code of the table.",
        _SETUP,
        counts_in_strict=False,
    ),
    Check(
        "ORDER-ID-SHARED",
        _W,
        "ORC-3",
        "One message gives several vaccinations the same order number; each gets an id of its own.",
        "Have the EHR send a different number for each vaccination in ORC-3.",
        _SETUP,
    ),
    Check(
        "PROVIDER-ID-LEFT-OUT",
        _W,
        "",
        "A provider's id has no authority or type; the message is sent without the id.",
        "Have the EHR send NPIs, or authority (component 9) and type (component 13) with other ids.",
        _SETUP,
    ),
    Check(
        "OBSERVATION-LEFT-OUT",
        _W,
        "OBX",
        "An observation is not one that is reported; it is left out.",
        "Nothing, unless the registry asks for it.",
        _SETUP,
    ),
)
