"""Outages of eight hours cost time and nothing else, in every shape. `make outages` plays them in full size."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from shared.domain.lifecycle import State
from shared.domain.valve import CLOSE_AFTER
from tests.chaos.outages import AT_ONCE, BOUND, HOURS, SHAPES, UP, Shape, play, waiting_world

WAITING = 200
_SPARE = timedelta(minutes=40)
"""The longest wait for a trial, and the minutes in which the pace comes back."""


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_an_outage_of_eight_hours_costs_only_time(shape: Shape) -> None:
    cost = play(shape, WAITING)
    assert (cost.lost, cost.unknown, cost.dead_letters) == (0, 0, 0)
    assert cost.in_doubt <= BOUND
    if not shape.seconds:
        assert cost.drained <= cost.ideal + _SPARE
    elif not shape.during.iis:
        assert cost.drained <= 2 * cost.ideal
    else:
        # Delivery goes on, and what is refused again and again waits longer each time.
        assert cost.most < timedelta(hours=2)
        assert cost.drained < timedelta(hours=HOURS)


def test_the_bound_is_reached_and_not_passed_by_an_iis_that_takes_nothing() -> None:
    assert play(SHAPES[1], WAITING).in_doubt == BOUND


def test_after_an_outage_messages_go_in_their_patients_order_and_have_all_their_tries() -> None:
    world = waiting_world(WAITING, SHAPES[0].during)
    world.run(HOURS * 3600)
    assert len(world.watch.order) < CLOSE_AFTER + AT_ONCE, "the IIS was not hammered while it was down"
    world.mischief = UP
    assert world.drain()
    world.watch.check()
    submissions = world.ledger.memory.submissions
    assert {one.state for one in submissions.values()} == {State.ACCEPTED}
    # Only the last time that a message went counts.
    last = {msh_10: number for number, msh_10 in enumerate(world.watch.order)}
    of_patient: dict[str, list[str]] = {}
    for msh_10 in sorted(last, key=last.__getitem__):
        of_patient.setdefault(submissions[msh_10].patient_group, []).append(msh_10)
    assert all(sent == sorted(sent) for sent in of_patient.values())
    assert max(one.deferrals for one in submissions.values()) <= 1
    assert max(Counter(world.watch.order).values()) <= 3
