"""Every check finds a visit that breaks it, and none finds anything in a correct visit."""

from collections.abc import Callable

import pytest

from shared.domain import visit_checks
from shared.domain.checks import BY_CODE, NEEDED_TO_DELETE, Severity
from shared.domain.model import (
    NO_CODE,
    Action,
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
    amount="999",
    manufacturer=NO_CODE,
    route=NO_CODE,
    site=NO_CODE,
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
    ("GUARDIAN-MISSING", lambda: patient(next_of_kin=(NextOfKin(Name("Sampleton", "Eve")),))),
    ("RELATIVE-LEFT-OUT", lambda: patient(next_of_kin=(NextOfKin(Name("Sampleton", "Eve")),))),
    ("RELATIVE-LEFT-OUT", lambda: patient(next_of_kin=(NextOfKin(Name("Sampleton"), Code("MTH")),))),
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
    ("REFUSAL-REASON-AND-GIVEN", lambda: dose(refusal_reason=Code("03", "Patient decision", "NIP002"))),
    ("REFUSAL-REASON-AND-GIVEN", lambda: dose(refusal_reason=Code("", "", "", "Not today", "", "L"))),
    ("NO-VACCINE-WITHOUT-OBSERVATION", lambda: refusal(completion="NA", vaccine=Code("998"))),
    ("NOT-GIVEN-WITH-DETAILS", lambda: refusal(route=DOSE.route)),
    ("NOT-GIVEN-WITH-DETAILS", lambda: refusal(amount="0.5")),
    ("PATIENT-NAME-PLACEHOLDER", lambda: patient(name=Name("Sampleton", "BABY BOY"))),
    ("DEATH-CONTRADICTS", lambda: patient(death_date="20260303", death_indicator="N")),
    ("VIS-BEFORE-EDITION", lambda: dose(vis=(Vis("253088698300026411121116", presented="20121115"),))),
    ("VIS-BEFORE-EDITION", lambda: dose(vis=(Vis(edition="20260101", presented="20251231"),))),
    ("VIS-AFTER-DOSE", lambda: dose(vis=(Vis("253088698300026411121116", presented="20260303"),))),
    ("PROVIDER-ID-LONG", lambda: dose(administered_by=Provider("1" * 16))),
)


@pytest.mark.parametrize("sound", [visit(), visit(dose=REFUSAL), patient(birth_date="20070303")])
def test_a_sound_record_has_no_finding(sound: Visit) -> None:
    assert found(sound) == []


@pytest.mark.parametrize(("code", "broken"), BROKEN)
def test_a_broken_record_has_the_finding_of_its_row(code: str, broken: Callable[[], Visit]) -> None:
    assert code in found(broken())


def deleting(broken: Visit) -> Visit:
    return replace(broken, doses=tuple(replace(dose, action=Action.DELETE) for dose in broken.doses))


@pytest.mark.parametrize(("code", "broken"), BROKEN)
def test_a_deletion_has_no_finding_of_a_rule_about_giving_a_dose(code: str, broken: Callable[[], Visit]) -> None:
    of_patient = {code for code, _ in visit_checks.PATIENT_RULES if BY_CODE[code].severity is Severity.ERROR}
    assert set(found(deleting(broken()))) <= of_patient | NEEDED_TO_DELETE | {"DOSE-MISSING"}


@pytest.mark.parametrize("date", ["20150505", "20261103"])
def test_a_deletion_may_have_a_date_before_birth_or_in_the_future(date: str) -> None:
    assert found(deleting(dose(date=date))) == []


def test_a_deletion_may_have_any_code_of_a_vaccine_or_manufacturer() -> None:
    codes = {"vaccine": Code("699"), "manufacturer": Code("QQ"), "ndc": "00000000000"}
    assert "CVX-UNKNOWN" in found(dose(**codes))
    assert found(deleting(dose(**codes))) == []


def test_a_dose_beside_a_deletion_is_checked_as_ever() -> None:
    deletion = replace(DOSE, id="D2", lot="", action=Action.DELETE)
    both = replace(patient(races=()), doses=(replace(DOSE, lot=""), deletion))
    assert [(finding.code, finding.dose_id) for finding in visit_checks.check(both, TODAY)] == [
        ("RACE-MISSING", ""),
        ("LOT-MISSING", "D1"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        Name("Sampleton", "Baby Girl"), Name("Sampleton", "BABYBOY"), Name("Sampleton", "Baby-Boy A"),
        Name("Sampleton", "Newborn"), Name("Sampleton", "BB Boy"), Name("Sampleton", "Girl 2"), Name("ZZTEST", "Ada"),
        Name("Test", "Patient"), Name("Sampleton", "TEST"), Name("zzzTest 3", "Ada"), Name("Testpatient", "Ada"),
    ],
)  # fmt: skip
def test_a_name_that_ct_wiz_takes_for_none_is_held(name: Name) -> None:
    assert found(patient(name=name)) == ["PATIENT-NAME-PLACEHOLDER"]


@pytest.mark.parametrize(
    "name",
    [
        Name("Sampleton", "Baby"), Name("Boyd", "Ada"), Name("Testa", "Ada"), Name("Sampleton", "Girlie"),
        Name("Testperson", "Ada"), Name("Boy", "Ada"), Name("Newborne", "Ada"), Name("Xu", "Zoe"),
    ],
)  # fmt: skip
def test_a_name_that_may_be_somebody_s_is_sent(name: Name) -> None:
    assert found(patient(name=name)) == []


def test_statements_of_a_historical_dose_are_not_sent_and_not_judged() -> None:
    vis = (Vis("253088698300026411121116", presented="20270101"),)
    assert "VIS-AFTER-DOSE" not in found(dose(vis=vis, information_source=Code("01", "", "NIP001")))


def test_every_rule_is_broken_here() -> None:
    rules = {code for code, _ in (*visit_checks.PATIENT_RULES, *visit_checks.DOSE_RULES)}
    assert rules <= {code for code, _ in BROKEN}


def test_eligibility_of_an_unreadable_age_is_not_judged() -> None:
    assert "ELIGIBILITY-AGE" not in found(patient(birth_date="1950"))
