"""Outages of eight hours with messages waiting: what each shape of outage costs, beside what it must cost.

    make outages        plays them with 10,000 messages and writes docs/outages.md; some minutes

The world is that of chaos: the real handlers on a simulated clock. Every message is in the outbox when the outage
begins, and when it ends the IIS answers in two seconds again, as IZ Gateway measured.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from shared.domain.hl7 import vxu
from shared.domain.lifecycle import State
from shared.domain.valve import in_doubt_at_most
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import SUBMIT, SUBMIT_CONCURRENCY
from tests.benchmarks.records import visits
from tests.chaos.mischief import Mischief
from tests.chaos.surroundings import CONFIGURATION
from tests.chaos.world import World
from tests.conftest import a_submission

HOURS: Final = 8
WAITING: Final = 10_000
ANSWER_SECONDS: Final = 2.0
AT_ONCE: Final = SUBMIT.max_concurrency * SUBMIT_CONCURRENCY
BOUND: Final = in_doubt_at_most(AT_ONCE, HOURS)
UP: Final = Mischief(latency=ANSWER_SECONDS)
PAGE: Final = Path("docs/outages.md")
_ASKED_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of outage.

    Attributes:
        name: For the table.
        during: What goes wrong.
        seconds: What a message costs the IIS during the outage, all its calls together; 0 where it takes none.
    """

    name: str
    during: Mischief
    seconds: float = 0.0


