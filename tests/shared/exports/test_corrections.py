from __future__ import annotations

import pytest

from shared.domain.clinics import Source
from shared.domain.model import (
    Action,
    Code,
    Completion,
    Dose,
    Finding,
    Name,
    NextOfKin,
    Patient,
    Provider,
    Telecom,
    Vis,
    Visit,
)
from shared.exports.columns import COLUMNS
from shared.exports.corrections import FILLS, choices, corrected
from shared.replaced import replace

SOURCE = Source("demo", "csv", date_formats=("%m/%d/%Y",))
ONE = Visit(
    "demo", Patient("M1", Name("Sampleton", "Ada"), "20200102", "F"), "20260301", doses=(Dose("d1", "20260301"),)
)
TWO = replace(ONE, doses=(Dose("d1", lot="A"), Dose("d2", lot="B")))


def after(changes: dict[str, str], visit: Visit = ONE) -> Visit:
    result = corrected(visit, changes, SOURCE)
    assert isinstance(result, Visit), result
    return result


def refusal(changes: dict[str, str], visit: Visit = ONE) -> str:
    result = corrected(visit, changes, SOURCE)
    assert isinstance(result, str)
    return result


def test_every_column_of_the_layout_can_be_corrected_or_says_that_it_cannot() -> None:
    apart = {column.name for column in COLUMNS} - FILLS.keys()
    assert apart == {
        "phone", "email", "guardian_phone", "phone_use", "dose_id", "vis_document", "vis_cvx", "vis_edition",
        "immunity", "immunity_tested", "contraindication", "contraindication_begins", "contraindication_ends",
        "reaction", "event_status", "was_refused", "missed_appointment", "is_historical", "extract_type",
    }  # fmt: skip
    assert "cannot be corrected here" in refusal({"vis_document": "x"})


def test_texts_codes_dates_and_enumerations_land_where_they_belong() -> None:
    changed = after(
        {
            "last_name": "Exampleson",
            "sex": "male",
            "race": "white; asian",
            "birth_date": "01/31/2020",
            "address_city": "Hartford",
            "guardian_last_name": "Sampleton",
            "guardian_relationship": "mother",
            "lot": "AB123",
            "cvx": "3",
            "completion": "RE",
            "action": "D",
            "administered_by_last_name": "Nursely",
            "clinic": "elm",
        }
    )
    patient, (dose,) = changed.patient, changed.doses
    assert (patient.name, patient.sex, patient.birth_date) == (Name("Exampleson", "Ada"), "M", "20200131")
    assert [race.code for race in patient.races] == ["2106-3", "2028-9"]
    assert patient.addresses[0].city == "Hartford"
    assert patient.next_of_kin[0].name.family == "Sampleton"
    assert patient.next_of_kin[0].relationship.code == "MTH"
    assert (dose.lot, dose.vaccine.code, dose.completion, dose.action) == (
        "AB123", "03", Completion.REFUSED, Action.DELETE,
    )  # fmt: skip
    assert dose.administered_by == Provider(family="Nursely")
    assert changed.clinic == "elm"


def test_an_empty_value_clears_the_field() -> None:
    full = replace(ONE, doses=(Dose("d1", lot="A", manufacturer=Code("MSD")),))
    dose = after({"lot": "", "mvx": ""}, full).doses[0]
    assert (dose.lot, dose.manufacturer) == ("", Code())


def test_a_dose_column_of_a_visit_with_several_doses_needs_the_number_of_the_dose() -> None:
    assert "say which, lot[1] to lot[2]" in refusal({"lot": "X"}, TWO)
    assert [dose.lot for dose in after({"lot[2]": "X"}, TWO).doses] == ["A", "X"]
    assert "2 doses" in refusal({"lot[3]": "X"}, TWO)


