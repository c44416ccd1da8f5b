"""Sex, race, ethnic group and birth order in every format: what the profile does not have is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType

import pytest

from shared.domain.clinics import Source
from shared.domain.codes import local, races
from shared.domain.codes.local import LocalCodes
from shared.domain.model import Code, Visit

Read = Callable[..., list[Visit]]
SOURCES = {kind: Source("own", kind, clinic="elm") for kind in ("csv", "hl7", "fhir-bundle")}
every_format = pytest.mark.parametrize("kind", SOURCES)


def a_file(kind: str, *, sex: str = "F", race: str = "2106-3", ethnicity: str = "2186-5", order: str = "") -> bytes:
    if kind == "csv":
        names = "patient_id,last_name,first_name,birth_date,sex,race,ethnicity,birth_order,dose_id,dose_date,cvx,lot"
        return f"{names}\nSYN-1,S,Ada,2020-01-02,{sex},{race},{ethnicity},{order},D1,2026-03-01,08,L1\n".encode()
    if kind == "hl7":
        repeated = race.replace(";", "~")
        lines = (
            "MSH|^~\\&|EHR|ELM|||20260301||VXU^V04^VXU_V04|M1|P|2.5.1",
            f"PID|1||SYN-1^^^ELM^MR||S^Ada^^^^^L||20200102|{sex}||{repeated}||||||||||||{ethnicity}|||{order}",
            "ORC|RE||D1^ELM",
            "RXA|0|1|20260301||08^Hep B^CVX|0.5|mL^^UCUM||00^^NIP001||||||L1|||||CP|A",
        )
        return "\r".join((*lines, "")).encode()
    patient = {
        "resourceType": "Patient", "id": "p", "birthDate": "2020-01-02", "name": [{"family": "S", "given": ["Ada"]}],
        "gender": {"F": "female", "X": "other", "other": "other"}.get(sex, sex),
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "SYN-1"}],
        "extension": [
            {"url": f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{name}", "extension": [
                {"url": "ombCategory", "valueCoding": {"code": code}} for code in codes.split(";")]}
            for name, codes in (("race", race), ("ethnicity", ethnicity)) if codes
        ],
    } | ({"multipleBirthInteger": int(order)} if order else {})  # fmt: skip
    dose = {
        "resourceType": "Immunization", "id": "D1", "status": "completed", "primarySource": True, "lotNumber": "L1",
        "patient": {"reference": "Patient/p"}, "occurrenceDateTime": "2026-03-01",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}]},
    }  # fmt: skip
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": dose}]}
    ).encode()


def read_one(read: Read, kind: str, **values: str) -> Visit:
    [visit] = [visit for visit in read(SOURCES[kind], {"a.txt": a_file(kind, **values)}) if visit.rows]
    return visit


def said(visit: Visit) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.path, finding.value) for finding in visit.findings]


@every_format
def test_a_sex_that_the_profile_does_not_have_is_u_and_said(read: Read, kind: str) -> None:
    visit = read_one(read, kind, sex="X")
    word = "other" if kind == "fhir-bundle" else "X"
    assert (visit.patient.sex, said(visit)) == ("U", [("SEX-AS-UNKNOWN", "PID-8", word)])


@pytest.mark.parametrize("kind", ["csv", "hl7"])
@pytest.mark.parametrize("sex", ["O", "A", "Other", "nonbinary"])
def test_every_other_sex_is_said(read: Read, kind: str, sex: str) -> None:
    assert [code for code, _, _ in said(read_one(read, kind, sex=sex))] == ["SEX-AS-UNKNOWN"]


@every_format
def test_an_unknown_sex_is_said_by_nobody(read: Read, kind: str) -> None:
    visit = read_one(read, kind, sex="unknown")
    assert (visit.patient.sex, said(visit)) == ("U", [])


@every_format
@pytest.mark.parametrize(
    ("detail", "category"),
    [("2034-7", "2028-9"), ("2036-2", "2028-9"), ("1586-7", "1002-5"), ("2056-0", "2054-5"), ("2500-7", "2076-8"),
     ("2118-8", "2106-3")],
)  # fmt: skip
def test_a_detailed_race_is_sent_under_its_category_with_the_detail_and_said(
    read: Read, kind: str, detail: str, category: str
) -> None:
    visit = read_one(read, kind, race=detail)
    assert [(race.code, race.alternate_code) for race in visit.patient.races] == [(category, detail)]
    assert said(visit) == [("CODE-ROLLED-UP", "PID-10", detail)]


@every_format
def test_a_detailed_ethnic_group_is_hispanic(read: Read, kind: str) -> None:
    visit = read_one(read, kind, ethnicity="2148-5")
    assert (visit.patient.ethnicity.code, visit.patient.ethnicity.alternate_code) == ("2135-2", "2148-5")
    assert said(visit) == [("CODE-ROLLED-UP", "PID-22", "2148-5")]


@pytest.mark.parametrize("kind", ["csv", "hl7"])
@pytest.mark.parametrize(
    ("word", "category"), [("Chinese", "2028-9"), ("Haitian", "2054-5"), ("Asian Indian", "2028-9")]
)
def test_words_for_detailed_races_are_known(read: Read, kind: str, word: str, category: str) -> None:
    visit = read_one(read, kind, race=word)
    assert [race.code for race in visit.patient.races] == [category]
    assert said(visit) == [("CODE-ROLLED-UP", "PID-10", word)]


@every_format
def test_hispanic_among_the_races_is_the_ethnicity(read: Read, kind: str) -> None:
    visit = read_one(read, kind, race="2106-3;2135-2", ethnicity="")
    assert [race.code for race in visit.patient.races] == ["2106-3"]
    assert (visit.patient.ethnicity.code, said(visit)) == ("2135-2", [])


@every_format
def test_hispanic_among_the_races_against_the_ethnicity_is_said(read: Read, kind: str) -> None:
    visit = read_one(read, kind, race="2106-3;2135-2", ethnicity="2186-5")
    assert visit.patient.ethnicity.code == "2186-5"
    assert said(visit) == [("ETHNICITY-CONTRADICTS", "PID-22", "2135-2")]


@every_format
def test_clinics_toml_may_count_a_detailed_race_otherwise(read: Read, kind: str) -> None:
    other = Code("2131-1", "Other Race", "CDCREC")
    codes = LocalCodes(MappingProxyType({"race": MappingProxyType({"2118-8": other})}))
    visit = local.applied(read_one(read, kind, race="2118-8"), codes)
    assert ([race.code for race in visit.patient.races], said(visit)) == (["2131-1"], [])


@every_format
def test_the_categories_themselves_are_said_by_nobody(read: Read, kind: str) -> None:
    visit = read_one(read, kind, race="2106-3;2028-9;2131-1;1002-5;2054-5;2076-8")
    assert (len(visit.patient.races), said(visit)) == (6, [])


@every_format
@pytest.mark.parametrize(("order", "multiple"), [("1", ""), ("2", "Y"), ("3", "Y")])
def test_a_birth_order_of_1_alone_is_no_multiple_birth(read: Read, kind: str, order: str, multiple: str) -> None:
    patient = read_one(read, kind, order=order).patient
    assert (patient.multiple_birth, patient.birth_order) == (multiple, order)


def test_codes_that_are_no_race_have_no_category() -> None:
    assert [races.category(text) for text in ("2187-3", "1001-7", "9999-9", "chess", "")] == [None] * 5
