"""The rules of the checks in `checks.TABLE`, over the domain record, in which values are still those of the export."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from shared.domain.checks import BY_CODE, NEEDED_TO_DELETE, Severity
from shared.domain.codes import cdc, tables
from shared.domain.codes.cdc import rules
from shared.domain.codes.countries import COUNTRIES
from shared.domain.model import NO_CODE, Action, Completion, Dose, Finding, Name, Patient, Vis, Visit

_CVX = re.compile(r"\d{2,3}")
_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")
_XML_CANNOT_CARRY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ADULT_AT: Final = 18
_VFC_ENDS_AT: Final = 19


def _when(bad: bool, value: str = "") -> str | None:
    return value if bad else None


def _is_younger(patient: Patient, years: int, date: str) -> bool | None:
    """Whether the patient was younger on a day; None if the birth date or the day is incomplete."""
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


# Words that CT WiZ does not take as a name. A name that only looks odd (Baby, Boy) may be somebody's.
_NEWBORN: Final = re.compile(
    r"new ?born\b.*|(?:baby|bb|infant|nb) ?(?:boy|girl|male|female)\b.*|(?:boy|girl|male|female) (?:\d|[a-z])",
    re.IGNORECASE,
)
_TEST: Final = re.compile(r"[zx]{0,4} ?test(?:ing)?(?: ?(?:patient|pt))? ?\d*", re.IGNORECASE)


def _placeholder(name: Name) -> str | None:
    """A name that stands for no person; None for any other."""
    for text in (name.given, name.family):
        # Most names are one word that does not begin so.
        if text[:1] in _FIRST_LETTERS:
            plain = " ".join(re.sub(r"[\W_]+", " ", text).split())
            if _NEWBORN.fullmatch(plain) or _TEST.fullmatch(plain):
                return text
    return None


_FIRST_LETTERS: Final = frozenset("bBiInNfFgGmMtTxXzZ*")


def _vis(dose: Dose) -> tuple[Vis, ...]:
    """The statements that are sent, with the day on which they were handed out."""
    if not dose.vis or not dose.is_administered_here:
        return ()
    return tuple(vis for vis in dose.vis if vis.presented)


def _edition(vis: Vis) -> str:
    """The edition date of a statement, if it or CDC's table has one."""
    if vis.edition or not vis.document:
        return vis.edition
    statement = cdc.vis(vis.document)
    return statement.edition if statement is not None else ""


def _details(dose: Dose) -> str | None:
    """A value that only a dose that was given can have; None if there is none."""
    amount = "" if dose.amount == "999" else dose.amount
    values = (amount, dose.route.code, dose.site.code, dose.expiry, dose.manufacturer.code)
    return ", ".join(filter(None, values)) or None


PatientRule = Callable[[Patient, str], str | None]
"""Takes a patient and today; returns the value that breaks the rule ("" if it is missing), or None."""
DoseRule = Callable[[Dose, Patient, str], str | None]
"""The same of a dose."""

