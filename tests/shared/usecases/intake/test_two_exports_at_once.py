"""Exports of one dose at work at once, any of them killed at any port call: the newest one counts."""

from __future__ import annotations

from random import Random

import pytest

from tests.shared.usecases.intake.lives import Life, Row
from tests.shared.usecases.intake.side_by_side import SideBySide
from tests.shared.usecases.intake.test_any_life_of_a_dose import CLINICS, DAYS, RECORDS, place

SEEDS = range(80)


def a_row(random: Random, *, actions: str = "A", records: int = 2) -> Row:
    return Row(
        "D1",
        random.choice(RECORDS[:records]),
        clinic=random.choice(CLINICS),
        day=random.choice(DAYS),
        lot=random.choice(("AB123", "CD456")),
        action=random.choice(actions),
    )


def as_stored(row: Row) -> dict[str, str]:
    return {f"{' '.join(place(row))} {row.id}": f"{row.day.replace('-', '')} {row.lot}"}


def by_id_alone() -> Row:
    """A deletion that names nothing but the dose."""
    return Row("D1", mrn="", day="", lot="", action="D", first="", last="", birth="", sex="", cvx="")


def a_life(random: Random, records: int) -> Life:
    """A life, in which the dose may have been reported and delivered before."""
    life = Life()
    for _ in range(random.choice((0, 1, 1, 2))):
        life.arrives(a_row(random, records=records))
        life.deliver(random, random.randint(0, 2))
    return life


def converted(life: Life, random: Random, rows: list[Row]) -> None:
    """Convert an export of each row, all at once, each event perhaps twice, and deliver."""
    keys = [life.store(row) for row in rows]
    events = [key for key in keys for _ in range(random.choice((1, 1, 2)))]
    SideBySide(life, random, random.choice((0.0, 0.02, 0.1))).convert(events)
    life.deliver(random)


@pytest.mark.parametrize("records", [1, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_newest_of_several_exports_wins_in_every_order_of_their_steps(seed: int, records: int) -> None:
    random = Random(seed)
    life = a_life(random, records)
    # A newest export that says nothing new is not written, and so not known to be the newest (ADR 0021).
    newest = a_row(random, records=records)._replace(lot="NEW1")
    older = [a_row(random, actions="AAAD", records=records) for _ in range(random.choice((1, 1, 2)))]
    converted(life, random, [*older, newest])
    assert life.iis == as_stored(newest)
    assert life.open == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_newest_deletion_by_id_alone_deletes_the_dose_wherever_others_are_just_taking_it_up(seed: int) -> None:
    random = Random(seed)
    life = a_life(random, 2)
    reported = [a_row(random)._replace(lot=f"OLD{number}") for number in range(random.choice((1, 2)))]
    converted(life, random, [*reported, by_id_alone()])
    assert life.iis == {}
    assert life.open == []


@pytest.mark.parametrize("seed", SEEDS)
def test_an_older_deletion_by_id_alone_deletes_nothing_that_is_newer(seed: int) -> None:
    random = Random(seed)
    life = a_life(random, 2)
    newest = a_row(random)._replace(lot="NEW1")
    converted(life, random, [a_row(random), by_id_alone(), newest])
    assert life.iis == as_stored(newest)
    assert life.open == []


@pytest.mark.parametrize("seed", SEEDS)
def test_exports_one_after_the_other_that_are_killed_anywhere_are_finished_by_their_events(seed: int) -> None:
    random, life = Random(seed), Life()
    rows = [a_row(random, records=3)._replace(lot=f"LOT{number}") for number in range(3)]
    for row in rows:
        SideBySide(life, random, 0.1).convert([life.store(row)])
        life.deliver(random, random.randint(0, 2))
    life.deliver(random)
    assert life.iis == as_stored(rows[-1])
    assert life.open == []
