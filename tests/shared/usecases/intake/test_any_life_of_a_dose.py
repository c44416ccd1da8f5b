"""A dose is moved, corrected, held, deleted and given again in any order: the registry has it once, as it was last."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared.usecases.intake.lives import Life, Row

RECORDS = ("SYN-1", "SYN-2", "SYN-3")
CLINICS = ("elm", "oak", "ash")
AUTHORITY = {"elm": "CT9001", "oak": "CT9002", "ash": "CT9001"}
DAYS = ("2026-03-02", "2026-03-03")
LOTS = ("AB123", "CD456", "")
"""Without a lot a dose is held."""

ROWS = st.tuples(
    st.sampled_from(RECORDS),
    st.sampled_from(CLINICS),
    st.sampled_from(DAYS),
    st.sampled_from(LOTS),
    st.sampled_from("AAAAD"),
).map(lambda cells: Row("D1", cells[0], clinic=cells[1], day=cells[2], lot=cells[3], action=cells[4]))


def place(row: Row) -> tuple[str, str]:
    """Authority and record number, by which the registry finds the dose."""
    return AUTHORITY[row.clinic or "elm"], row.mrn


def after(exports: list[Row]) -> tuple[dict[str, str], bool]:
    """What the registry must have, and whether a person has something to do."""
    has: Row | None = None
    stood: set[str] = set()
    at = ""
    is_held = False
    for row in exports:
        if row.action == "D":
            # A deletion at a record number that the dose has left says nothing about the one where it is now.
            if row.mrn == at or row.mrn not in stood:
                has, is_held = None, False
            stood = stood or {row.mrn}
            continue
        # A dose that leaves its place is deleted there, also if the new one is held.
        if row.lot or (has is not None and place(has) != place(row)):
            has = row if row.lot else None
        at, is_held = row.mrn, not row.lot
        stood.add(row.mrn)
    if has is None:
        return {}, is_held
    return {f"{' '.join(place(has))} {has.id}": f"{has.day.replace('-', '')} {has.lot}"}, is_held


@settings(max_examples=60)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_delivered_after_each_export_the_registry_has_the_dose_once_at_its_last_place(exports: list[Row]) -> None:
    life = Life()
    for number, row in enumerate(exports, 1):
        life.export(row)
        has, is_open = after(exports[:number])
        assert life.iis == has
        assert bool(life.open) == is_open


@settings(max_examples=60)
@given(st.lists(st.tuples(ROWS, st.integers(0, 3)), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_delivered_late_and_in_any_order_of_the_patients_the_registry_has_the_dose_once_at_its_last_place(
    exports: list[tuple[Row, int]], random: Random
) -> None:
    life = Life()
    for row, times in exports:
        life.arrives(row)
        life.deliver(random, times)
    life.deliver(random)
    has, is_open = after([row for row, _ in exports])
    assert life.iis == has
    assert bool(life.open) == is_open
