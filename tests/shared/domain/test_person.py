from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.person import Person, differences, is_placeholder, is_same_given_name
from shared.replaced import replace

ADA = Person("Sampleton", "Ada", "20200102", "F", "1")
names = st.text(st.sampled_from("aábBcde -'"), max_size=9)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"birth_date": "20200103"}, ("PID-7",)),
        ({"sex": "M"}, ("PID-8",)),
        ({"given": "Bea"}, ("PID-5.2",)),
        ({"birth_order": "2"}, ("PID-25",)),
        ({"given": "Bo", "birth_date": "19800203"}, ("PID-5.2", "PID-7")),
        ({"family": "Otherly"}, ()),
        ({"birth_date": ""}, ()),
        ({"sex": "U"}, ()),
        ({"sex": ""}, ()),
        ({"given": ""}, ()),
        ({"birth_order": ""}, ()),
    ],
)
def test_another_birth_date_sex_first_name_or_birth_order_is_another_person(changes, paths):
    other = replace(ADA, **changes)
    assert differences(ADA, other) == paths
    assert differences(other, ADA) == paths


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KAI", "Kai"),
        ("José", "JOSE"),
        ("Jon", "John"),
        ("Katherine", "Catherine"),
        ("Mary", "Mary Ann"),
        ("Mary-Ann", "Maryann"),
        ("D'Arcy", "Darcy"),
        ("Brain", "Brian"),
        ("Baby Boy", "Kai"),
        ("Newborn", "Ada"),
        ("BABY GIRL SAMPLETON", "Ada Lou"),
        ("", "Ada"),
    ],
)
def test_a_spelling_a_middle_name_and_a_newborns_real_name_are_one_person(one, other):
    assert is_same_given_name(one, other)
    assert is_same_given_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KAI", "KAILA"),
        ("Ada", "Ida"),
        ("Ada", "Bo"),
        ("Baby A", "Baby B"),
        ("Twin 1", "Twin 2"),
        ("Al", "Albert"),
        ("Mia", "Mai"),
    ],
)
def test_twins_and_different_names_are_two_people(one, other):
    assert not is_same_given_name(one, other)
    assert not is_same_given_name(other, one)


@given(names, names)
def test_the_order_of_the_two_does_not_matter(one, other):
    assert is_same_given_name(one, other) == is_same_given_name(other, one)
    assert is_same_given_name(one, one)


@pytest.mark.parametrize(
    ("given_name", "expected"), [("Baby", True), ("BG Sampleton", True), ("Boyd", False), ("Girlie", False)]
)
def test_a_placeholder_is_told_by_its_first_word(given_name, expected):
    assert is_placeholder(given_name) is expected
