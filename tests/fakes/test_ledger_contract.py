"""The ledger in memory and the one on DynamoDB say the same in every case: a test against either proves something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.outcome import Findable
from shared.domain.submission import Attempt, FileSummary, Lane, Record, Submission
from shared.ports.ledger import Ledger, NotClaimed
from shared.replaced import replace
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger

LEASE = 200
OUTCOMES = [event for event, moves in TRANSITIONS.items() if State.SENDING in moves]


@pytest.fixture
def both(cloud: LocalCloud) -> tuple[DynamoLedger, MemoryLedger]:
    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoLedger(client, cloud.runtime.table, lease=LEASE), MemoryLedger(lease=LEASE)


def everything(ledger: Ledger, msh_10s: list[str]) -> list[Any]:
    """What a ledger can be asked."""
    return [
        [ledger.get(msh_10) for msh_10 in msh_10s],
        list(ledger.worklist()),
        list(ledger.worklist(clinic="elm", state=State.REFUSED, cause="A")),
        list(ledger.waiting()),
        [(lane, list(ledger.backfill(lane, 2))) for lane in ledger.lanes()],
        ledger.quiet_since(),
        [list(ledger.outcomes(NOON.date(), clinic)) for clinic in ("", "elm")],
        ledger.late(NOON.date() - timedelta(days=9), NOON.date()),
        sorted(ledger.found("mrn", "SYN-1")),
        sorted(ledger.of_row("FILE1", 1)),
        list(ledger.many([*msh_10s, "NONE"])),
        sorted(ledger.files(), key=lambda file: file.file_id),
        [file.file_id for file in ledger.files(but={"FILE1"})],
        [sorted(ledger.of_file(file)) for file in ("FILE1", "FILE2", "FILE2-1of2", "NONE")],
        [ledger.file(file) for file in ("FILE1", "FILE2", "FILE2-1of2", "NONE")],
        [file.file_id for file in ledger.files(but={"FILE2"})],
        [sorted(ledger.of_row(file, 1)) for file in ("FILE2", "FILE2-1of2")],
        ledger.records(["r1", "r2", "r3", "none"]),
        ledger.stops(),
    ]


def outcome(submission: Submission, event: Event, minutes: int) -> Attempt:
    state = TRANSITIONS[event][State.SENDING]
    return Attempt(submission.attempt_count, NOON + timedelta(minutes=minutes), 1.0, state, fault="DNS")


@pytest.mark.parametrize("event", OUTCOMES)
@pytest.mark.parametrize("next_try", [None, NOON + timedelta(hours=1)])
def test_every_outcome_is_written_alike_once_and_known_again(
    both: tuple[DynamoLedger, MemoryLedger], event: Event, next_try: Any
) -> None:
    answers = []
    for ledger in both:
        ledger.add(a_submission())
        claimed = ledger.claim("MSG1", NOON)
        assert isinstance(claimed, Submission)
        written = outcome(claimed, event, 1)
        answers.append(
            [
                claimed,
                ledger.finish(claimed, event, written, causes=("A",), next_try=next_try),
                ledger.finish(claimed, event, written, causes=("A",), next_try=next_try),
                ledger.finish(claimed, event, outcome(claimed, event, 2)),
                ledger.claim("MSG1", NOON + timedelta(minutes=2)),
                ledger.get("MSG1"),
            ]
        )
    assert answers[0] == answers[1]
    assert answers[0][1:4] == [True, True, False]


def steps(random: Random, msh_10s: list[str]) -> list[Callable[[Ledger], object]]:
    """A walk through the ledger, the same for whoever takes it."""
    made: list[Callable[[Ledger], object]] = []
    for number in range(90):
        msh_10 = random.choice(msh_10s)
        now = NOON + timedelta(seconds=60 * number)
        event = random.choice(OUTCOMES)
        next_try = random.choice((None, now + timedelta(hours=1)))
        state = random.choice((State.QUEUED, State.HELD))
        new = replace(
            a_submission(msh_10, state=state),
            created=now,
            file_id=random.choice(("FILE1", "FILE2-0of2", "FILE2-1of2")),
            row_count=number % 3,
            waiting_since=now if state is State.QUEUED else None,
            source=random.choice(("demo", "demo-2")),
            clinic=random.choice(("elm", "oak")),
            backfill=state is State.QUEUED and random.random() < 0.5,
        )
        lane, day = Lane("demo", random.choice(("elm", "oak"))), NOON.date() + timedelta(days=random.randint(0, 2))
        values = [Findable("mrn", "SYN-1", tuple(random.sample(msh_10s, random.randint(1, 3))))]
        record = Record(random.choice(("r1", "r2")), version=random.randint(1, 3), current=msh_10)

        def finish(
            ledger: Ledger, msh_10: str = msh_10, event: Event = event, next_try: Any = next_try, number: int = number
        ) -> object:
            found = ledger.get(msh_10)
            if found is None:
                return None
            return ledger.finish(found, event, outcome(found, event, number), causes=("A", "B"), next_try=next_try)

        made.append(
            random.choice(
                [
                    lambda ledger, new=new: ledger.add(new),
                    lambda ledger, m=msh_10, now=now: ledger.claim(m, now),
                    lambda ledger, m=msh_10, now=now: ledger.claim(m, now),
                    finish,
                    finish,
                    lambda ledger, m=msh_10, now=now: ledger.requeue(m, now),
                    lambda ledger, m=msh_10, now=now: ledger.wait_anew(m, now),
                    lambda ledger, values=values: ledger.make_findable(values),
                    lambda ledger, m=msh_10, now=now: ledger.admit(m, now),
                    lambda ledger, lane=lane, now=now: ledger.begin_backfill(lane, now),
                    lambda ledger, lane=lane, day=day: ledger.take_share(lane, day, 2),
                    lambda ledger, m=msh_10: ledger.move(m, Event.SUPERSEDE),
                    lambda ledger, m=msh_10: ledger.enter_worklist(m, ("A",)),
                    lambda ledger, m=msh_10: ledger.name_replacement(m, "NEW") if m == "M0" else None,
                    lambda ledger, record=record: ledger.save_record(record),
                    lambda ledger, record=record: ledger.save_records([record, replace(record, key="r3")]),
                    lambda ledger, new=new: ledger.add_all([new, replace(new, msh_10="M0")]),
                    lambda ledger, m=msh_10, now=now: ledger.stop_facility(m, "F", now),
                    lambda ledger, m=msh_10: ledger.open_facility(m),
                ]
            )
        )
    return made


@pytest.mark.parametrize("seed", range(5))
def test_a_random_walk_gives_the_same_answers_and_ends_in_the_same_ledger(
    both: tuple[DynamoLedger, MemoryLedger], seed: int
) -> None:
    msh_10s = [f"M{number}" for number in range(4)]
    for ledger in both:
        for file in ("FILE1", "FILE2"):
            ledger.save_file(FileSummary(file, "a.csv", "demo", NOON, rows=4, unchanged=1, complete=True))
    for number, step in enumerate(steps(Random(seed), msh_10s)):
        dynamo, memory = (step(ledger) for ledger in both)
        assert dynamo == memory, f"step {number}"
        if number % 15 == 14:
            dynamo, memory = (everything(ledger, msh_10s) for ledger in both)
            assert dynamo == memory, f"after step {number}"


def test_a_file_begins_once_and_who_comes_second_leaves_it_as_it_is(both: tuple[DynamoLedger, MemoryLedger]) -> None:
    first = FileSummary("FILE1", "set/", "demo", NOON, rows=0, unchanged=0, complete=False, begun_by="set/a")
    second = replace(first, arrived=NOON + timedelta(days=1), begun_by="set/b")
    for ledger in both:
        assert [ledger.begin_file(one) for one in (first, second)] == [True, False]
        assert ledger.file("FILE1") == first
        assert ledger.quiet_since() == {"demo": NOON}


def test_nothing_is_claimed_under_an_unknown_msh_10(both: tuple[DynamoLedger, MemoryLedger]) -> None:
    assert [ledger.claim("NEVER", NOON) for ledger in both] == [NotClaimed(None)] * 2
