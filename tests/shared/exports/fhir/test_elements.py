"""Every element of the table in `elements` is filled in turn, and becomes what the table says of it."""

from __future__ import annotations

import copy
import json
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
from tests.shared.exports.fhir.build import a_bundle, an_immunization, codes_of, findings_of, lines
from tests.shared.exports.fhir.elements_filled import (
    BESIDE,
    CANARY,
    DECIDES,
    FULL,
    PLACES,
    REPORTED,
    SHOWN_ELSEWHERE,
    Resources,
    filled,
)

Read = Callable[..., list[Visit]]
SOURCE = Source("bulk", "fhir", clinic="elm")


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
