import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import identity
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.model import Code, Dose, Finding, Name, Patient, Visit
from shared.replaced import replace

anything = st.text(st.characters(exclude_categories=()))
doses = st.builds(Dose, id=anything, date=anything, lot=anything, vaccine=st.builds(Code, anything))
visits = st.builds(
    Visit,
    source=st.text(min_size=1),
    patient=st.builds(Patient, mrn=anything, name=st.builds(Name, anything, anything)),
    date=anything,
    clinic=anything,
    doses=st.lists(doses, max_size=3, unique_by=lambda dose: dose.id).map(tuple),
    raw=anything,
)


prefixes = st.sampled_from(["", "H-", "OAK.2026"])


@given(anything, prefixes)
def test_ids_fit_what_webiz_keeps(text, prefix):
    assert len(identity.pid_3(text, prefix)) <= 15
    assert len(identity.orc_3(text, prefix)) <= 20


@given(anything)
def test_an_id_that_fits_stays_as_the_ehr_wrote_it(text):
    assert identity.pid_3(text[:15], "") == text[:15]
    assert identity.orc_3(text[:20], "") == text[:20]


@given(st.text(min_size=21), st.text(min_size=21), prefixes)
def test_long_ids_stay_apart_after_shortening(one, other, prefix):
    assert (identity.orc_3(one, prefix) == identity.orc_3(other, prefix)) == (one == other)
    assert (identity.pid_3(one, prefix) == identity.pid_3(other, prefix)) == (one == other)


def test_long_ids_that_differ_only_at_the_end_stay_apart():
    assert identity.pid_3("0123456789ABCDEF1", "") != identity.pid_3("0123456789ABCDEF2", "")


def test_a_prefix_stands_before_the_number_and_counts_in_its_length():
    assert identity.pid_3("1001", "H-") == "H-1001"
    assert identity.orc_3("1", "H-") == "H-1"
    assert identity.pid_3("1234567890123", "H-") == "H-1234567890123"
    assert not identity.pid_3("12345678901234", "H-").startswith("H-")


@given(anything)
def test_two_prefixes_keep_one_number_of_two_ehrs_apart(number):
    assert identity.pid_3(number, "H-") != identity.pid_3(number, "O-")
    assert identity.orc_3(number, "H-") != identity.orc_3(number, "O-")


@given(visits, st.integers(0, 9))
def test_a_second_run_makes_the_same_ids(visit, revision):
    again = replace(visit, doses=tuple(replace(dose) for dose in visit.doses))
    assert identity.chart_key_of_rows(visit) == identity.chart_key_of_rows(again)
    assert dose_fingerprints(visit) == dose_fingerprints(again)
    key, marks = identity.chart_key_of_rows(visit), dose_fingerprints(visit)
    assert identity.msh_10(key, marks, revision) == identity.msh_10(key, dict(reversed(marks.items())), revision)


@given(visits, st.integers(1, 999), st.text())
def test_where_a_row_stood_changes_no_id(visit, row, part):
    moved = replace(visit, doses=tuple(replace(dose, row=row, part=part) for dose in visit.doses), rows=((part, row),))
    assert identity.chart_key_of_rows(moved) == identity.chart_key_of_rows(visit)
    assert dose_fingerprints(moved) == dose_fingerprints(visit)


@given(visits, anything)
def test_a_changed_lot_changes_its_dose_alone(visit, lot):
    if not visit.doses or visit.doses[0].lot == lot:
        return
    changed = replace(visit, doses=(replace(visit.doses[0], lot=lot), *visit.doses[1:]))
    before, after = dose_fingerprints(visit), dose_fingerprints(changed)
    assert {dose for dose in before if before[dose] != after[dose]} == {visit.doses[0].id}


def test_a_changed_patient_changes_every_dose():
    visit = Visit("ehr", Patient(mrn="1", sex="F"), "20250301", doses=(Dose(id="A"), Dose(id="B")))
    changed = replace(visit, patient=replace(visit.patient, sex="M"))
    before, after = dose_fingerprints(visit), dose_fingerprints(changed)
    assert all(before[dose] != after[dose] for dose in ("A", "B"))


def test_msh_10_is_twenty_characters_and_new_with_every_revision_and_content():
    ids = {
        identity.msh_10("key", {"A": "1"}, 0),
        identity.msh_10("key", {"A": "1"}, 1),
        identity.msh_10("key", {"A": "2"}, 0),
        identity.msh_10("other", {"A": "1"}, 0),
    }
    assert len(ids) == 4
    assert {len(control_id) for control_id in ids} == {20}
    assert all(control_id.isalnum() and control_id.isascii() for control_id in ids)


def test_parts_of_an_id_do_not_run_into_each_other():
    assert identity.derived_dose_id("ehr", "1", "2", "08", 1) != identity.derived_dose_id("ehr", "12", "", "08", 1)
    assert identity.msh_10("k", {"A": "1", "B": "2"}, 0) != identity.msh_10("k", {"A": "1B=2"}, 0)


def test_a_visit_without_patient_id_is_a_chart_of_its_own():
    one = Visit("ehr", Patient(), "20250301", raw="row 1", findings=(Finding("PATIENT-ID-MISSING"),))
    assert identity.chart_key_of_rows(one) != identity.chart_key_of_rows(replace(one, raw="row 2"))


@given(st.binary(min_size=16, max_size=16), anything)
def test_a_patient_group_is_stable_and_needs_the_key(key, mrn):
    group = identity.patient_group(key, "ehr", mrn)
    assert group == identity.patient_group(key, "ehr", mrn)
    assert group != identity.patient_group(bytes(16) if any(key) else b"x" * 16, "ehr", mrn)
    assert len(group) == 32


def test_a_dose_that_the_ehr_numbers_9999_does_not_read_as_a_refusal():
    for number, prefix in (("9999", ""), ("99", "99")):
        assert identity.orc_3(number, prefix) != "9999"
        assert len(identity.orc_3(number, prefix)) == identity.ORC_3_LENGTH


def test_two_visits_without_a_day_have_two_charts():
    first, second = (Visit("s", Patient(mrn=mrn), "") for mrn in ("A", "B"))
    assert identity.chart_key_of_rows(first) != identity.chart_key_of_rows(second)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("HAR-000005", "HAR-000005"),
        ("  12 34\t", "12 34"),
        ("12 \u00a0\u2009 34", "12 34"),
        ("12\r\n34", "12 34"),
        ("12\u200b34\ufeff", "1234"),
        ("12\u00ad34\x7f", "1234"),
        ("Jose\u0301-1", "Jos\u00e9-1"),
        ("e\u200b\u0301", "\u00e9"),
        ("a1B", "a1B"),
        ("0012", "0012"),
        ("12\x0034", "12\x0034"),
        (" \u200b ", ""),
    ],
)
def test_an_id_has_one_spelling_and_keeps_its_case(written, read):
    assert identity.normalized_id(written) == read


@given(anything)
def test_an_id_in_its_one_spelling_stays_so(text):
    once = identity.normalized_id(text)
    assert identity.normalized_id(once) == once
    assert once == once.strip()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_an_id_of_visible_ascii_stays_as_it_is(text):
    assert identity.normalized_id(text) == text
