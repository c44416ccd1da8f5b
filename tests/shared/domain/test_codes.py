"""The code tables: what an EHR writes is found, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import codes
from shared.domain.codes import TABLES, Table
from shared.domain.model import NO_CODE


@pytest.mark.parametrize(
    ("table", "raw", "code"),
    [
        (codes.SEX, "Female", "F"),
        (codes.SEX, "m", "M"),
        (codes.SEX, "other", "U"),
        (codes.RACE, "Black / African American", "2054-5"),
        (codes.ETHNICITY, "Not Hispanic or Latino", "2186-5"),
        (codes.ROUTE, "IM", "C28161"),
        (codes.ROUTE, " Intramuscular ", "C28161"),
        (codes.SITE, "LA", "LA"),
        (codes.SITE, "left  ARM", "LA"),
        (codes.FUNDING_SOURCE, "Private", "PHC70"),
        (codes.ELIGIBILITY, "Private", "V01"),
        (codes.ELIGIBILITY, "V00", "V00"),
        (codes.ELIGIBILITY, "cta01", "CTA01"),
        (codes.INFORMATION_SOURCE, "0", "00"),
        (codes.COMPLETION, "not-done", "NA"),
        (codes.ACTION, "entered-in-error", "D"),
        (codes.RELATIONSHIP, "mother", "MTH"),
        (codes.UNITS, "ML", "mL"),
        (codes.COUNTRY, "US", "USA"),
        (codes.YES_NO, "true", "Y"),
    ],
)
def test_a_word_means_its_code(table: Table, raw: str, code: str) -> None:
    found = codes.look_up(table, raw)
    assert found is not None
    assert found.code == code


def test_not_known_is_empty_and_not_an_error() -> None:
    assert codes.look_up(codes.RACE, "Declined to answer") == NO_CODE


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_code_means_itself_and_no_spelling_means_two_codes(table: Table) -> None:
    meanings: dict[str, str] = {}
    for code, text, aliases in table.rows:
        if code:
            found = codes.look_up(table, code)
            assert found is not None
            assert (found.code, found.text, found.system) == (code, text, table.system)
        for spelling in (code, text, *aliases):
            key = codes.normalised(spelling)
            if key:
                assert meanings.setdefault(key, code) == code, f"{spelling} means two codes"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_stands_in_no_table_is_not_guessed(table: Table) -> None:
    assert codes.look_up(table, "something that nobody wrote before") is None


@given(st.sampled_from(TABLES), st.text(max_size=30))
def test_looking_up_never_fails(table: Table, raw: str) -> None:
    found = codes.look_up(table, raw)
    assert found is None or found.code == found.code.strip()


@pytest.mark.parametrize(
    ("raw", "code"), [("8", "08"), ("008", "08"), ("140", "140"), (" 03 ", "03"), ("8.0", None), ("MMR", None)]
)
def test_a_cvx_has_at_least_two_digits(raw: str, code: str | None) -> None:
    found = codes.cvx(raw)
    assert (found.code if found else None) == code


def test_an_mvx_is_letters_and_no_name() -> None:
    found = codes.mvx("msd")
    assert found is not None
    assert found.code == "MSD"
    assert codes.mvx("Merck & Co") is None
