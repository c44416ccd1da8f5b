"""Local codes: a mapped code is sent with its meaning, an unmapped code is a cause of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import local
from shared.domain.codes.local import LocalCodes, Lot, applied, cause, unread
from shared.domain.model import (
    ADMINISTERED,
    NO_CODE,
    Code,
    Completion,
    Dose,
    Finding,
    Name,
    NextOfKin,
    Patient,
    Provider,
    Visit,
)
from shared.replaced import replace

FLU = Code("135", "Influenza, high dose", "CVX")
BOOK = LocalCodes({"vaccine": {"fluzone-hd": FLU}})
HERE = Code(ADMINISTERED, "", "NIP001")
NOTED = Finding("CODE-UNKNOWN", "RXA-5", 1, "Vaccine", "FLUZONE-HD", "D1")
DOSE = Dose("D1", "20260301", unread("FLUZONE-HD"), lot="L1", information_source=HERE, row=1, part="a")


def a_visit(*doses: Dose, findings: tuple[Finding, ...] = (), patient: Patient | None = None) -> Visit:
    rows = tuple((dose.part, dose.row) for dose in doses)
    return Visit("demo", patient or Patient("SYN-1"), "20260301", doses=doses, rows=rows, findings=findings)


def test_a_mapped_code_travels_with_the_local_one_as_its_alternate() -> None:
    visit = applied(a_visit(DOSE, findings=(NOTED,)), BOOK)
    assert visit.doses[0].vaccine == replace(FLU, alternate_code="FLUZONE-HD", alternate_text="", alternate_system="L")
    assert visit.findings == ()


def test_the_words_that_the_export_has_for_a_local_code_stay_with_it() -> None:
    named = replace(DOSE, vaccine=replace(DOSE.vaccine, text="Fluzone HD"))
    vaccine = applied(a_visit(named, findings=(NOTED,)), BOOK).doses[0].vaccine
    assert (vaccine.text, vaccine.alternate_text) == (FLU.text, "Fluzone HD")


def test_an_unmapped_code_that_matters_is_a_cause_of_its_own_and_is_not_sent() -> None:
    visit = applied(a_visit(DOSE, findings=(NOTED,)))
    assert visit.doses[0].vaccine == NO_CODE
    assert [finding.code for finding in visit.findings] == ["CODE-UNMAPPED"]
    assert cause(visit.findings[0]) == "UNMAPPED vaccine FLUZONE-HD"


def test_a_vaccine_by_a_local_code_alone_is_noted_whatever_the_reader_did() -> None:
    (finding,) = applied(a_visit(DOSE)).findings
    assert (finding.code, finding.value, finding.dose_id) == ("CODE-UNMAPPED", "FLUZONE-HD", "D1")


def test_the_clinics_map_is_asked_before_the_sources() -> None:
    own = LocalCodes({"vaccine": {"fluzone-hd": Code("197", "", "CVX")}})
    visit = a_visit(DOSE, findings=(NOTED,))
    assert applied(visit, own, BOOK).doses[0].vaccine.code == "197"
    assert applied(visit, LocalCodes({"vaccine": {"other": FLU}}), BOOK).doses[0].vaccine.code == "135"


def test_a_reader_that_keeps_no_raw_value_is_helped_by_its_finding() -> None:
    visit = a_visit(replace(DOSE, vaccine=NO_CODE), findings=(NOTED,))
    assert applied(visit, BOOK).doses[0].vaccine.code == "135"


def test_a_finding_is_not_used_where_a_row_number_does_not_tell_whose_it_is() -> None:
    other = replace(DOSE, id="D2", part="b", vaccine=NO_CODE)
    visit = applied(a_visit(replace(DOSE, vaccine=NO_CODE), other, findings=(NOTED,)), BOOK)
    assert [dose.vaccine for dose in visit.doses] == [NO_CODE, NO_CODE]
    assert visit.findings[0].code == "CODE-UNMAPPED"


def test_a_number_that_is_no_cvx_code_of_cdc_may_be_the_ehrs_own() -> None:
    book = LocalCodes({"vaccine": {"901": FLU, "03": FLU}})
    assert applied(a_visit(replace(DOSE, vaccine=Code("901", "", "CVX"))), book).doses[0].vaccine.code == "135"
    assert applied(a_visit(replace(DOSE, vaccine=Code("03", "", "CVX"))), book).doses[0].vaccine.code == "03"


def test_a_code_that_may_be_left_out_is_mapped_or_left_out_with_its_warning() -> None:
    noted = Finding("CODE-LEFT-OUT", "RXR-2", 1, "site", "LT UP ARM")
    dose = replace(DOSE, vaccine=FLU, site=unread("LT UP ARM"))
    without = applied(a_visit(dose, findings=(noted,)))
    assert (without.doses[0].site, without.findings) == (NO_CODE, (noted,))
    book = LocalCodes({"site": {"lt up arm": Code("LA", "Left arm", "HL70163")}})
    mapped = applied(a_visit(dose, findings=(noted,)), book)
    assert (mapped.doses[0].site.code, mapped.findings) == ("LA", ())


def test_a_code_that_is_mapped_to_not_known_leaves_the_field_empty_without_a_finding() -> None:
    noted = Finding("CODE-LEFT-OUT", "RXR-2", 1, "site", "OTHER")
    visit = applied(
        a_visit(replace(DOSE, vaccine=FLU, site=unread("OTHER")), findings=(noted,)),
        LocalCodes({"site": {"other": NO_CODE}}),
    )
    assert (visit.doses[0].site, visit.findings) == (NO_CODE, ())


def test_a_mapped_reason_makes_a_dose_that_was_not_given_a_refusal() -> None:
    dose = replace(DOSE, vaccine=FLU, completion=Completion.NOT_ADMINISTERED, refusal_reason=unread("PHIL"))
    book = LocalCodes({"refusal_reason": {"phil": Code("02", "Other", "NIP002")}})
    noted = Finding("CODE-LEFT-OUT", "RXA-18", 1, value="PHIL")
    assert applied(a_visit(dose, findings=(noted,)), book).doses[0].completion is Completion.REFUSED
    assert applied(a_visit(dose, findings=(noted,))).doses[0].completion is Completion.NOT_ADMINISTERED


def test_a_providers_own_id_means_an_npi_or_is_left_out() -> None:
    whose = Provider("NURSE17", "Nursely", id_type="L")
    noted = Finding("VALUE-LEFT-OUT", "RXA-10", 1, value="NURSE17")
    visit = a_visit(replace(DOSE, vaccine=FLU, administered_by=whose), findings=(noted,))
    book = LocalCodes({"provider": {"nurse17": Code("1234567893", "", "NPI")}})
    mapped, unmapped = applied(visit, book), applied(visit)
    assert mapped.doses[0].administered_by == Provider("1234567893", "Nursely", "", "", "NPI", "NPI")
    assert mapped.findings == ()
    assert unmapped.doses[0].administered_by == Provider(family="Nursely")
    assert unmapped.findings == (noted,)


def test_codes_of_the_patient_are_mapped_too() -> None:
    patient = Patient(
        "SYN-1",
        races=(Code("2106-3", "White", "CDCREC"), unread("Cauc"), unread("Martian")),
        ethnicity=unread("NH"),
        next_of_kin=(NextOfKin(Name("Sampleton", "Eve"), unread("Mummy")),),
    )
    noted = tuple(
        Finding("CODE-LEFT-OUT", path, 1, value=value)
        for path, value in (("PID-10", "Cauc"), ("PID-10", "Martian"), ("PID-22", "NH"), ("NK1-3", "Mummy"))
    )
    book = LocalCodes(
        {
            "race": {"cauc": Code("2106-3", "White", "CDCREC")},
            "ethnicity": {"nh": Code("2186-5", "", "CDCREC")},
            "relationship": {"mummy": Code("MTH", "", "HL70063")},
        }
    )
    visit = applied(a_visit(replace(DOSE, vaccine=FLU), findings=noted, patient=patient), book)
    assert [race.code for race in visit.patient.races] == ["2106-3"]
    assert visit.patient.ethnicity.code == "2186-5"
    assert visit.patient.next_of_kin[0].relationship.code == "MTH"
    assert [finding.value for finding in visit.findings] == ["Martian"]


def test_a_row_that_a_later_one_replaced_asks_for_nothing_once_its_code_is_mapped() -> None:
    visit = a_visit(replace(DOSE, vaccine=FLU, row=2), findings=(NOTED,))
    assert applied(visit, BOOK).findings == ()


LOT = Lot("49281-0124-65", FLU, Code("PMC", "", "MVX"), "202706", Code("VXC50", "", "CDCPHINVS"), Code("V01"))


def test_the_inventory_fills_what_the_export_does_not_say_of_a_lot() -> None:
    visit = applied(a_visit(replace(DOSE, vaccine=NO_CODE, lot=" l1 ")), LocalCodes(lots={"l1": LOT}))
    dose = visit.doses[0]
    assert (dose.ndc, dose.vaccine, dose.expiry) == (LOT.ndc, FLU, "202706")
    assert (dose.manufacturer, dose.funding_source, dose.eligibility) == (
        LOT.manufacturer, LOT.funding_source, LOT.eligibility,
    )  # fmt: skip
    assert visit.findings == ()


def test_where_export_and_inventory_contradict_each_other_the_export_is_sent_and_it_is_said() -> None:
    dose = replace(DOSE, vaccine=Code("03", "MMR", "CVX"), expiry="20270630", eligibility=Code("V02"))
    visit = applied(a_visit(dose), LocalCodes(lots={"l1": LOT}))
    assert visit.doses[0].vaccine.code == "03"
    assert [(finding.code, finding.path, finding.value) for finding in visit.findings] == [
        ("LOT-CONTRADICTS", "RXA-5", "03, inventory 135")
    ]


def test_the_inventory_says_nothing_of_a_historical_dose() -> None:
    dose = replace(DOSE, vaccine=FLU, information_source=Code("01", "", "NIP001"))
    visit = a_visit(dose)
    assert applied(visit, LocalCodes(lots={"l1": LOT})).doses == visit.doses


def test_a_visit_without_local_codes_stays_the_very_same() -> None:
    visit = a_visit(replace(DOSE, vaccine=FLU))
    assert applied(visit, LocalCodes()) is visit


@given(st.text(min_size=1))
def test_a_cause_is_short_printable_ascii_whatever_the_code(value: str) -> None:
    said = cause(replace(NOTED, value=value))
    assert len(said) <= 70
    assert said.isascii()
    assert said.isprintable()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [("flu-HD ", "FLU-hd", True), ("é", "è", False), ("x" * 50 + "a", "x" * 50 + "b", False), ("a b", "a  b", False)],
)
def test_causes_are_the_same_exactly_where_codes_are(one: str, other: str, is_same: bool) -> None:
    assert (local.key(one) == local.key(other)) is is_same
    assert (cause(replace(NOTED, value=one)) == cause(replace(NOTED, value=other))) is is_same
