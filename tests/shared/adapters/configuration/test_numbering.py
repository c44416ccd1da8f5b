"""Two sources whose patient and dose numbers would meet at the IIS are refused, with the ways out."""

from __future__ import annotations

import pytest

from shared.adapters.configuration.reader import parse_configuration
from shared.domain.clinics import Configuration, number_space
from shared.domain.model import Numbering

HEAD = """
[organization]
name = "Sampleton Health"
sending_facility = "ORG"

[iis]
endpoint = "https://iis.example.org/soap"
profile = "{profile}"

[clinics.elm]
name = "Elm"
facility = "F-ELM"

[clinics.oak]
name = "Oak"
facility = "F-OAK"

[clinics.ash]
name = "Ash"
facility = "F-ASH"
sending_facility = "ASH"
"""


def read(*sources: str, profile: str = "ctwiz") -> Configuration | dict[str, str]:
    """Sources, each as the lines of its table, named a, b, c; errors by their keys."""
    tables = (f'[sources.{name}]\nformat = "csv"\n{lines}\n' for name, lines in zip("abc", sources, strict=False))
    found = parse_configuration(HEAD.format(profile=profile) + "\n".join(tables))
    return found if isinstance(found, Configuration) else {error.key: str(error) for error in found}


ELM, OAK, ASH = ('clinic = "elm"', 'clinic = "oak"', 'clinic = "ash"')


@pytest.mark.parametrize("profile", ["ctwiz", "default"])
@pytest.mark.parametrize(
    "sources",
    [
        (ELM, ELM),
        (ELM, OAK),
        (ELM, ""),
        ("", ASH),
        (ELM, f'{ASH}\nauthority = "ORG"'),
        (f'{ELM}\nauthority = "X"', f'{ASH}\nauthority = "X"'),
        (f'{ELM}\nid_prefix = "H-"', f'{OAK}\nid_prefix = "h-"'),
    ],
    ids=["one clinic", "one organization", "no default clinic", "all clinics", "authority", "both", "case of a prefix"],
)
def test_two_sources_under_one_authority_with_one_prefix_are_refused(sources: tuple[str, ...], profile: str) -> None:
    found = read(*sources, profile=profile)
    assert isinstance(found, dict)
    assert list(found) == ["sources.b"]
    for words in ("sources.a", "id_prefix", "authority", 'numbers_of = "a"'):
        assert words in found["sources.b"]


@pytest.mark.parametrize("profile", ["ctwiz", "default"])
@pytest.mark.parametrize(
    "sources",
    [
        (ELM, ASH),
        (ELM, f'{ELM}\nid_prefix = "H-"'),
        (f'{ELM}\nid_prefix = "G-"', f'{OAK}\nid_prefix = "H-"'),
        (ELM, f'{OAK}\nnumbers_of = "a"', 'numbers_of = "a"'),
    ],
    ids=["own sending facility", "a prefix", "two prefixes", "numbers of one EHR"],
)
def test_sources_whose_numbers_cannot_meet_are_right(sources: tuple[str, ...], profile: str) -> None:
    assert isinstance(read(*sources, profile=profile), Configuration)


def test_an_authority_alone_separates_patients_only_where_the_iis_files_them_by_it() -> None:
    sources = (ELM, f'{OAK}\nauthority = "OAK"')
    assert isinstance(read(*sources, profile="default"), Configuration)
    found = read(*sources, profile="ctwiz")
    assert isinstance(found, dict)
    assert "sends as ORG (MSH-4)" in found["sources.b"]
    assert "authority alone does not separate them" in found["sources.b"]
    assert isinstance(read(ELM, f'{ASH}\nauthority = "OAK"', profile="ctwiz"), Configuration)


def test_a_source_that_shares_numbers_is_still_told_apart_from_a_third() -> None:
    found = read(ELM, f'{ASH}\nnumbers_of = "a"', ASH)
    assert isinstance(found, dict)
    assert list(found) == ["sources.c"]
    assert "sources.b" in found["sources.c"]


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('numbers_of = "aa"', "sources.b.numbers_of", "Did you mean a?"),
        ('numbers_of = "b"', "sources.b.numbers_of", "the source itself"),
        ('numbers_of = "c"', "sources.b.numbers_of", 'Write numbers_of = "a"'),
        ('numbers_of = "a"\nid_prefix = "H-"', "sources.b.id_prefix", "that of sources.a"),
        ('numbers_of = "a"\nauthority = "X"', "sources.b.authority", "that of sources.a"),
        ('id_prefix = "H^"', "sources.b.id_prefix", "not a prefix"),
        ('id_prefix = ""', "sources.b.id_prefix", "not a prefix"),
        ('authority = "A B"', "sources.b.authority", "spaces"),
    ],
)
def test_what_is_wrong_with_a_numbering_is_named(lines: str, key: str, words: str) -> None:
    found = read(ELM, lines, f'{ELM}\nnumbers_of = "a"')
    assert isinstance(found, dict)
    assert words in found[key]


def test_a_source_that_uses_another_s_numbers_has_its_prefix_and_authority() -> None:
    found = read(f'{ELM}\nid_prefix = "H-"\nauthority = "EHR"', 'numbers_of = "a"')
    assert isinstance(found, Configuration)
    assert {one.numbering for one in found.sources.values()} == {Numbering("H-", "EHR")}
    assert [number_space(one) for one in found.sources.values()] == ["a", "a"]


def test_a_number_belongs_to_the_source_named_else_to_all_sources_of_the_clinic() -> None:
    found = read(ELM, f'{OAK}\nid_prefix = "H-"', f'{ASH}\nid_prefix = "J-"')
    assert isinstance(found, Configuration)
    assert found.numbering_for("ash", "b") == Numbering("H-")
    assert found.numbering_for("oak") == Numbering("H-")
    without_default = read(ELM, 'id_prefix = "H-"')
    assert isinstance(without_default, Configuration)
    assert without_default.numbering_for("elm") is None
    assert without_default.numbering_for("oak") == Numbering("H-")
