"""What is checked before a message leaves: one table of rows that say what is wrong, how to fix it and who can.

`TABLE` holds the words; `PATIENT_RULES` and `DOSE_RULES` the test of each row over the domain record, where the value
is still the one the analyst knows. An error holds the submission, a warning is kept with it and sent. Sources: National
IG R1.5 usage tables (R, RE, C) and conformance statements IZ-nn; Connecticut's own rule on eligibility and funding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.codes import tables
from shared.domain.codes.cdc import rules
from shared.domain.model import Completion, Dose, Finding, Patient, Visit


class Severity(StrEnum):
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
    """One row: `path` is the HL7 field that it speaks of, `words` and `fix` are for the analyst.

    A strict source is held for a warning that `counts_in_strict`: not for a field that may be empty and is.
    """

    code: str
    severity: Severity
    path: str
    words: str
    fix: str
    who: Who = Who.EHR
    counts_in_strict: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know beside the record: the day (`YYYYMMDD`)."""

    today: str


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
        "A code of the EHR's own that matters, and that no map of clinics.toml has.",
        "Map it once in clinics.toml (`vaxline codes unmapped` prints the line), push it, then resubmit this cause.",
        Who.CODE_MAP,
    ),
    Check(
        "LOT-CONTRADICTS",
        _W,
        "RXA-15",
        "The export and the lot inventory of clinics.toml say different things about the lot; the export's is sent.",
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
        "It is not said whether the dose was given here or is historical.",
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
    Check("ROUTE-MISSING", _W, "RXR-1", "A dose given here without route.", "Enter the route in the EHR."),
    Check(
        "REFUSAL-REASON-MISSING",
        _E,
        "RXA-18",
        "A refusal without its reason.",
        "Enter the reason (NIP002: parent, religion, other, patient).",
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
        "COUNTRY-MALFORMED", _W, "PID-11", "A country that is not a three-letter ISO 3166 code.", "Export USA, CAN, …"
    ),
)

# What CDC's tables say of vaccine, manufacturer and package: an error where no IIS can know the code either.
_UNKNOWN_TO_EVERY_IIS: Final = frozenset(
    {"CVX-UNKNOWN", "CVX-RESERVED", "CVX-NO-VACCINE", "CVX-NEVER-ACTIVE", "MVX-UNKNOWN"}
)
TABLE_OF_CODES: Final[tuple[Check, ...]] = tuple(
    Check(rule.code, _E if rule.code in _UNKNOWN_TO_EVERY_IIS else _W, rule.path, rule.words, rule.fix, Who.CODE_MAP)
    for rule in rules.RULES
)

BY_CODE: Final[dict[str, Check]] = {check.code: check for check in (*TABLE, *TABLE_OF_CODES)}

_CVX = re.compile(r"\d{2,3}")
_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")
_XML_CANNOT_CARRY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ADULT_AT: Final = 18


_VFC_ENDS_AT: Final = 19


def _when(bad: bool, value: str = "") -> str | None:
    return value if bad else None


def _is_younger(patient: Patient, years: int, date: str) -> bool | None:
    """Whether the patient was younger on a day; None where birth date or day are not whole."""
    if not _is_date(patient.birth_date) or not _is_date(date):
        return None
    return int(date) - int(patient.birth_date) < years * 10_000


def _is_date(text: str) -> bool:
    return len(text) == 8 and text.isdigit()


def _texts(patient: Patient) -> str:
    name = patient.name
    address = patient.addresses[0] if patient.addresses else None
    parts = [patient.mrn, name.family, name.given, name.middle, name.suffix, patient.mothers_maiden_name]
    if address is not None:
        parts += [address.street, address.other, address.city]
    return " ".join(parts)


# Each rule returns the offending value ("" where something is missing), or None where all is well.
PatientRule = Callable[[Patient, Context], str | None]
DoseRule = Callable[[Dose, Patient, Context], str | None]

PATIENT_RULES: Final[tuple[tuple[str, PatientRule], ...]] = (
    ("PATIENT-ID-MISSING", lambda p, c: _when(not p.mrn)),
    ("PATIENT-NAME-MISSING", lambda p, c: _when(not p.name.family or not p.name.given)),
    (
        "PATIENT-NAME-LONG",
        lambda p, c: _when(len(p.name.family) > 50 or len(p.name.given) > 30 or len(p.name.middle) > 30, p.name.family),
    ),
    ("BIRTH-DATE-MISSING", lambda p, c: _when(not p.birth_date)),
    ("BIRTH-DATE-FUTURE", lambda p, c: _when(p.birth_date > c.today, p.birth_date)),
    ("SEX-MISSING", lambda p, c: _when(not p.sex)),
    (
        "DEATH-BEFORE-BIRTH",
        lambda p, c: _when(p.death_date != "" and p.death_date[:8] < p.birth_date, p.death_date),
    ),
    ("RACE-MISSING", lambda p, c: _when(not p.races)),
    ("ETHNICITY-MISSING", lambda p, c: _when(not p.ethnicity)),
    ("ADDRESS-MISSING", lambda p, c: _when(not p.addresses)),
    ("GUARDIAN-MISSING", lambda p, c: _when(bool(_is_younger(p, ADULT_AT, c.today)) and not p.next_of_kin)),
    ("CONTROL-CHARACTER", lambda p, c: _when(_XML_CANNOT_CARRY.search(_texts(p)) is not None)),
    (
        "COUNTRY-MALFORMED",
        lambda p, c: next((a.country for a in p.addresses if a.country and len(a.country) != 3), None),
    ),
)

