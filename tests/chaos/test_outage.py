"""An outage of an hour with ten thousand waiting: nothing is used up meanwhile, and all of it drains afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from random import Random

from shared.domain.hl7 import vxu
from shared.domain.lifecycle import State
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from tests.benchmarks.records import visits
from tests.chaos.mischief import Mischief
from tests.chaos.surroundings import CONFIGURATION
from tests.chaos.world import World
from tests.conftest import a_submission

WAITING = 10_000
PATIENTS = 4_000
DOWN = Mischief(iis=1.0, faults=("connect-refused", "connect-timeout"), latency=0.3)
UP = Mischief(latency=0.3)


def with_ten_thousand_waiting() -> World:
    world = World(Random(1), DOWN)
    visit, clinic = visits(1)[0], CONFIGURATION.clinics["elm"]
    built = vxu.build(visit, msh_10="THE-MSH-10", clinic=clinic, configuration=CONFIGURATION, now=world.scheduler.time)
    outbox = world._outbox()
    for number in range(WAITING):
        msh_10, patient = f"M{number:06}", f"P{number % PATIENTS:05}"
        text = built.replace("THE-MSH-10", msh_10).replace(visit.patient.mrn, patient)
        waiting = replace(a_submission(msh_10), vxu=text, visit=visit, patient_group=patient, chart=msh_10)
        world.ledger.submissions.add(replace(waiting, created=world.scheduler.time, waiting_since=world.scheduler.time))
        outbox.send([OutboxMessage(msh_10, "elm", patient)])
    return world


def times(world: World, who: str, what: str) -> list[datetime]:
    return [time for time, whose, text in world.trace if whose == who and text.startswith(what)]


def test_after_an_hour_without_the_iis_ten_thousand_drain_in_order_and_the_first_goes_within_a_minute() -> None:
    world = with_ten_thousand_waiting()
    world.run(3600)
    assert len(world.watch.order) < 40, "the IIS was not hammered while it was down"
    world.mischief = UP
    assert world.drain()
    world.watch.check()

    good_probe = next(time for time, who, text in world.trace if who == "valve" and text.strip() == "probes")
    first_sent = next(time for time in times(world, "submit", "sends") if time >= good_probe)
    assert first_sent - good_probe <= timedelta(seconds=60)
    assert {one.state for one in world.ledger.memory.submissions.values()} == {State.ACCEPTED}
    assert len(world.registry.accepted) == WAITING

    # Each patient's messages went in their order; only the last time that a message went counts.
    last = {msh_10: number for number, msh_10 in enumerate(world.watch.order)}
    of_patient: dict[str, list[str]] = defaultdict(list)
    for msh_10 in sorted(last, key=last.__getitem__):
        of_patient[world.ledger.memory.submissions[msh_10].patient_group].append(msh_10)
    assert all(sent == sorted(sent) for sent in of_patient.values())
    # What the outage cost: a handful of refused connections, no message's tries.
    assert max(Counter(world.watch.order).values()) <= 5
    assert max(one.deferrals for one in world.ledger.memory.submissions.values()) <= 4
    assert not any(queue.dead for queue in world.queues.values())
