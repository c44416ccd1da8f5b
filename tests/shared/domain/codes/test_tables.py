"""The code tables: spellings of EHRs are found, and others are not guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import tables
from shared.domain.codes.diseases import DISEASE
from shared.domain.codes.statuses import EVENT_STATUS, EXTRACT_TYPE
from shared.domain.codes.table import Table, normalized
from shared.domain.codes.tables import TABLES as OF_MESSAGES
from shared.domain.model import NO_CODE

TABLES = (*OF_MESSAGES, DISEASE, EVENT_STATUS, EXTRACT_TYPE)


@pytest.mark.parametrize(
    ("table", "raw", "code"),
    [
        (tables.SEX, "Female", "F"),
        (tables.SEX, "m", "M"),
        (tables.SEX, "other", "U"),
        (tables.RACE, "Black / African American", "2054-5"),
        (tables.ETHNICITY, "Not Hispanic or Latino", "2186-5"),
        (tables.ROUTE, "IM", "C28161"),
        (tables.ROUTE, " Intramuscular ", "C28161"),
        (tables.SITE, "LA", "LA"),
        (tables.SITE, "left  ARM", "LA"),
        (tables.FUNDING_SOURCE, "Private", "PHC70"),
        (tables.ELIGIBILITY, "Private", "V01"),
        (tables.ELIGIBILITY, "V00", "V00"),
        (tables.ELIGIBILITY, "cta01", "CTA01"),
        (tables.INFORMATION_SOURCE, "0", "00"),
        (tables.COMPLETION, "not-done", "NA"),
        (tables.ACTION, "entered-in-error", "D"),
        (tables.RELATIONSHIP, "mother", "MTH"),
        (tables.UNITS, "ML", "mL"),
        (tables.COUNTRY, "US", "USA"),
        (tables.YES_NO, "true", "Y"),
    ],
)
def test_a_word_means_its_code(table: Table, raw: str, code: str) -> None:
    found = table.look_up(raw)
    assert found is not None
    assert found.code == code


def test_not_known_is_empty_and_not_an_error() -> None:
    assert tables.RACE.look_up("Declined to answer") == NO_CODE


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_code_means_itself_and_no_spelling_means_two_codes(table: Table) -> None:
    meanings: dict[str, str] = {}
    for code, text, aliases in table.rows:
        if code:
            found = table.look_up(code)
            assert found is not None
            assert (found.code, found.text, found.system) == (code, text, table.system)
        for spelling in (code, text, *aliases):
            key = normalized(spelling)
            if key:
                assert meanings.setdefault(key, code) == code, f"{spelling} means two codes"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_stands_in_no_table_is_not_guessed(table: Table) -> None:
    assert table.look_up("something that nobody wrote before") is None


@given(st.sampled_from(TABLES), st.text(max_size=30))
def test_looking_up_never_fails(table: Table, raw: str) -> None:
    found = table.look_up(raw)
    assert found is None or found.code == found.code.strip()


@pytest.mark.parametrize(
    ("raw", "code"), [("8", "08"), ("008", "08"), ("140", "140"), (" 03 ", "03"), ("8.0", None), ("MMR", None)]
)
def test_a_cvx_has_at_least_two_digits(raw: str, code: str | None) -> None:
    found = tables.cvx(raw)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("msd", "MSD"),
        ("Sanofi Pasteur", "PMC"),
        ("SANOFI  PASTEUR", "PMC"),
        ("Acambis Inc.", "ACA"),
        ("Merck & Co", ""),
        ("Sanofi", ""),
        ("", ""),
    ],
)
def test_an_mvx_is_its_letters_or_the_very_name_of_the_table(raw: str, code: str) -> None:
    found = tables.mvx(raw)
    assert (found.code if found else "") == code
