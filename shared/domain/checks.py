"""The table of checks of a visit: what is wrong, how to fix it and who can. `visit_checks` has the rule of each row.

An error holds the submission; a warning is kept with it and it is sent. Sources: National IG R1.5 usage tables (R, RE,
C) and conformance statements IZ-nn; Connecticut's rule on eligibility and funding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.codes.cdc import rules


class Severity(StrEnum):
    """An error holds the submission, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Who(StrEnum):
    """Who can fix it."""

    EHR = "clinic EHR"
    CODE_MAP = "code map"
    SETUP = "set-up"
    HELP_DESK = "IIS help desk"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a table of checks.

    Attributes:
        code: The code of its findings.
        severity: Whether a finding holds the submission.
        path: The HL7 field that it is about; empty if the finding names it.
        words: What is wrong, for the analyst.
        fix: What to do, for the analyst.
        who: Who can do it.
        counts_in_strict: As a warning it holds a submission of a strict source. Not so for optional fields.
    """

    code: str
    severity: Severity
    path: str
    words: str
    fix: str
    who: Who = Who.EHR
    counts_in_strict: bool = True


_E, _W = Severity.ERROR, Severity.WARNING

TABLE: Final[tuple[Check, ...]] = (
    Check(
        "CLINIC-UNKNOWN",
        _E,
        "MSH-22",
        "The export names a clinic that clinics.toml does not know.",
        "Add the name to `export_names` of its clinic in clinics.toml, push it, then resubmit.",
        Who.SETUP,
    ),
    Check(
        "SECOND-OPINION",
        _E,
        "MSH",
        "hl7apy, a second implementation of HL7, does not read this file's messages as vaxline built them.",
        "A fault of vaxline: report it with the MSH-10. The rest of the file is held so that nothing wrong is sent.",
        Who.HELP_DESK,
    ),
    Check(
        "CODE-UNMAPPED",
        _E,
        "",
        "A local code of the EHR that no map of clinics.toml has, in a field that matters.",
        "Map it once in clinics.toml (`vaxline codes unmapped` prints the line), push it, then resubmit this cause.",
        Who.CODE_MAP,
    ),
    Check(
        "LOT-CONTRADICTS",
        _W,
        "RXA-15",
        "The export and the lot inventory of clinics.toml differ about the lot; the export's values are sent.",
        "Find out which is right, and correct the EHR or the inventory.",
        Who.CODE_MAP,
    ),
    Check(
        "PATIENT-ID-MISSING",
        _E,
        "PID-3",
        "The patient has no medical record number.",
        "Enter it in the EHR and export the row again.",
    ),
    Check(
        "PATIENT-NAME-MISSING",
        _E,
        "PID-5",
        "The patient's last or first name is missing.",
        "Enter both names in the EHR and export the row again.",
    ),
    Check(
        "PATIENT-NAME-LONG",
        _E,
        "PID-5",
        "A name is longer than HL7 allows (last name 50, others 30 characters).",
        "Shorten it in the EHR; look for notes in the name field.",
    ),
    Check(
        "PATIENT-NAME-PLACEHOLDER",
        _E,
        "PID-5",
        "The name stands for a newborn without name (BABY BOY) or a test patient (ZZTEST), which CT WiZ refuses.",
        "Enter the legal name in the EHR and export the row again; leave test patients out of the export.",
    ),
    Check(
        "BIRTH-DATE-MISSING",
        _E,
        "PID-7",
        "The patient's birth date is missing.",
        "Enter it in the EHR and export the row again.",
    ),
    Check(
        "BIRTH-DATE-FUTURE",
        _E,
        "PID-7",
        "The patient's birth date lies in the future.",
        "Correct it in the EHR and export the row again.",
    ),
    Check("SEX-MISSING", _E, "PID-8", "The patient's sex is missing.", "Enter it in the EHR; U where it is unknown."),
    Check(
        "DEATH-BEFORE-BIRTH",
        _E,
        "PID-29",
        "The patient's death date is before the birth date.",
        "Correct the dates in the EHR.",
    ),
    Check(
        "DEATH-CONTRADICTS",
        _W,
        "PID-30",
        "The patient has a death date and is called not deceased; the message goes without both.",
        "Correct one of the two in the EHR.",
    ),
    Check("RACE-MISSING", _W, "PID-10", "The patient's race is missing.", "Ask for it at the next visit."),
    Check("ETHNICITY-MISSING", _W, "PID-22", "The patient's ethnicity is missing.", "Ask for it at the next visit."),
    Check("ADDRESS-MISSING", _W, "PID-11", "The patient's address is missing.", "Enter it in the EHR."),
    Check(
        "GUARDIAN-MISSING",
        _W,
        "NK1-2",
        "A minor without parent or guardian.",
        "Enter the mother or guardian in the EHR.",
    ),
    Check(
        "RELATIVE-LEFT-OUT",
        _W,
        "NK1-3",
        "A relative without first or last name, or without a relationship that the IIS knows; the message goes without "
        "that relative.",
        "Enter name and relationship in the EHR, or map the EHR's word with `codes.relationship` in clinics.toml.",
        counts_in_strict=False,
    ),
    Check(
        "CONTROL-CHARACTER",
        _E,
        "PID",
        "A text holds control characters, which XML and HL7 cannot carry.",
        "Retype the field in the EHR; it was often pasted from a document.",
    ),
    Check("DOSE-MISSING", _E, "RXA", "The visit has no dose.", "Export the vaccination with its patient."),
    Check(
        "DOSE-DATE-MISSING",
        _E,
        "RXA-3",
        "The date of the dose is missing.",
        "Enter it in the EHR and export the row again.",
    ),
    Check(
        "DOSE-IN-FUTURE",
        _E,
        "RXA-3",
        "The date of the dose lies in the future.",
        "Correct the date in the EHR; scheduled doses are not reported.",
    ),
    Check(
        "DOSE-BEFORE-BIRTH",
        _E,
        "RXA-3",
        "The date of the dose is before the patient's birth.",
        "Correct the birth date or the dose date in the EHR.",
    ),
    Check(
        "DOSE-AFTER-DEATH",
        _E,
        "RXA-3",
        "The date of the dose is after the patient's death.",
        "Correct the death date or the dose date in the EHR.",
    ),
    Check(
        "VACCINE-MISSING",
        _E,
        "RXA-5",
        "The dose names no vaccine that vaxline understands (CVX).",
        "Map the vaccine to a CVX code in the EHR's export.",
        Who.CODE_MAP,
    ),
    Check(
        "VACCINE-MALFORMED",
        _E,
        "RXA-5",
        "The vaccine code is not a CVX code (2 or 3 digits).",
        "Map the vaccine to a CVX code in the EHR's export.",
        Who.CODE_MAP,
    ),
    Check(
        "SOURCE-MISSING",
        _E,
        "RXA-9",
        "The export does not state whether the dose was given here or is historical.",
        "Export NIP001: 00 for given here, 01 to 08 for historical.",
    ),
    Check(
        "LOT-MISSING",
        _E,
        "RXA-15",
        "A dose given here has no lot number.",
        "Enter the lot in the EHR; if the dose was given elsewhere, mark it historical.",
    ),
    Check(
        "LOT-LONG",
        _E,
        "RXA-15",
        "The lot number is longer than 20 characters.",
        "Enter the lot alone, without vaccine name or notes.",
    ),
    Check(
        "MANUFACTURER-MISSING",
        _E,
        "RXA-17",
        "A dose given here has no manufacturer (MVX).",
        "Enter the manufacturer in the EHR.",
        Who.CODE_MAP,
    ),
    Check(
        "EXPIRY-BEFORE-DOSE",
        _W,
        "RXA-16",
        "The lot had expired when the dose was given.",
        "Check lot, expiry and date; if true, the clinic may need to revaccinate.",
    ),
    Check(
        "AMOUNT-MALFORMED", _E, "RXA-6", "The amount is not a number.", "Export the amount and its unit in two columns."
    ),
    Check("UNITS-MISSING", _E, "RXA-7", "An amount without its unit.", "Export the unit (mL)."),
    Check(
        "ELIGIBILITY-MISSING",
        _E,
        "OBX-5 (64994-7)",
        "A dose given here without funding eligibility; CT WiZ asks for it at every age.",
        "Enter the eligibility at the dose, or give the source a default in clinics.toml.",
    ),
    Check(
        "FUNDING-MISSING",
        _E,
        "OBX-5 (30963-3)",
        "A dose given here without funding source; CT WiZ asks for it at every age.",
        "Enter the stock it came from, or give the source a default in clinics.toml.",
    ),
    Check(
        "ELIGIBILITY-AGE",
        _W,
        "OBX-5 (64994-7)",
        "A VFC eligibility (V02 to V07) at a dose of somebody of 19 or older; VFC ends at the 19th birthday.",
        "Correct the eligibility at the dose: V01, or V00 where it was not asked.",
    ),
    Check(
        "ELIGIBILITY-AND-STOCK",
        _W,
        "OBX-5 (30963-3)",
        "A dose of VFC stock (VXC51) for somebody who is not VFC eligible (V01).",
        "Correct the eligibility, or the stock that the dose came from.",
    ),
    Check(
        "VIS-WITHOUT-DATE",
        _E,
        "OBX-5 (29769-7)",
        "A Vaccine Information Statement without the date it was handed out.",
        "Export the date, or leave the statement out.",
    ),
    Check(
        "VIS-BEFORE-EDITION",
        _W,
        "OBX-5 (29769-7)",
        "A Vaccine Information Statement was handed out before this edition of it was published.",
        "Correct the edition, or the date on which it was handed out.",
    ),
    Check(
        "VIS-AFTER-DOSE",
        _W,
        "OBX-5 (29769-7)",
        "A Vaccine Information Statement was handed out after the dose was given.",
        "Correct the date on which it was handed out.",
    ),
    Check("ROUTE-MISSING", _W, "RXR-1", "A dose given here without route.", "Enter the route in the EHR."),
    Check(
        "REFUSAL-REASON-MISSING",
        _E,
        "RXA-18",
        "A refusal without its reason.",
        "Enter the reason (NIP002: parent, religion, other, patient).",
    ),
    Check(
        "REFUSAL-REASON-AND-GIVEN",
        _E,
        "RXA-18",
        "A dose that was given has the reason of a refusal.",
        "Correct the completion status, or remove the reason.",
    ),
    Check(
        "NO-VACCINE-WITHOUT-OBSERVATION",
        _E,
        "RXA-5",
        "CVX 998 (no vaccine administered) without an observation that says why (immunity, contraindication).",
        "Export the immunity or the contraindication with it, or leave the record out.",
    ),
    Check(
        "NOT-GIVEN-WITH-DETAILS",
        _W,
        "RXA",
        "A refused or not administered dose names an amount, route, site, expiry or manufacturer; they are left out.",
        "Correct the completion status if the dose was given; else leave them out of the export.",
        counts_in_strict=False,
    ),
    Check(
        "REFUSAL-WITH-LOT",
        _E,
        "RXA-15",
        "A refused or not administered dose names a lot.",
        "Remove the lot, or correct the completion status.",
    ),
    Check("PROVIDER-ID-LONG", _E, "RXA-10", "A provider's id is longer than 15 characters.", "Export the NPI."),
    Check(
        "COUNTRY-MALFORMED",
        _W,
        "PID-11",
        "A country that is not one of the three-letter ISO 3166 codes.",
        "Export USA, CAN, …",
    ),
)

# Findings by CDC's tables are errors if no IIS can know the code, otherwise warnings.
_UNKNOWN_TO_EVERY_IIS: Final = frozenset(
    {
        "CVX-UNKNOWN",
        "CVX-RESERVED",
        "CVX-NO-VACCINE",
        "CVX-UNKNOWN-VACCINE-GIVEN",
        "CVX-NEVER-ACTIVE",
        "MVX-UNKNOWN",
    }
)
# Our tables are to blame, not the clinic's data.
_NEWER_THAN_OUR_TABLES: Final = frozenset({"CVX-NEWER", "MVX-NEWER", "NDC-UNKNOWN"})
TABLE_OF_CODES: Final[tuple[Check, ...]] = tuple(
    Check(
        rule.code,
        _E if rule.code in _UNKNOWN_TO_EVERY_IIS else _W,
        rule.path,
        rule.words,
        rule.fix,
        Who.CODE_MAP,
        counts_in_strict=rule.code not in _NEWER_THAN_OUR_TABLES,
    )
    for rule in rules.RULES
)

NEEDED_TO_DELETE: Final = frozenset({"DOSE-DATE-MISSING", "VACCINE-MISSING", "VACCINE-MALFORMED", "CONTROL-CHARACTER"})
"""The checks of a dose that a deletion has to pass too: without them there is no message.

The others are about giving a dose. The date of a deletion may even be before the patient's birth: that may be the
reason for it, and AIRA-DV-BR-101 allows it.
"""

BY_CODE: Final[dict[str, Check]] = {check.code: check for check in (*TABLE, *TABLE_OF_CODES)}
"""The checks of `visit_checks` by their codes."""
