"""Every element of the table in `elements` is filled in turn, and becomes what the table says of it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Visit
from shared.exports.fhir import walk
from shared.exports.fhir.elements import EXTENSIONS, TABLE, TITLES, Element, Fate
from shared.usecases.findings import is_error
from shared.usecases.prepare import prepare
from tests.shared.exports.fhir.build import a_bundle, a_patient, an_immunization, codes_of, findings_of, lines

Read = Callable[..., list[Visit]]
Resources = dict[str, dict[str, Any]]
SOURCE = Source("bulk", "fhir", clinic="elm")
CANARY = "CANARY-1"
NPI = "http://hl7.org/fhir/sid/us-npi"
CVX = "http://hl7.org/fhir/sid/cvx"
MVX = "http://hl7.org/fhir/sid/mvx"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def a_clinic(key: str, name: str) -> Clinic:
    return Clinic(key, name, f"FAC-{key}", "SENDER", "SENDER", "secret", export_names=frozenset({name}))


CONFIGURATION = Configuration(
    "v1",
    "Org",
    "VAXLINE",
    Iis("https://iis.example"),
    {"elm": a_clinic("elm", "Elm Clinic"), "oak": a_clinic("oak", "Oak Clinic")},
    {"bulk": SOURCE},
)


def coded(code: str, system: str = "", **more: str) -> dict[str, Any]:
    return {"coding": [{"code": code} | ({"system": system} if system else {}) | more]}


FULL: Resources = {
    "Immunization": an_immunization(
        meta={"versionId": "2", "lastUpdated": "2026-03-02T00:00:00Z", "security": [], "tag": []},
        vaccineCode=coded("08", CVX, display="Hep B"),
        occurrenceDateTime="2026-03-01",
        location={"reference": "Location/l"},
        manufacturer={"reference": "Organization/o"},
        expirationDate="2027-06-30",
        site=coded("LA"),
        route=coded("IM"),
        doseQuantity={"value": 0.5, "unit": "mL", "code": "mL"},
        performer=[{"function": coded("AP"), "actor": {"reference": "PractitionerRole/r"}}],
        note=[{"text": "a note"}],
        education=[{"documentType": "253088698300005911160720", "presentationDate": "2026-03-01"}],
        programEligibility=[coded("V01")],
        fundingSource=coded("PHC70"),
        protocolApplied=[{"doseNumberPositiveInt": 1}],
    ),
    "Patient": a_patient(
        telecom=[{"system": "phone", "value": "860-555-0101", "use": "home"}],
        address=[{"use": "home", "line": ["1 Elm Street"], "city": "Hartford", "state": "CT", "postalCode": "06103"}],
        contact=[
            {
                "relationship": [coded("MTH")],
                "name": {"family": "Sampleton", "given": ["Eve"]},
                "telecom": [{"system": "phone", "value": "860-555-0102"}],
                "address": {"city": "Hartford"},
            }
        ],
        extension=[
            {"url": f"{CORE}race", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]},
            {"url": f"{CORE}ethnicity", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2186-5"}}]},
        ],
    ),
    "Practitioner": {
        "resourceType": "Practitioner",
        "id": "n",
        "identifier": [{"system": NPI, "value": "1234567893"}],
        "name": [{"family": "Nurseby", "given": ["Nadia"]}],
    },
    "PractitionerRole": {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": "Practitioner/n"},
    },
    "Location": {"resourceType": "Location", "id": "l", "name": "Elm Clinic"},
    "Organization": {
        "resourceType": "Organization",
        "id": "o",
        "identifier": [{"system": MVX, "value": "MSD"}],
        "name": "Sanofi Pasteur",
    },
}
# Where a type is filled.
PLACES = {
    "Meta": "Immunization.meta",
    "Identifier": "Patient.identifier",
    "HumanName": "Patient.name",
    "Address": "Patient.address",
    "ContactPoint": "Patient.telecom",
    "Period": "Patient.name.period",
    "CodeableConcept": "Immunization.vaccineCode",
    "Coding": "Immunization.vaccineCode.coding",
    "Reference": "Immunization.manufacturer",
    "Quantity": "Immunization.doseQuantity",
    "Annotation": "Immunization.note",
}


def filled(path: str, value: Any, resources: Resources = FULL) -> Resources:
    """The resources with one element set; None removes it."""
    kind, *names = path.split(".")
    if kind in PLACES:
        kind, *above = PLACES[kind].split(".")
        names = [*above, *names]
    changed = copy.deepcopy(resources)
    holder: Any = changed[kind]
    for name in names[:-1]:
        holder = holder.setdefault(name, {})
        holder = holder[0] if isinstance(holder, list) else holder
    if value is None:
        holder.pop(names[-1], None)
    else:
        holder[names[-1]] = value
    return changed


def outcome(read: Read, resources: Resources, source: Source = SOURCE) -> tuple[str, list[tuple[str, str, str]]]:
    """The VXUs of an export, and its findings as (code, element, value)."""
    visits = read(source, {"x": lines(*resources.values())})
    texts = []
    found = [(f.code, f.column, f.value) for visit in visits for f in visit.findings]
    for visit in visits:
        if visit.rows:
            clinic = CONFIGURATION.clinic_for(source, visit.clinic)
            now = datetime(2026, 3, 3, tzinfo=UTC)
            prepared = prepare(visit, msh_10="M", clinic=clinic, configuration=CONFIGURATION, now=now)
            texts.append(prepared.vxu)
            found += [(f.code, f.column, f.value) for f in prepared.findings if f.code == "CLINIC-UNKNOWN"]
    return "\n".join(texts), sorted(set(found))


def test_the_full_export_is_sent_without_a_word(read: Read) -> None:
    text, found = outcome(read, FULL)
    assert text.count("RXA|") == 1
    assert not found


def test_the_table_has_each_element_once_and_a_type_for_every_name() -> None:
    paths = [element.path for element in TABLE]
    assert len(paths) == len(set(paths))
    tops = {path.partition(".")[0] for path in paths}
    assert tops == set(TITLES) | set(PLACES)
    assert {element.type for element in TABLE} - {""} <= set(PLACES) | {"Extension", "Resource"}


# reported -------------------------------------------------------------------------------------------------------------

# Element → (its value, what the VXU then has).
REPORTED: dict[str, tuple[Any, str]] = {
    "Immunization.id": ("DOSE-77", "DOSE-77"),
    "Immunization.status": ("not-done", "|NA|A\r"),
    "Immunization.statusReason": (coded("PATOBJ"), "03^Patient decision^NIP002"),
    "Immunization.vaccineCode": (coded("94", CVX), "94^MMRV^CVX"),
    "Immunization.occurrenceDateTime": ("2026-02-11", "|20260211|"),
    "Immunization.primarySource": (False, "01^Historical"),
    "Immunization.reportOrigin": (coded("record"), "03^Historical"),
    "Immunization.manufacturer": ({"identifier": {"system": MVX, "value": "SKB"}}, "SKB^"),
    "Immunization.lotNumber": ("LOT-77", "|LOT-77|"),
    "Immunization.expirationDate": ("2028-01-31", "|20280131|"),
    "Immunization.site": (coded("RT"), "RT^Right thigh"),
    "Immunization.route": (coded("SC"), "C38299^Subcutaneous"),
    "Immunization.doseQuantity": ({"value": 0.25, "code": "mL"}, "|0.25|mL"),
    "Immunization.performer": ([{"actor": {"display": "Dora Doctorow"}}], "^Doctorow^Dora"),
    "Immunization.performer.actor": ({"display": "Dora Doctorow"}, "^Doctorow^Dora"),
    "Immunization.note": ([{"text": CANARY}], CANARY),
    "Immunization.education": (
        [{"documentType": "253088698300012711120420", "presentationDate": "2026-03-01"}],
        "253088698300012711120420",
    ),
    "Immunization.education.documentType": ("253088698300012711120420", "253088698300012711120420"),
    "Immunization.education.presentationDate": ("2026-02-27", "|20260227|"),
    "Immunization.programEligibility": ([coded("V02")], "V02^"),
    "Immunization.fundingSource": (coded("VXC50"), "VXC50^"),
    "Immunization.protocolApplied": ([{"doseNumberPositiveInt": 7}], "|7|NA"),
    "Immunization.protocolApplied.doseNumberPositiveInt": (7, "|7|NA"),
    "Immunization.protocolApplied.doseNumberString": ("booster", "|booster|"),
    "Immunization.notGiven": (True, "|NA|A\r"),
    "Immunization.wasNotGiven": (True, "|NA|A\r"),
    "Immunization.explanation": ({"reasonNotGiven": [coded("RELIG")]}, "01^Religious exemption^NIP002"),
    "Immunization.explanation.reasonNotGiven": ([coded("RELIG")], "01^Religious exemption^NIP002"),
    "Immunization.reported": (True, "01^Historical"),
    "Immunization.date": ("2026-02-11", "|20260211|"),
    "Patient.identifier": ([{"type": coded("MR"), "value": "MRN-77"}], "MRN-77^^^"),
    "Patient.name": ([{"family": "Exampleby", "given": ["Ida"]}], "Exampleby^Ida"),
    "Patient.telecom": ([{"system": "email", "value": "ada@example.org"}], "ada@example.org"),
    "Patient.gender": ("male", "|20200102|M|"),
    "Patient.birthDate": ("2019-12-31", "|20191231|"),
    "Patient.deceasedBoolean": (True, "||Y\r"),
    "Patient.deceasedDateTime": ("2026-03-02", "|20260302|Y"),
    "Patient.address": ([{"line": ["7 Oak Lane"], "city": "Hartford"}], "7 Oak Lane^^Hartford"),
    "Patient.multipleBirthBoolean": (True, "||Y\r"),
    "Patient.multipleBirthInteger": (2, "|Y|2"),
    "Patient.contact": (
        [{"relationship": [coded("FTH")], "name": {"family": "Sampleton", "given": ["Abe"]}}],
        "Sampleton^Abe^^^^^L|FTH",
    ),
    "Patient.contact.relationship": ([coded("GRD")], "|GRD^"),
    "Patient.contact.name": ({"family": "Exampleby", "given": ["Eve"]}, "NK1|1|Exampleby^Eve"),
    "Patient.contact.telecom": ([{"system": "phone", "value": "860-555-0177"}], "^860^5550177"),
    "Patient.contact.address": ({"city": "Norwich"}, "^^Norwich"),
    "Practitioner.identifier": ([{"system": NPI, "value": "1999999992"}], "1999999992^Nurseby"),
    "Practitioner.name": ([{"family": "Doctorow"}], "1234567893^Doctorow"),
    "PractitionerRole.identifier": ([{"system": NPI, "value": "1999999992"}], "1999999992^Nurseby"),
    "PractitionerRole.practitioner": ({"display": "Dora Doctorow"}, "^Doctorow^Dora"),
    "Organization.identifier": ([{"system": MVX, "value": "SKB"}], "|SKB^"),
    "Organization.name": ("GlaxoSmithKline", "|SKB^"),
    "Identifier.value": ("MRN-77", "MRN-77^^^"),
    "HumanName.family": ("Exampleby", "|Exampleby^Ada"),
    "HumanName.given": (["Ida", "B"], "Sampleton^Ida^B"),
    "HumanName.suffix": (["III"], "Sampleton^Ada^Q^III"),
    "Address.use": ("work", "^B"),
    "Address.type": ("postal", "^06103^^M"),
    "Address.line": (["7 Oak Lane", "Apt 7"], "7 Oak Lane^Apt 7"),
    "Address.city": ("Norwich", "^Norwich^CT"),
    "Address.district": ("Capitol", "^H^^09110"),
    "Address.state": ("NY", "^Hartford^NY"),
    "Address.postalCode": ("06105", "^06105"),
    "Address.country": ("CA", "^CAN"),
    "ContactPoint.value": ("860-555-0177", "^860^5550177"),
    "ContactPoint.use": ("work", "^WPN^PH"),
    "CodeableConcept.coding": ([{"system": CVX, "code": "94"}], "94^MMRV^CVX"),
    "CodeableConcept.text": ("hepatitis B vaccine", "08^hepatitis B vaccine^CVX"),
    "Coding.code": ("94", "94^"),
    "Coding.display": ("HEP-B", "08^HEP-B^CVX"),
    "Reference.display": ("Merck", "MSD^Merck^MVX"),
    "Quantity.value": (0.25, "|0.25|mL"),
    "Quantity.unit": ("mg", "|0.5|mg"),
    "Quantity.code": ("mg", "|0.5|mg"),
    "Annotation.text": (CANARY, CANARY),
}
# What else has to be changed for an element to be the one that is reported.
NOT_GIVEN: dict[str, Any] = {"Immunization.lotNumber": None}
BESIDE: dict[str, dict[str, Any]] = {
    "Immunization.status": NOT_GIVEN,
    "Immunization.notGiven": NOT_GIVEN,
    "Immunization.wasNotGiven": NOT_GIVEN,
    "Immunization.statusReason": NOT_GIVEN | {"Immunization.status": "not-done"},
    "Immunization.explanation": NOT_GIVEN | {"Immunization.notGiven": True},
    "Immunization.explanation.reasonNotGiven": NOT_GIVEN | {"Immunization.notGiven": True},
    "Immunization.reportOrigin": {"Immunization.primarySource": False},
    "Immunization.reported": {"Immunization.primarySource": None},
    "Immunization.date": {"Immunization.occurrenceDateTime": None},
    "Immunization.protocolApplied.doseNumberString": {"Immunization.protocolApplied.doseNumberPositiveInt": None},
    "PractitionerRole.identifier": {"Practitioner.identifier": None},
    "Organization.name": {"Organization.identifier": None},
    "CodeableConcept.text": {"Immunization.vaccineCode.coding": [{"system": CVX, "code": "08"}]},
    "Quantity.unit": {"Quantity.code": None},
}


ENDED = {"end": "2020-01-01"}
OTHER_NUMBER = {"type": coded("MR"), "system": "urn:other", "value": "MRN-77"}
SECOND_NAME = {"family": "Exampleby", "given": ["Ida"]}
# Element → what to change beside it, and two values of it (None: absent) with which the outcome differs.
DECIDES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "Immunization.resourceType": ({}, "Immunization", "Basic"),
    "Immunization.meta": ({}, None, {"tag": [{"code": "SUBSETTED"}]}),
    "Immunization.contained": (
        {"Immunization.manufacturer": {"reference": "#m"}},
        [{"resourceType": "Organization", "id": "m", "identifier": [{"system": MVX, "value": "SKB"}]}],
        [{"resourceType": "Organization", "id": "m", "identifier": [{"system": MVX, "value": "PMC"}]}],
    ),
    "Immunization.extension": ({}, None, [{"url": "urn:new"}]),
    "Immunization.identifier": ({"Immunization.id": None}, [{"value": "ID-1"}], [{"value": "ID-2"}]),
    "Immunization.patient": ({}, {"reference": "Patient/p1"}, {"reference": "Patient/p2"}),
    "Immunization.occurrenceString": ({"Immunization.occurrenceDateTime": None}, None, "last spring"),
    "Immunization.location": ({}, {"display": "Elm Clinic"}, {"display": "Oak Clinic"}),
    "Immunization.performer.function": ({}, coded("AP"), coded("OP")),
    "Immunization.isSubpotent": ({}, False, True),
    "Immunization.subpotentReason": ({}, None, [coded("partialdose")]),
    "Patient.resourceType": ({}, "Patient", "Basic"),
    "Patient.id": ({}, "p1", "p2"),
    "Patient.meta": ({}, None, {"security": [{"code": "HTEST"}]}),
    "Patient.contained": ({}, [], [{"resourceType": "Organization", "modifierExtension": [{"url": "urn:x"}]}]),
    "Patient.extension": ({}, None, [{"url": "urn:new"}]),
    "Patient.active": ({}, True, False),
    "Patient.contact.organization": (
        {"Patient.contact.name": {}, "Patient.contact.telecom": []},
        {"display": "Elm Insurance"},
        {"display": "Oak Insurance"},
    ),
    "Patient.contact.period": ({}, {"start": "2020"}, ENDED),
    "Patient.link": ({}, None, [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]),
    "Patient.link.other": (
        {"Patient.link": [{"type": "replaces"}]},
        {"reference": "Patient/p2"},
        {"reference": "Patient/p1"},
    ),
    "Patient.link.type": ({"Patient.link": [{"other": {"reference": "Patient/p2"}}]}, "seealso", "replaced-by"),
    **{f"{kind}.resourceType": ({}, kind, "Basic") for kind in ("Practitioner", "PractitionerRole")},
    **{f"{kind}.resourceType": ({}, kind, "Basic") for kind in ("Location", "Organization")},
    **{f"{kind}.id": ({}, FULL[kind]["id"], "else") for kind in FULL if kind not in ("Immunization", "Patient")},
    **{
        f"{kind}.{name}": ({}, before, after)
        for kind in FULL
        if kind not in ("Immunization", "Patient")
        for name, before, after in (
            ("contained", [], [{"resourceType": "Organization", "modifierExtension": [{"url": "urn:x"}]}]),
            ("extension", [], [{"url": "urn:new"}]),
        )
    },
    "Location.identifier": ({"Location.name": None}, [{"value": "Elm Clinic"}], [{"value": "Oak Clinic"}]),
    "Location.name": ({}, "Elm Clinic", "Oak Clinic"),
    "Meta.security": ({}, [], [{"code": "HTEST"}]),
    "Meta.tag": ({}, [], [{"code": "SUBSETTED"}]),
    "Identifier.use": ({}, "usual", "old"),
    "Identifier.type": ({}, coded("MR"), coded("SS")),
    "Identifier.system": ({}, "urn:example", "http://hl7.org/fhir/sid/us-ssn"),
    "Identifier.period": ({}, {"start": "2020"}, ENDED),
    "HumanName.use": (
        {"Patient.name": [SECOND_NAME, SECOND_NAME | {"family": "Z", "use": "usual"}]},
        "official",
        "old",
    ),
    "HumanName.period": ({}, {"start": "2020"}, ENDED),
    "Address.text": ({"Patient.address": [{}]}, None, "1 Elm Street, Hartford"),
    "Address.period": ({}, {"start": "2020"}, ENDED),
    "ContactPoint.system": ({}, "phone", "fax"),
    "ContactPoint.rank": (
        {
            "Patient.telecom": [
                {"system": "phone", "value": "860-555-0101"},
                {"system": "phone", "value": "860-555-0102", "rank": 2},
            ]
        },
        1,
        3,
    ),
    "ContactPoint.period": ({}, {"start": "2020"}, ENDED),
    "Period.start": ({}, "2020", "2027"),
    "Period.end": ({}, "2027", "2020"),
    "Coding.system": ({}, CVX, "urn:own"),
    "Reference.reference": ({}, "Organization/o", "Organization/else"),
    "Reference.type": (
        {"Organization.identifier": [{"system": "urn:o", "value": "1"}, {"system": MVX, "value": "MSD"}]}
        | {"Immunization.manufacturer": {"identifier": {"system": "urn:o", "value": "1"}}},
        "Organization",
        "Basic",
    ),
    "Reference.identifier": (
        {"Immunization.manufacturer": {}},
        {"system": MVX, "value": "MSD"},
        {"system": MVX, "value": "SKB"},
    ),
    "Quantity.comparator": ({}, None, "<"),
}
# These need more than one export of one dose: test_versions.py, test_nested.py, test_deletions.py, test_sets.py and
# test_performers.py show what they decide.
SHOWN_ELSEWHERE = re.compile(r"Bundle\..*|Manifest\..*|Meta\.(versionId|lastUpdated)|.*\.meta|HumanName\.text")


def of_fate(fate: Fate) -> Any:
    rows = [element for element in TABLE if element.fate is fate]
    if fate is Fate.DECIDES:
        rows = [row for row in rows if row.path in DECIDES or not SHOWN_ELSEWHERE.fullmatch(row.path)]
    return pytest.mark.parametrize("element", rows, ids=lambda element: element.path)


def prepared_for(path: str) -> Resources:
    resources = FULL
    for other, value in BESIDE.get(path, {}).items():
        resources = filled(other, value, resources)
    return resources


@of_fate(Fate.REPORTED)
def test_what_is_reported_is_in_the_message(read: Read, element: Element) -> None:
    value, expected = REPORTED[element.path]
    before = prepared_for(element.path)
    text, _ = outcome(read, filled(element.path, value, before))
    assert expected in text
    assert expected not in outcome(read, before)[0]


# what decides -------------------------------------------------------------------------------------------------------


@of_fate(Fate.DECIDES)
def test_what_decides_makes_a_difference(read: Read, element: Element) -> None:
    beside, one, other = DECIDES[element.path]
    resources = FULL
    for path, value in beside.items():
        resources = filled(path, value, resources)
    before = outcome(read, filled(element.path, one, resources))
    assert before != outcome(read, filled(element.path, other, resources))


# what is not read -----------------------------------------------------------------------------------------------------


def in_container(path: str, value: Any) -> dict[str, Any]:
    """A Bundle of the full export with one of its own elements set."""
    bundle = a_bundle(*copy.deepcopy(list(FULL.values())))
    _, *names = path.split(".")
    holder: Any = bundle
    for name in names[:-1]:
        holder = holder[name][0]
    holder[names[-1]] = value
    return bundle


def outcome_of(read: Read, path: str, value: Any) -> tuple[str, list[tuple[str, str, str]]]:
    kind = path.partition(".")[0]
    if kind == "Bundle":
        return outcome(read, {"Bundle": in_container(path, value)})
    return outcome(read, filled(path, value))


@of_fate(Fate.HARMLESS)
def test_what_is_not_read_changes_nothing(read: Read, element: Element) -> None:
    if element.path.startswith("Manifest."):
        assert not walk.found_in(json.dumps({element.path.partition(".")[2]: {"x": CANARY}}).encode(), "Manifest")
    else:
        assert outcome_of(read, element.path, CANARY) == outcome(read, FULL)


@of_fate(Fate.LEFT_OUT)
def test_what_is_left_out_is_named(read: Read, element: Element) -> None:
    text, found = outcome_of(read, element.path, [{"detail": CANARY}])
    assert found == [("ELEMENT-NOT-REPORTED", element.path, json.dumps([{"detail": CANARY}]))]
    assert text == outcome(read, FULL)[0]
    ignoring = Source("bulk", "fhir", clinic="elm", ignore=(element.path,))
    assert outcome(read, filled(element.path, [{"detail": CANARY}]), ignoring)[1] == []


@of_fate(Fate.HOLDS)
def test_what_may_change_the_meaning_holds_the_dose(read: Read, element: Element) -> None:
    text, found = outcome_of(read, element.path, [{"url": "urn:x", "valueBoolean": True}])
    assert text == ""
    assert [code for code, _, _ in found] == ["ELEMENT-MODIFIES"]
    assert element.path in "".join(found[0])


# what nobody knows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{kind}.invented" for kind in [*FULL, *PLACES]])
def test_an_element_that_the_table_does_not_have_is_said_once_for_the_export(read: Read, path: str) -> None:
    kind = path.partition(".")[0]
    place = PLACES.get(kind, kind)
    changed = filled(path, CANARY)
    second = copy.deepcopy(changed["Immunization"]) | {"id": "i2", "occurrenceDateTime": "2026-03-02"}
    visits = read(SOURCE, {"x": lines(*changed.values(), second)})
    assert [(f.code, f.value) for f in findings_of(visits)] == [("ELEMENT-UNKNOWN", f"{place}.invented")]
    assert not visits[-1].rows
    ignoring = Source("bulk", "fhir", clinic="elm", ignore=(f"{place}.invented",))
    assert not codes_of(read(ignoring, {"x": lines(*changed.values())}))


@pytest.mark.parametrize("name", ["refused", "wasDeleted", "vaxStatus", "isHistorical"])
def test_an_unknown_element_of_a_dose_that_may_say_it_was_not_given_holds_it(read: Read, name: str) -> None:
    text, found = outcome(read, filled(f"Immunization.{name}", True))
    assert (text, found) == ("", [("ELEMENT-UNDECIDED", f"Immunization.{name}", "true")])
    ignoring = Source("bulk", "fhir", clinic="elm", ignore=(f"Immunization.{name}",))
    assert outcome(read, filled(f"Immunization.{name}", True), ignoring)[0] == outcome(read, FULL)[0]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("Patient.extension", [{"url": "urn:own"}], "Patient.extension urn:own"),
        ("Patient.extension", [{"valueString": "x"}], "Patient.extension without URL"),
        ("Patient._birthDate", {"extension": [{"url": "urn:own"}]}, "Patient.birthDate.extension urn:own"),
        ("Patient.name._given", [None, {"extension": [{"url": "urn:own"}]}], "Patient.name.given.extension urn:own"),
        ("Patient._invented", {"id": "x"}, "Patient._invented"),
    ],
)
def test_an_extension_that_nobody_knows_is_said_by_its_url(read: Read, path: str, value: Any, said: str) -> None:
    found = outcome(read, filled(path, value))[1]
    assert [(code, value) for code, _, value in found] == [("ELEMENT-UNKNOWN", said)]
    ignoring = Source("bulk", "fhir", clinic="elm", ignore=("urn:own", said))
    assert outcome(read, filled(path, value), ignoring)[1] == []


@pytest.mark.parametrize("element", EXTENSIONS, ids=lambda element: element.path.rpartition("/")[2])
def test_a_known_extension_needs_no_word(read: Read, element: Element) -> None:
    url = f"{element.path}x" if element.path.endswith("-") else element.path
    for path in ("Patient.extension", "Patient._birthDate", "Patient.address.extension"):
        extension = [{"url": url, "valueString": "Mockford"}]
        value: Any = {"extension": extension} if "._" in path else extension
        assert "ELEMENT-UNKNOWN" not in [code for code, _, _ in outcome(read, filled(path, value))[1]]


@pytest.mark.parametrize("where", ["Patient", "Immunization.performer", "Patient.name", "Organization"])
def test_a_modifier_extension_may_be_ignored_by_its_url(read: Read, where: str) -> None:
    changed = filled(f"{where}.modifierExtension", [{"url": "urn:harmless"}])
    assert outcome(read, changed)[0] == ""
    ignoring = Source("bulk", "fhir", clinic="elm", ignore=("urn:harmless",))
    assert outcome(read, changed, ignoring) == outcome(read, FULL)


@pytest.mark.parametrize("contained", [[{"resourceType": ["Patient"]}], [7], "x", [{}], {"resourceType": "Patient"}])
def test_contained_resources_of_any_shape_break_nothing(read: Read, contained: Any) -> None:
    assert outcome(read, filled("Immunization.contained", contained))[0].count("RXA|") == 1


def test_a_bundle_that_may_mean_something_else_holds_its_doses_and_no_others(read: Read) -> None:
    odd = in_container("Bundle.implicitRules", "urn:rules")
    good = a_bundle(an_immunization("i9", occurrenceDateTime="2026-03-05"))
    visits = read(SOURCE, {"x": lines(odd, good)})
    held = [visit for visit in visits if any(map(is_error, visit.findings))]
    assert [visit.rows for visit in held] == [(("x", 1),)]
    assert [dose.id for visit in visits for dose in visit.doses] == ["i9"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "id"]), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([element.path for element in TABLE if element.path.partition(".")[0] in FULL]), _JSON)
def test_a_resource_without_anything_to_find_is_told_at_once_and_rightly(path: str, value: Any) -> None:
    kind = path.partition(".")[0]
    payload = json.dumps(filled(path, value)[kind]).encode()
    assert walk.found_in(payload, kind) == walk._found(payload, kind)
