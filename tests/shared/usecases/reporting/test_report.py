"""What looks like a default of an EHR is named; what does not is left in peace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

import pytest

from shared.domain.lifecycle import State
from shared.domain.outcome import ADMINISTERED, HISTORICAL, DoseOutcome, Outcome
from shared.replaced import replace
from shared.usecases.reporting.data_quality import SUSPICIONS
from shared.usecases.reporting.tally import DELAYS, MEASURES, SECONDS, tally, totals
from tests.conftest import NOON

DOSE = DoseOutcome(ADMINISTERED, "115", "AB1", "V01", "7 to 18", 1)


def outcomes(doses: Iterable[DoseOutcome]) -> list[Outcome]:
    return [
        Outcome(f"M{number}", "elm", "demo", State.ACCEPTED, NOON, 1, attempts=1, doses=(dose,))
        for number, dose in enumerate(doses)
    ]


def patterns(doses: Iterable[DoseOutcome]) -> set[str]:
    counts = tally(outcomes(doses), UTC)
    return {str(row[1]) for suspicion in SUSPICIONS for row in suspicion(counts)}


def test_a_clinic_that_reports_as_it_should_is_not_suspected() -> None:
    ages = ("2 to 6", "7 to 18", "19 to 64")
    doses = [
        replace(DOSE, lot=f"L{n % 5}", age=ages[n % 3], eligibility="V02" if n % 3 < 2 else "V01") for n in range(60)
    ]
    assert patterns(doses) == set()


@pytest.mark.parametrize(
    ("changed", "pattern"),
    [
        ([replace(DOSE, vaccine=code) for code in ("115", "20")], "one lot for several vaccines"),
        ([replace(DOSE, kind=HISTORICAL)], "nothing administered here"),
        ([replace(DOSE, age=age) for age in ("2 to 6", "7 to 18", "19 to 64")], "one eligibility for everybody"),
        ([replace(DOSE, age="19 to 64", eligibility="V02")], "VFC eligibility of adults"),
        ([replace(DOSE, delay=31)], "most doses reported late"),
    ],
)
def test_each_pattern_is_found(changed: list[DoseOutcome], pattern: str) -> None:
    assert patterns(changed * 20) == {pattern}


def test_every_measure_starts_with_the_clinic_and_two_tallies_add_up() -> None:
    first, second = outcomes([DOSE]), outcomes([replace(DOSE, lot="")])
    assert {key[:2] for key in tally(first, UTC)} <= {(name, "elm") for name in MEASURES}
    assert tally(first, UTC) + tally(second, UTC) == tally([*first, *second], UTC)


@pytest.mark.parametrize(
    ("delay", "band"), [(None, "not known"), (-1, "in the future"), (0, DELAYS[0]), (3, DELAYS[1]), (31, DELAYS[4])]
)
def test_delays_are_banded(delay: int | None, band: str) -> None:
    assert totals(tally(outcomes([replace(DOSE, delay=delay)]), UTC), "delays", 1) == {(band,): 1}


@pytest.mark.parametrize(("seconds", "band"), [(0.5, SECONDS[0]), (0.51, SECONDS[1]), (31.0, SECONDS[-1])])
def test_answer_times_are_banded(seconds: float, band: str) -> None:
    (one,) = outcomes([DOSE])
    assert totals(tally([replace(one, seconds=seconds)], UTC), "seconds", 1) == {(band,): 1}