SHAPES: Final = (
    Shape("every connection is refused", Mischief(iis=1.0, faults=("connect-refused",), latency=ANSWER_SECONDS)),
    Shape(
        "probes are answered, messages end in HTTP 500",
        Mischief(iis=1.0, faults=("http-500",), probes=0.0, latency=ANSWER_SECONDS),
    ),
    Shape(
        "half of all calls end in HTTP 503",
        Mischief(iis=0.5, faults=("http-503",), latency=ANSWER_SECONDS),
        seconds=2 * ANSWER_SECONDS,
    ),
    Shape("half of all calls end in HTTP 500", Mischief(iis=0.5, faults=("http-500",), latency=ANSWER_SECONDS)),
    Shape("answers take twenty seconds", Mischief(latency=20.0), seconds=19.0),
    Shape(
        "answers take forty seconds, and a fifth of them come too late",
        Mischief(iis=0.2, faults=("read-timeout",), probes=0.0, latency=40.0),
    ),
    Shape(
        "queries end in a security fault",
        Mischief(query_faults=("security-fault",), latency=ANSWER_SECONDS),
        seconds=ANSWER_SECONDS,
    ),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an outage.

    Attributes:
        lost: Messages that the IIS does not have in the end, and that no person is asked to look into.
        in_doubt: Messages whose outcome was unknown when the outage ended.
        unknown: Messages that a person had to look into.
        dead_letters: References in dead-letter queues.
        sent: Messages that were sent during the outage, each time counted.
        most: From the beginning of the outage until 99 of 100 messages were delivered.
        drained: The same for all of them.
        ideal: The same for a sender that knows when the IIS takes messages, and sends as many at once.
    """

    lost: int
    in_doubt: int
    unknown: int
    dead_letters: int
    sent: int
    most: timedelta
    drained: timedelta
    ideal: timedelta


def waiting_world(count: int, during: Mischief, seed: int = 1) -> World:
    """Return a world in whose outbox so many messages wait, some of them of the same patient."""
    world = World(Random(seed), during, senders=AT_ONCE)
    visit, clinic = visits(1)[0], CONFIGURATION.clinics["elm"]
    built = vxu.build(visit, msh_10="THE-MSH-10", clinic=clinic, configuration=CONFIGURATION, now=world.scheduler.time)
    patients = max(1, count * 2 // 5)
    outbox = world._outbox()
    for number in range(count):
        msh_10, patient = f"M{number:06}", f"P{number % patients:05}"
        text = built.replace("THE-MSH-10", msh_10).replace(visit.patient.mrn, patient)
        waiting = replace(a_submission(msh_10), vxu=text, visit=visit, patient_group=patient, chart=msh_10)
        world.ledger.submissions.add(replace(waiting, created=world.scheduler.time, waiting_since=world.scheduler.time))
        outbox.send([OutboxMessage(msh_10, "elm", patient)])
    return world


def play(shape: Shape, waiting: int, seed: int = 1) -> Cost:
    """Play an outage of `HOURS`, and the time after it until nothing waits."""
    world = waiting_world(waiting, shape.during, seed)
    began = world.scheduler.time
    _ask(world)
    world.run(HOURS * 3600)
    submissions = world.ledger.memory.submissions
    in_doubt = sum(one.state is State.UNKNOWN for one in submissions.values())
    sent = len(world.watch.order)
    world.mischief = UP
    assert world.drain()
    world.watch.check()
    ends = sorted(one.attempts[-1].started for one in submissions.values() if one.attempts)
    return Cost(
        lost=len(submissions.keys() - world.registry.accepted.keys() - world.ledger.memory.worklist.keys()),
        in_doubt=in_doubt,
        unknown=len(world.ledger.memory.worklist),
        dead_letters=sum(len(queue.dead) for queue in world.queues.values()),
        sent=sent,
        most=ends[len(ends) * 99 // 100] - began,
        drained=ends[-1] - began,
        ideal=_ideal(shape, waiting),
    )


def _ask(world: World) -> None:
    """Let an EHR ask about a patient once a minute."""
    world.ask()
    world.scheduler.after(_ASKED_EVERY, partial(_ask, world))


def _ideal(shape: Shape, waiting: int) -> timedelta:
    """How long a sender takes that sends only when the IIS takes messages, as many at once as delivery."""
    outage = timedelta(hours=HOURS)
    if shape.seconds:
        alone = timedelta(seconds=waiting * shape.seconds / AT_ONCE)
        if alone <= outage:
            return alone
    return outage + timedelta(seconds=waiting * ANSWER_SECONDS / AT_ONCE)


def page(costs: list[tuple[Shape, Cost]]) -> str:
    """Return docs/outages.md."""
    rows = "".join(
        f"| {shape.name} | {cost.lost} | {cost.in_doubt} | {cost.unknown} | {cost.dead_letters} | {cost.sent:,} "
        f"| {_text(cost.most)} | {_text(cost.drained)} | {_text(cost.ideal)} |\n"
        for shape, cost in costs
    )
    return f"""<!-- Written by `make outages` (tests/chaos/outages.py). -->
# What an outage costs

An outage costs time: no message is lost, none waits in a dead-letter queue, and hardly any needs a person. This page is for
people who want to know how long an outage of the IIS lasts on after its end. [operations.md](operations.md) says what to do
in one (nothing), and [adr/0023](adr/0023-messages-open-the-valve.md) why it works so.

`make outages` plays outages of {HOURS} hours with {WAITING:,} messages in the outbox: the real functions, queues and ledger on a
simulated clock. Before and after, an answer takes {ANSWER_SECONDS:g} seconds; {AT_ONCE} calls are made at once.

| outage | lost | in doubt at its end | for a person | dead letters | sent in it | 99 % delivered after | all after | ideal |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}
- **In doubt** are messages whose outcome is unknown: they may be stored, and wait for their one resend. An IIS that takes no
  message leaves at most {BOUND} of them in {HOURS} hours, whatever it answers otherwise: the five whose faults stop delivery, those
  that are under way at that moment, and one for each trial ({in_doubt_at_most(AT_ONCE, 0)} at once, {in_doubt_at_most(AT_ONCE, 24)} in a day). An IIS that takes some leaves one
  more for every ten that it takes. They are sent again when delivery goes on, and none of them needs a person.
- **Delivered after** counts from the beginning of the outage. **Ideal** is the same for a sender that knows when the IIS takes
  messages, and makes as many calls at once.
- Where calls are only refused, delivery goes on during the outage; a message whose calls are refused again and again waits
  longer each time. Where messages may have been stored, delivery waits for the end, because each message in doubt costs
  a resend.
- After the end, the first message goes within half an hour, and four minutes later delivery is back at its full pace.
"""


def _text(time: timedelta) -> str:
    hours, minutes = divmod(round(time.total_seconds() / 60), 60)
    return f"{hours} h {minutes:02} min"


def main() -> None:
    """Play all shapes in full size, and write the page."""
    costs: list[tuple[Shape, Cost]] = []
    for shape in SHAPES:
        costs.append((shape, play(shape, WAITING)))
        sys.stdout.write(f"{shape.name}: {costs[-1][1]}\n")
        sys.stdout.flush()
    PAGE.write_text(page(costs), "utf-8")


if __name__ == "__main__":
    main()