DOSE_RULES: Final[tuple[tuple[str, DoseRule], ...]] = (
    ("DOSE-DATE-MISSING", lambda d, p, c: _when(not d.date)),
    ("DOSE-IN-FUTURE", lambda d, p, c: _when(d.date > c.today, d.date)),
    ("DOSE-BEFORE-BIRTH", lambda d, p, c: _when(d.date != "" and d.date < p.birth_date, d.date)),
    (
        "DOSE-AFTER-DEATH",
        lambda d, p, c: _when(p.death_date != "" and d.is_given and d.date > p.death_date[:8], d.date),
    ),
    ("VACCINE-MISSING", lambda d, p, c: _when(not d.vaccine)),
    (
        "VACCINE-MALFORMED",
        lambda d, p, c: _when(bool(d.vaccine) and not _CVX.fullmatch(d.vaccine.code), d.vaccine.code),
    ),
    ("SOURCE-MISSING", lambda d, p, c: _when(d.is_given and not d.information_source)),
    ("LOT-MISSING", lambda d, p, c: _when(d.is_administered_here and not d.lot)),
    ("LOT-LONG", lambda d, p, c: _when(len(d.lot) > 20, d.lot)),
    ("MANUFACTURER-MISSING", lambda d, p, c: _when(d.is_administered_here and not d.manufacturer)),
    (
        "EXPIRY-BEFORE-DOSE",
        lambda d, p, c: _when(
            d.expiry != "" and d.is_administered_here and d.expiry < d.date[: len(d.expiry)], d.expiry
        ),
    ),
    ("AMOUNT-MALFORMED", lambda d, p, c: _when(d.amount != "" and not _NUMBER.fullmatch(d.amount), d.amount)),
    ("UNITS-MISSING", lambda d, p, c: _when(d.amount not in ("", "999") and not d.units, d.amount)),
    ("ELIGIBILITY-MISSING", lambda d, p, c: _when(d.is_administered_here and not d.eligibility)),
    ("FUNDING-MISSING", lambda d, p, c: _when(d.is_administered_here and not d.funding_source)),
    (
        "ELIGIBILITY-AGE",
        lambda d, p, c: _when(
            d.is_administered_here
            and d.eligibility.code in tables.VFC_ELIGIBLE
            and _is_younger(p, _VFC_ENDS_AT, d.date) is False,
            d.eligibility.code,
        ),
    ),
    (
        "ELIGIBILITY-AND-STOCK",
        lambda d, p, c: _when(
            d.is_administered_here
            and d.eligibility.code == tables.NOT_VFC_ELIGIBLE
            and d.funding_source.code == tables.VFC_STOCK,
            d.funding_source.code,
        ),
    ),
    (
        "VIS-WITHOUT-DATE",
        lambda d, p, c: next((v.document or v.vaccine.code for v in d.vis if not v.presented), None),
    ),
    ("ROUTE-MISSING", lambda d, p, c: _when(d.is_administered_here and not d.route)),
    (
        "REFUSAL-REASON-MISSING",
        lambda d, p, c: _when(d.completion is Completion.REFUSED and not d.refusal_reason),
    ),
    ("REFUSAL-WITH-LOT", lambda d, p, c: _when(not d.is_given and d.lot != "", d.lot)),
    (
        "PROVIDER-ID-LONG",
        lambda d, p, c: next((x.id for x in (d.administered_by, d.ordered_by, d.entered_by) if len(x.id) > 15), None),
    ),
    ("CONTROL-CHARACTER", lambda d, p, c: _when(_XML_CANNOT_CARRY.search(d.lot + d.comment + d.id) is not None)),
)


def check(visit: Visit, context: Context) -> tuple[Finding, ...]:
    """Runs every rule over a visit. Dates compare as texts because HL7 DT sorts as it reads.

    Findings about the patient name the visit's first row, findings about a dose its own.
    """
    first_row = visit.rows[0][1] if visit.rows else 0
    patient = visit.patient
    found = [
        Finding(code, BY_CODE[code].path, first_row, value=value)
        for code, rule in PATIENT_RULES
        if (value := rule(patient, context)) is not None
    ]
    if not visit.doses:
        found.append(Finding("DOSE-MISSING", "RXA", first_row))
    for dose in visit.doses:
        for code, rule_of_dose in DOSE_RULES:
            value = rule_of_dose(dose, patient, context)
            if value is not None:
                found.append(Finding(code, BY_CODE[code].path, dose.row, value=value, dose_id=dose.id))
        found += _codes_together(dose)
    return tuple(found)


def _codes_together(dose: Dose) -> list[Finding]:
    """What CDC's tables hold against the codes of a dose that was given."""
    if not dose.is_given or not dose.vaccine:
        return []
    given = rules.Given(
        dose.vaccine.code, dose.manufacturer.code, dose.ndc, dose.date, administered=dose.is_administered_here
    )
    return [
        Finding(broken.rule.code, broken.rule.path, dose.row, value=broken.value, dose_id=dose.id)
        for broken in rules.broken(given)
    ]
