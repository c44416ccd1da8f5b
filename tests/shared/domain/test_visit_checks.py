"""Every check finds a visit that breaks it, and none finds anything in a correct visit."""

from collections.abc import Callable

import pytest

from shared.domain import visit_checks
from shared.domain.model import (
    NO_CODE,
    Address,
    Code,
    Completion,
    Dose,
    Name,
    NextOfKin,
    Patient,
    Provider,
    Vis,
    Visit,
)
from shared.replaced import replace

TODAY = "20261102"
PATIENT = Patient(
    mrn="SYN-1",
    name=Name("Sampleton", "Ada"),
    birth_date="20150506",
    sex="F",
    races=(Code("2106-3"),),
    ethnicity=Code("2186-5"),
    addresses=(Address("1 Example Way", "", "Hartford", "CT", "06103", "USA"),),
    next_of_kin=(NextOfKin(Name("Sampleton", "Grace"), Code("MTH")),),
)
DOSE = Dose(
    id="D1",
    date="20260302",
    vaccine=Code("115"),
    manufacturer=Code("SKB"),
    information_source=Code("00"),
    amount="0.5",
    units=Code("mL"),
    lot="AB123",
    expiry="20271231",
    route=Code("C28161"),
    eligibility=Code("V02"),
    funding_source=Code("VXC50"),
    row=1,
)
REFUSAL = replace(
    DOSE,
    completion=Completion.REFUSED,
    information_source=NO_CODE,
    refusal_reason=Code("00"),
    lot="",
    expiry="",
    amount="",
)


def visit(patient: Patient = PATIENT, dose: Dose | None = DOSE) -> Visit:
    return Visit("ehr", patient, "20260302", doses=(dose,) if dose else (), rows=(("", 1),))


def found(one: Visit) -> list[str]:
    return [finding.code for finding in visit_checks.check(one, TODAY)]


def patient(**changes: object) -> Visit:
    return visit(patient=replace(PATIENT, **changes))


def dose(**changes: object) -> Visit:
    return visit(dose=replace(DOSE, **changes))


def refusal(**changes: object) -> Visit:
    return visit(dose=replace(REFUSAL, **changes))


BROKEN: tuple[tuple[str, Callable[[], Visit]], ...] = (
    ("PATIENT-ID-MISSING", lambda: patient(mrn="")),
    ("PATIENT-NAME-MISSING", lambda: patient(name=Name("Sampleton"))),
    ("PATIENT-NAME-LONG", lambda: patient(name=Name("S" * 51, "Ada"))),
    ("BIRTH-DATE-MISSING", lambda: patient(birth_date="")),
    ("BIRTH-DATE-FUTURE", lambda: patient(birth_date="20261103")),
    ("SEX-MISSING", lambda: patient(sex="")),
    ("DEATH-BEFORE-BIRTH", lambda: patient(death_date="20140101")),
    ("RACE-MISSING", lambda: patient(races=())),
    ("ETHNICITY-MISSING", lambda: patient(ethnicity=NO_CODE)),
    ("ADDRESS-MISSING", lambda: patient(addresses=())),
    ("GUARDIAN-MISSING", lambda: patient(next_of_kin=())),
    ("CONTROL-CHARACTER", lambda: patient(name=Name("Sample\x01ton", "Ada"))),
    ("CONTROL-CHARACTER", lambda: dose(lot="AB\x01")),
    ("COUNTRY-MALFORMED", lambda: patient(addresses=(replace(PATIENT.addresses[0], country="US"),))),
    ("DOSE-MISSING", lambda: visit(dose=None)),
    ("DOSE-DATE-MISSING", lambda: dose(date="")),
    ("DOSE-IN-FUTURE", lambda: dose(date="20261103")),
    ("DOSE-BEFORE-BIRTH", lambda: dose(date="20150505")),
    ("DOSE-AFTER-DEATH", lambda: patient(death_date="20260301")),
    ("VACCINE-MISSING", lambda: dose(vaccine=NO_CODE)),
    ("VACCINE-MALFORMED", lambda: dose(vaccine=Code("FLU"))),
    ("SOURCE-MISSING", lambda: dose(information_source=NO_CODE)),
    ("LOT-MISSING", lambda: dose(lot="")),
    ("LOT-LONG", lambda: dose(lot="L" * 21)),
    ("MANUFACTURER-MISSING", lambda: dose(manufacturer=NO_CODE)),
    ("EXPIRY-BEFORE-DOSE", lambda: dose(expiry="20260301")),
    ("AMOUNT-MALFORMED", lambda: dose(amount="0,5")),
    ("UNITS-MISSING", lambda: dose(units=NO_CODE)),
    ("ELIGIBILITY-MISSING", lambda: dose(eligibility=NO_CODE)),
    ("FUNDING-MISSING", lambda: dose(funding_source=NO_CODE)),
    ("ELIGIBILITY-AGE", lambda: patient(birth_date="20070302")),
    ("ELIGIBILITY-AND-STOCK", lambda: dose(eligibility=Code("V01"), funding_source=Code("VXC51"))),
    ("VIS-WITHOUT-DATE", lambda: dose(vis=(Vis("253088698300026411121116"),))),
    ("ROUTE-MISSING", lambda: dose(route=NO_CODE)),
    ("REFUSAL-REASON-MISSING", lambda: refusal(refusal_reason=NO_CODE)),
    ("REFUSAL-WITH-LOT", lambda: refusal(lot="AB123")),
    ("PROVIDER-ID-LONG", lambda: dose(administered_by=Provider("1" * 16))),
)


@pytest.mark.parametrize("sound", [visit(), visit(dose=REFUSAL), patient(birth_date="20070303")])
def test_a_sound_record_has_no_finding(sound: Visit) -> None:
    assert found(sound) == []


@pytest.mark.parametrize(("code", "broken"), BROKEN)
def test_a_broken_record_has_the_finding_of_its_row(code: str, broken: Callable[[], Visit]) -> None:
    assert code in found(broken())


def test_every_rule_is_broken_here() -> None:
    rules = {code for code, _ in (*visit_checks.PATIENT_RULES, *visit_checks.DOSE_RULES)}
    assert rules <= {code for code, _ in BROKEN}


def test_eligibility_of_an_unreadable_age_is_not_judged() -> None:
    assert "ELIGIBILITY-AGE" not in found(patient(birth_date="1950"))