PATIENT_RULES: Final[tuple[tuple[str, PatientRule], ...]] = (
    ("PATIENT-ID-MISSING", lambda p, today: _when(not p.mrn)),
    ("PATIENT-NAME-MISSING", lambda p, today: _when(not p.name.family or not p.name.given)),
    (
        "PATIENT-NAME-LONG",
        lambda p, today: _when(
            len(p.name.family) > 50 or len(p.name.given) > 30 or len(p.name.middle) > 30, p.name.family
        ),
    ),
    ("PATIENT-NAME-PLACEHOLDER", lambda p, today: _placeholder(p.name)),
    ("BIRTH-DATE-MISSING", lambda p, today: _when(not p.birth_date)),
    ("BIRTH-DATE-FUTURE", lambda p, today: _when(p.birth_date > today, p.birth_date)),
    ("SEX-MISSING", lambda p, today: _when(not p.sex)),
    (
        "DEATH-BEFORE-BIRTH",
        lambda p, today: _when(p.death_date != "" and p.death_date[:8] < p.birth_date, p.death_date),
    ),
    ("DEATH-CONTRADICTS", lambda p, today: _when(p.death_date != "" and p.death_indicator == "N", p.death_date)),
    ("RACE-MISSING", lambda p, today: _when(not p.races)),
    ("ETHNICITY-MISSING", lambda p, today: _when(not p.ethnicity)),
    ("ADDRESS-MISSING", lambda p, today: _when(not p.addresses)),
    (
        "GUARDIAN-MISSING",
        lambda p, today: _when(
            bool(_is_younger(p, ADULT_AT, today)) and not any(kin.is_whole for kin in p.next_of_kin)
        ),
    ),
    ("RELATIVE-LEFT-OUT", lambda p, today: next((str(kin) for kin in p.next_of_kin if not kin.is_whole), None)),
    ("CONTROL-CHARACTER", lambda p, today: _when(_XML_CANNOT_CARRY.search(_texts(p)) is not None)),
    (
        "COUNTRY-MALFORMED",
        lambda p, today: next((a.country for a in p.addresses if a.country and a.country not in COUNTRIES), None),
    ),
)

DOSE_RULES: Final[tuple[tuple[str, DoseRule], ...]] = (
    ("DOSE-DATE-MISSING", lambda d, p, today: _when(not d.date)),
    ("DOSE-IN-FUTURE", lambda d, p, today: _when(d.date > today, d.date)),
    ("DOSE-BEFORE-BIRTH", lambda d, p, today: _when(d.date != "" and d.date < p.birth_date, d.date)),
    (
        "DOSE-AFTER-DEATH",
        lambda d, p, today: _when(p.death_date != "" and d.is_given and d.date > p.death_date[:8], d.date),
    ),
    ("VACCINE-MISSING", lambda d, p, today: _when(not d.vaccine)),
    (
        "VACCINE-MALFORMED",
        lambda d, p, today: _when(bool(d.vaccine) and not _CVX.fullmatch(d.vaccine.code), d.vaccine.code),
    ),
    ("SOURCE-MISSING", lambda d, p, today: _when(d.is_given and not d.information_source)),
    ("LOT-MISSING", lambda d, p, today: _when(d.is_administered_here and not d.lot)),
    ("LOT-LONG", lambda d, p, today: _when(len(d.lot) > 20, d.lot)),
    ("MANUFACTURER-MISSING", lambda d, p, today: _when(d.is_administered_here and not d.manufacturer)),
    (
        "EXPIRY-BEFORE-DOSE",
        lambda d, p, today: _when(
            d.expiry != "" and d.is_administered_here and d.expiry < d.date[: len(d.expiry)], d.expiry
        ),
    ),
    ("AMOUNT-MALFORMED", lambda d, p, today: _when(d.amount != "" and not _NUMBER.fullmatch(d.amount), d.amount)),
    ("UNITS-MISSING", lambda d, p, today: _when(d.amount not in ("", "999") and not d.units, d.amount)),
    ("ELIGIBILITY-MISSING", lambda d, p, today: _when(d.is_administered_here and not d.eligibility)),
    ("FUNDING-MISSING", lambda d, p, today: _when(d.is_administered_here and not d.funding_source)),
    (
        "ELIGIBILITY-AGE",
        lambda d, p, today: _when(
            d.is_administered_here
            and d.eligibility.code in tables.VFC_ELIGIBLE
            and _is_younger(p, _VFC_ENDS_AT, d.date) is False,
            d.eligibility.code,
        ),
    ),
    (
        "ELIGIBILITY-AND-STOCK",
        lambda d, p, today: _when(
            d.is_administered_here
            and d.eligibility.code == tables.NOT_VFC_ELIGIBLE
            and d.funding_source.code == tables.VFC_STOCK,
            d.funding_source.code,
        ),
    ),
    (
        "VIS-WITHOUT-DATE",
        lambda d, p, today: next((v.document or v.vaccine.code for v in d.vis if not v.presented), None),
    ),
    (
        "VIS-BEFORE-EDITION",
        lambda d, p, today: next((v.presented for v in _vis(d) if v.presented < _edition(v)), None),
    ),
    ("VIS-AFTER-DOSE", lambda d, p, today: next((v.presented for v in _vis(d) if v.presented > d.date), None)),
    ("ROUTE-MISSING", lambda d, p, today: _when(d.is_administered_here and not d.route)),
    (
        "REFUSAL-REASON-MISSING",
        lambda d, p, today: _when(d.completion is Completion.REFUSED and not d.refusal_reason),
    ),
    (
        "REFUSAL-REASON-AND-GIVEN",
        lambda d, p, today: _when(
            d.is_given and d.refusal_reason != NO_CODE, d.refusal_reason.code or d.refusal_reason.alternate_code
        ),
    ),
    (
        "NO-VACCINE-WITHOUT-OBSERVATION",
        lambda d, p, today: _when(
            not d.is_given and d.vaccine.code == cdc.NO_VACCINE and not d.observations, d.vaccine.code
        ),
    ),
    ("NOT-GIVEN-WITH-DETAILS", lambda d, p, today: None if d.is_given else _details(d)),
    ("REFUSAL-WITH-LOT", lambda d, p, today: _when(not d.is_given and d.lot != "", d.lot)),
    (
        "PROVIDER-ID-LONG",
        lambda d, p, today: next(
            (x.id for x in (d.administered_by, d.ordered_by, d.entered_by) if len(x.id) > 15), None
        ),
    ),
    ("CONTROL-CHARACTER", lambda d, p, today: _when(_XML_CANNOT_CARRY.search(d.lot + d.comment + d.id) is not None)),
)


