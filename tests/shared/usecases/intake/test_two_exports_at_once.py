"""Two exports of one dose at work at once, either of them killed between any two writes: the newer one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.shared.usecases.intake.lives import Life, Row
from tests.shared.usecases.intake.test_any_life_of_a_dose import CLINICS, DAYS, RECORDS, place
from tests.shared.usecases.invocations import KilledError


@contextmanager
def at_write(life: Life, number: int, do: Callable[[], None]) -> Iterator[None]:
    """Do something before the n-th write of what runs in the context."""
    left = number

    def step() -> None:
        nonlocal left
        left -= 1
        if left == -1:
            do()

    life.ledger.memory.before_write = step
    try:
        yield
    finally:
        life.ledger.memory.before_write = lambda: None


def killed() -> None:
    raise KilledError


def converted(life: Life, key: str, kill_at: int) -> None:
    """Convert an export, whose first attempt is killed at a write."""
    try:
        with at_write(life, kill_at, killed):
            life.convert(key)
    except KilledError:
        life.convert(key)


def a_row(random: Random, *, may_delete: bool = True, records: int = 2) -> Row:
    return Row(
        "D1",
        random.choice(RECORDS[:records]),
        clinic=random.choice(CLINICS),
        day=random.choice(DAYS),
        lot=random.choice(("AB123", "CD456")),
        action=random.choice("AAAD" if may_delete else "A"),
    )


def as_stored(row: Row) -> dict[str, str]:
    if row.action == "D":
        return {}
    return {f"{' '.join(place(row))} {row.id}": f"{row.day.replace('-', '')} {row.lot}"}


@pytest.mark.parametrize("seed", range(80))
def test_the_newer_of_two_exports_wins_in_every_interleaving_of_their_writes(seed: int) -> None:
    random, life = Random(seed), Life()
    if random.random() < 0.7:
        life.arrives(a_row(random, may_delete=False, records=1))
        life.deliver(random, random.randint(0, 2))
    # A newest export that says nothing new is not written, and so not known to be the newest (ADR 0021).
    rows = [a_row(random, records=1), a_row(random, may_delete=False, records=1)._replace(lot="NEW1")]
    first, second = random.sample([life.store(row) for row in rows], 2)

    def beside() -> None:
        life.ledger.memory.before_write = lambda: None
        converted(life, second, random.randint(0, 12))

    with at_write(life, random.randint(0, 8), beside):
        life.convert(first)
    life.deliver(random, random.randint(0, 1))
    life.convert(second)
    life.deliver(random)
    assert life.iis == as_stored(rows[1])
    assert life.open == []


@pytest.mark.parametrize("seed", range(60))
def test_an_export_that_is_killed_between_any_two_writes_is_finished_by_its_event(seed: int) -> None:
    random, life = Random(seed), Life()
    rows = [a_row(random, may_delete=False) for _ in range(3)]
    for row in rows:
        converted(life, life.store(row), random.randint(0, 12))
        life.deliver(random, random.randint(0, 2))
    life.deliver(random)
    assert life.iis == as_stored(rows[-1])
    assert life.open == []
