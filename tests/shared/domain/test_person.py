from __future__ import annotations

import pytest
from hypothesis import example, given
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
        ("A", "Ada"),
        ("A.", "Ada Lou"),
        ("Ada L.", "Ada Louise"),
        ("Mary Anne", "Maryann"),
        ("Anna", "Anne"),
        ("Ada Luise", "Ada Louise"),
    ],
)
def test_a_spelling_an_initial_a_middle_name_and_a_newborns_real_name_are_one_person(one, other):
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
        ("Mia", "Lia"),
        ("Jan", "Ian"),
        ("Ada Lou", "Ida Lou"),
        ("Ada Lou", "Idalou"),
        ("Adalou", "Ida Lou"),
        ("Ada Lou", "Ada Sue"),
        ("Ana", "Dana"),
        ("Kayla", "Layla"),
        ("A", "Bea"),
        ("A", "Ida Ann"),
    ],
)
def test_twins_and_different_names_are_two_people(one, other):
    assert not is_same_given_name(one, other)
    assert not is_same_given_name(other, one)


@given(names, names)
@example("Ada Be", "Adabec")
def test_the_order_of_the_two_does_not_matter(one, other):
    assert is_same_given_name(one, other) == is_same_given_name(other, one)
    assert is_same_given_name(one, one)


@given(st.text("acdef", min_size=1, max_size=3), st.text("acdef", min_size=1, max_size=3), names)
def test_two_short_names_are_one_person_only_if_they_are_equal_or_one_is_an_initial(one, other, middle):
    is_initial = 1 in (len(one), len(other)) and one[0] == other[0]
    assert is_same_given_name(f"{one} {middle}", f"{other} {middle}") == (one == other or is_initial)


@pytest.mark.parametrize(
    ("given_name", "expected"), [("Baby", True), ("BG Sampleton", True), ("Boyd", False), ("Girlie", False)]
)
def test_a_placeholder_is_told_by_its_first_word(given_name, expected):
    assert is_placeholder(given_name) is expected