_RULES_OF_DELETION: Final = tuple(rule for rule in DOSE_RULES if rule[0] in NEEDED_TO_DELETE)


def check(visit: Visit, today: str) -> tuple[Finding, ...]:
    """Check a visit by every rule. A deletion is checked only for what its message needs (`NEEDED_TO_DELETE`).

    Args:
        visit: The visit. Its dates are HL7 DT texts, which compare like dates.
        today: The day, `YYYYMMDD`.

    Returns:
        The findings: about the patient with the visit's first row, about a dose with the dose's row. A visit that only
        deletes has no warnings about its patient.
    """
    first_row = visit.rows[0][1] if visit.rows else 0
    patient = visit.patient
    findings = [
        Finding(code, BY_CODE[code].path, first_row, value=value)
        for code, rule in PATIENT_RULES
        if (value := rule(patient, today)) is not None
    ]
    if not visit.doses:
        findings.append(Finding("DOSE-MISSING", "RXA", first_row))
    elif all(dose.action is Action.DELETE for dose in visit.doses):
        findings = [finding for finding in findings if BY_CODE[finding.code].severity is Severity.ERROR]
    for dose in visit.doses:
        for code, rule_of_dose in _RULES_OF_DELETION if dose.action is Action.DELETE else DOSE_RULES:
            value = rule_of_dose(dose, patient, today)
            if value is not None:
                findings.append(Finding(code, BY_CODE[code].path, dose.row, value=value, dose_id=dose.id))
        findings += _broken_code_rules(dose)
    return tuple(findings)


def _broken_code_rules(dose: Dose) -> list[Finding]:
    """Findings by CDC's tables about the codes of a dose that was given."""
    if not dose.is_given or not dose.vaccine or dose.action is Action.DELETE:
        return []
    given = rules.Given(
        dose.vaccine.code, dose.manufacturer.code, dose.ndc, dose.date, administered=dose.is_administered_here
    )
    return [
        Finding(broken.rule.code, broken.rule.path, dose.row, value=broken.value, dose_id=dose.id)
        for broken in rules.broken(given)
    ]
