"""The fault catalogue is complete and consistent, and every fault in it can occur."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.domain import faults
from shared.domain.faults import CATALOGUE, JITTER, LADDERS, Fault, wait_before
from shared.domain.submission import Strategy

SHARED = Path(faults.__file__).parents[1]
CODE = re.compile(r'"([A-Z]+(?:-[A-Z0-9]+)*)"')


def codes_in(*paths: Path) -> set[str]:
    return {code for path in paths for code in CODE.findall(path.read_text("utf-8"))}


def test_codes_are_unique() -> None:
    assert len({fault.code for fault in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.code)
def test_a_fault_that_may_be_stored_is_confirmed_and_not_retried(fault: Fault) -> None:
    assert (fault.strategy in (Strategy.CONFIRM, Strategy.RECONCILE)) == fault.may_be_stored


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.code)
def test_words_and_fix_are_sentences(fault: Fault) -> None:
    for text in (fault.words, fault.fix):
        assert text[0].isupper() or text.startswith("vaxline")
        assert text.endswith(".")


def test_every_code_that_the_soap_adapter_gives_has_a_row() -> None:
    given = {
        code
        for code in codes_in(*(SHARED / "adapters" / "iis").glob("*.py"))
        if "-" in code or code in ("DNS", "TLS", "UNSENDABLE")
    }
    assert given
    assert given - {fault.code for fault in CATALOGUE} == set()


def test_every_row_is_raised_somewhere() -> None:
    sources = [path for path in SHARED.rglob("*.py") if path.name != "faults.py"]
    assert {fault.code for fault in CATALOGUE} - codes_in(*sources) == set()


def test_the_waits_of_every_strategy_grow() -> None:
    assert set(LADDERS) == set(Strategy)
    for steps in LADDERS.values():
        assert list(steps) == sorted(steps)


def test_no_wait_is_longer_than_the_largest_visibility_timeout() -> None:
    assert max(step for steps in LADDERS.values() for step in steps) < 12 * 3600


def test_retries_end() -> None:
    assert wait_before(Strategy.RETRY, len(LADDERS[Strategy.RETRY]), "A") is None
    assert wait_before(Strategy.CHECK_SETUP, 0, "A") is None


def test_jitter_spreads_retries_within_their_step_and_is_reproducible() -> None:
    step = LADDERS[Strategy.CHECK_IIS][1]
    waits = [wait_before(Strategy.CHECK_IIS, 1, f"MSG{number}") for number in range(1_000)]
    assert waits == [wait_before(Strategy.CHECK_IIS, 1, f"MSG{number}") for number in range(1_000)]
    assert all(wait is not None and step * (1 - JITTER) <= wait <= step for wait in waits)
    assert len(set(waits)) > step * JITTER / 2