def test_where_a_change_names_no_dose_each_dose_is_told_with_the_changes_for_it() -> None:
    changes = {"lot": "X", "sex": "F", "mvx[2]": "SKB"}
    first, second = choices(TWO, changes, {"d1", "d2"})
    assert (first.number, first.lot, first.changes) == (1, "A", {"lot[1]": "X", "sex": "F", "mvx[2]": "SKB"})
    assert second.orc_3 == TWO.doses[1].id
    for one in (first, second):
        assert after(dict(one.changes), TWO).doses[one.number - 1].lot == "X"
    for clear in ({"sex": "F"}, {"lot[1]": "X"}, {"clinic": "elm"}):
        assert choices(TWO, clear, {"d1", "d2"}) == ()
    assert choices(ONE, {"lot": "X"}, {"d1"}) == (), "of one dose there is no choice"
    assert [one.number for one in choices(TWO, changes, {"d2"})] == [2], "the other is not to choose"


def test_the_date_of_the_only_dose_is_the_date_of_the_visit() -> None:
    assert after({"dose_date": "02/28/2026"}).date == "20260228"


@pytest.mark.parametrize("change", [{"dose_date": "soon"}, {"sex": "blue"}, {"phone": "12"}, {"lott": "X"}, {"": "X"}])
def test_what_cannot_be_read_is_refused_and_names_the_column(change: dict[str, str]) -> None:
    assert next(iter(change)) in refusal(change)


def test_telephone_and_mail_replace_their_own_kind_only() -> None:
    both = after({"phone": "860-555-0100", "email": "ada@example.org"})
    changed = after({"phone": "(860) 555-0199"}, both).patient.telecoms
    assert {(telecom.use, telecom.local or telecom.email) for telecom in changed} == {
        ("NET", "ada@example.org"),
        ("PRN", "5550199"),
    }
    assert after({"email": ""}, both).patient.telecoms == (Telecom("PRN", "PH", "860", "5550100"),)


def test_a_guardians_number_needs_a_guardian() -> None:
    assert "guardian_last_name" in refusal({"guardian_phone": "860-555-0100"})
    with_guardian = replace(ONE, patient=replace(ONE.patient, next_of_kin=(NextOfKin(Name("Sampleton", "Eve")),)))
    assert (
        after({"guardian_phone": "860-555-0100"}, with_guardian).patient.next_of_kin[0].telecoms[0].local == "5550100"
    )


def test_what_the_reader_noted_about_a_corrected_field_goes_away_and_the_rest_stays() -> None:
    noted = replace(
        TWO,
        findings=(
            Finding("DATE-UNREADABLE", "RXA-16", 1, dose_id="d1"),
            Finding("DATE-UNREADABLE", "RXA-16", 2, dose_id="d2"),
            Finding("CODE-UNKNOWN", "PID-8", 1),
        ),
    )
    left = after({"expiry[1]": "01/31/2027", "sex": "F"}, noted).findings
    assert [finding.dose_id for finding in left] == ["d2"]


def test_a_visit_without_a_day_is_placed_by_its_corrected_date() -> None:
    unplaced = replace(ONE, date="", findings=(Finding("ROW-DATE-UNREADABLE", "RXA-3", 4),))
    placed = after({"dose_date": "03/01/2026"}, unplaced)
    assert (placed.date, placed.findings) == ("20260301", ())


def test_the_date_of_every_statement_can_be_set() -> None:
    given = replace(ONE, doses=(Dose("d1", vis=(Vis("A"), Vis("B"))),))
    assert [vis.presented for vis in after({"vis_presented": "03/01/2026"}, given).doses[0].vis] == ["20260301"] * 2


def test_an_npi_that_is_corrected_is_an_npi_whatever_stood_there() -> None:
    own = replace(ONE, doses=(Dose("d1", administered_by=Provider("NURSE17", "Nursely", id_type="L")),))
    whose = after({"administered_by_npi": "1234567893"}, own).doses[0].administered_by
    assert whose == Provider("1234567893", "Nursely", authority="NPI", id_type="NPI")


def test_the_id_of_a_dose_is_changed_in_the_ehr_only() -> None:
    assert "correct it in the EHR" in refusal({"dose_id": "d9"})


def test_a_record_number_is_corrected_to_its_one_spelling() -> None:
    visit = after({"patient_id": " M\u00a0 2\u200b"})
    assert visit.patient.mrn == "M 2"
