import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import fingerprints
from shared.domain.fingerprints import content, dose_fingerprints
from shared.domain.model import (
    Address,
    Code,
    Completion,
    Dose,
    Name,
    NextOfKin,
    Observation,
    Patient,
    Provider,
    Telecom,
    Vis,
    Visit,
)
from shared.replaced import replace

LEFT_OUT = {
    (Code, "text"): "a display text",
    (Code, "alternate_text"): "a display text",
    (Dose, "row"): "where the dose stood in the export",
    (Dose, "part"): "where the dose stood in the export",
}
"""Fields of the model that a fingerprint does not cover, with the reason."""

LISTED = {
    Code: fingerprints.CODE,
    Name: fingerprints.NAME,
    Address: fingerprints.ADDRESS,
    Telecom: fingerprints.TELECOM,
    Provider: fingerprints.PROVIDER,
    Vis: fingerprints.VIS,
    Observation: fingerprints.OBSERVATION,
    NextOfKin: (*fingerprints.NEXT_OF_KIN, *fingerprints.NEXT_OF_KIN_LISTS),
    Patient: (*fingerprints.PATIENT, *fingerprints.PATIENT_LISTS),
    Dose: (*fingerprints.DOSE, *fingerprints.DOSE_LISTS),
}

FULL = Visit(
    "ehr",
    Patient(
        mrn="SYN-1",
        name=Name("Sampleton", "Ada", "B", "Jr"),
        birth_date="20200102",
        sex="F",
        mothers_maiden_name="Testperson",
        aliases=(Name("Other", "Ada", type="M"),),
        races=(Code("2106-3", "White", "CDCREC"),),
        ethnicity=Code("2186-5", "Not Hispanic or Latino", "CDCREC"),
        addresses=(Address("1 Elm St", "", "Hartford", "CT", "06101", "USA"),),
        telecoms=(Telecom(area="860", local="5550100"),),
        multiple_birth="N",
        publicity=Code("02", "Reminder/recall - any method", "HL70215"),
        publicity_date="20260101",
        protection="N",
        registry_status="A",
        next_of_kin=(NextOfKin(Name("Sampleton", "Eve"), Code("MTH", "Mother", "HL70063"), telecoms=(Telecom(),)),),
    ),
    "20260301",
    doses=(
        Dose(
            id="D1",
            date="20260301",
            vaccine=Code("08", "Hep B, adolescent or pediatric", "CVX"),
            ndc="58160-0820-11",
            information_source=Code("00", "New immunization record", "NIP001"),
            amount="0.5",
            units=Code("mL", "milliliter", "UCUM"),
            lot="LOT1",
            expiry="20270101",
            manufacturer=Code("SKB", "GlaxoSmithKline", "MVX"),
            route=Code("IM", "Intramuscular", "HL70162"),
            site=Code("LT", "Left Thigh", "HL70163"),
            eligibility=Code("V01", "Not VFC eligible", "HL70064"),
            vis=(Vis(document="253088698300003911240105", presented="20260301"),),
            administered_by=Provider("1234567893", "Nurse", "Nora", id_type="NPI"),
            row=7,
        ),
    ),
)


def test_the_fingerprint_of_a_full_dose_is_as_every_ledger_has_it():
    # A change of this value sends every dose of every clinic again. A new field needs a new version of the lists.
    assert dose_fingerprints(FULL) == {"D1": "1:81664edb71e4a484e1646013"}
    assert fingerprints.VERSION == 1


@pytest.mark.parametrize("kind", LISTED)
def test_every_field_of_the_model_is_listed_or_left_out_with_a_reason(kind):
    listed = {name.partition(".")[0] for name in LISTED[kind]}
    left_out = {name for of, name in LEFT_OUT if of is kind}
    assert listed | left_out == set(kind.__struct_fields__)
    assert not listed & left_out


def _changed(value, field):
    """The value with one scalar field changed."""
    before = getattr(value, field)
    if isinstance(before, Completion):
        return replace(value, **{field: Completion.REFUSED})
    return replace(value, **{field: f"{before}x"})


def _scalars(kind):
    return [
        one.name
        for one in msgspec.structs.fields(kind)
        if (kind, one.name) not in LEFT_OUT and one.type is not int and not _is_struct(one.type)
    ]


def _is_struct(type_):
    return type_ in LISTED or getattr(type_, "__origin__", None) is tuple


@pytest.mark.parametrize("field", _scalars(Dose))
def test_another_value_of_a_dose_gives_another_fingerprint(field):
    dose = Dose(id="D1")
    changed = _changed(dose, field) if field != "action" else replace(dose, action="D")
    assert content(changed) != content(dose)


@pytest.mark.parametrize("field", _scalars(Patient))
def test_another_value_of_a_patient_gives_another_fingerprint(field):
    assert content(_changed(Patient(), field)) != content(Patient())


@pytest.mark.parametrize(("kind", "holder"), [(Code, "vaccine"), (Provider, "ordered_by")])
def test_another_value_within_a_dose_gives_another_fingerprint(kind, holder):
    for field in _scalars(kind):
        changed = replace(Dose(), **{holder: _changed(kind(), field)})
        assert content(changed) != content(Dose()), field


@pytest.mark.parametrize(
    ("holder", "value"),
    [
        ("aliases", Name("A")),
        ("races", Code("1")),
        ("addresses", Address("A")),
        ("telecoms", Telecom(local="1")),
        ("next_of_kin", NextOfKin(Name("A"), telecoms=(Telecom(local="1"),))),
    ],
)
def test_another_value_in_a_list_of_a_patient_gives_another_fingerprint(holder, value):
    before = Patient(**{holder: (value,)})
    assert content(before) != content(Patient())
    assert content(before) != content(Patient(**{holder: (value, value)}))
    for field in _scalars(type(value)):
        assert content(Patient(**{holder: (_changed(value, field),)})) != content(before), field


def test_a_field_that_is_listed_later_changes_no_fingerprint_where_it_is_empty():
    longer = fingerprints._reader((*fingerprints.DOSE, "part"), fingerprints.DOSE_LISTS, {})
    dose = FULL.doses[0]
    assert longer(dose) == fingerprints._dose(dose)
    assert longer(replace(dose, part="a.csv")) != fingerprints._dose(dose)


def test_new_wording_in_a_code_table_sends_nothing_again():
    dose = FULL.doses[0]
    reworded = replace(dose, vaccine=replace(dose.vaccine, text="new words", alternate_text="other words"))
    assert dose_fingerprints(replace(FULL, doses=(reworded,))) == dose_fingerprints(FULL)


awkward = st.text('"\\/\b\x00\x1f\x7f\u2028é<&ud8\ud800 a', max_size=9)


@given(awkward, awkward, awkward, awkward, st.integers())
def test_contents_are_the_same_where_and_only_where_the_values_are(one, lot, other, other_lot, row):
    def dose(number, lot, row=0):
        return Dose(id=number, vaccine=Code(lot, system="CVX", alternate_code=number), lot=lot, row=row)

    same = (one, lot) == (other, other_lot)
    assert (content(dose(one, lot, row)) == content(dose(other, other_lot))) is same
