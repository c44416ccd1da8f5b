"""A small change of clinics.toml changes that and nothing else."""

from __future__ import annotations

import tomllib

import pytest

from shared.adapters.configuration import edit
from shared.adapters.configuration.reader import parse_configuration
from shared.domain.clinics import Configuration
from tests.end_to_end.rows import CLINICS


def parsed(text: str) -> Configuration:
    found = parse_configuration(text)
    assert isinstance(found, Configuration), found
    return found


def lines_changed(text: str) -> tuple[set[str], set[str]]:
    before, after = set(CLINICS.splitlines()), set(text.splitlines())
    return before - after, after - before


def test_a_code_is_added_to_a_map_that_is_not_there_yet_and_then_to_the_one_that_is() -> None:
    once = edit.add_code_mapping(CLINICS, "elm", "vaccine", "BOOSTRIX A", "115")
    twice = edit.add_code_mapping(once, "elm", "vaccine", "kinrix", "20")
    again = edit.add_code_mapping(twice, "elm", "vaccine", "kinrix", "130")
    codes = tomllib.loads(again)["sources"]["elm"]["codes"]["vaccine"]
    assert codes == {"BOOSTRIX A": "115", "kinrix": "130"}
    assert parsed(again).sources["elm"].local.tables["vaccine"]
    assert lines_changed(twice)[0] == set()


def test_a_facility_code_is_replaced_at_its_clinic_alone() -> None:
    text = edit.set_facility_code(CLINICS, "elm", "CT7777")
    before, after = parsed(CLINICS), parsed(text)
    assert after.clinics["elm"].facility == "CT7777"
    assert {key: one for key, one in after.clinics.items() if key != "elm"} == {
        key: one for key, one in before.clinics.items() if key != "elm"
    }
    assert len(lines_changed(text)[1]) == 1


def test_a_clinic_s_name_is_added_to_those_it_has() -> None:
    after = parsed(edit.add_export_name(CLINICS, "elm", 'The "Elm"'))
    assert after.clinics["elm"].export_names == parsed(CLINICS).clinics["elm"].export_names | {'The "Elm"'}


@pytest.mark.parametrize("nasty", ['"', "\\", "a\nb", "]", "[x]", "#"])
def test_no_value_can_break_out_of_its_line(nasty: str) -> None:
    text = edit.add_code_mapping(CLINICS, "elm", "route", nasty, "SC")
    assert tomllib.loads(text)["sources"]["elm"]["codes"]["route"] == {nasty: "SC"}


def test_a_clinic_that_is_not_there_makes_a_text_that_is_refused() -> None:
    assert not isinstance(parse_configuration(edit.set_facility_code(CLINICS, "nowhere", "CT1")), Configuration)
