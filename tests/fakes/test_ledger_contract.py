"""The contract of the ledger's ports: the fake in memory and DynamoDB give the same answers to the same calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.domain.chart import Chart
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.outcome import Outcome, SearchTerm
from shared.domain.query_gate import QueryGate
from shared.domain.submission import Attempt, BackfillLane, FileSummary, Submission
from shared.domain.valve import Valve
from shared.ports.ledger import NotClaimed
from shared.replaced import replace
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger

AnyLedger = DynamoLedger | MemoryLedger
LEASE = 200
FILES = ("FILE1", "FILE2", "NONE")
OUTCOMES = [event for event, moves in TRANSITIONS.items() if State.SENDING in moves]


@pytest.fixture
def both(cloud: LocalCloud) -> tuple[DynamoLedger, MemoryLedger]:
    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoLedger(client, cloud.runtime.table, lease=LEASE), MemoryLedger(lease=LEASE)


def everything(ledger: AnyLedger, msh_10s: list[str]) -> list[Any]:
    """The answers to everything that a ledger can be asked."""
    return [
        [ledger.submissions.get(msh_10) for msh_10 in msh_10s],
        list(ledger.worklist.entries()),
        list(ledger.worklist.entries(clinic="elm", state=State.REFUSED, cause="A")),
        list(ledger.backlog.waiting()),
        [(lane, list(ledger.backfills.waiting_in(lane, 2))) for lane in ledger.backfills.lanes()],
        ledger.sources.quiet_since(),
        [list(ledger.outcomes.of_day(NOON.date(), clinic)) for clinic in ("", "elm")],
        ledger.outcomes.late(NOON.date() - timedelta(days=9), NOON.date()),
        sorted(ledger.search_keys.find("mrn", "SYN-1")),
        sorted(ledger.files.msh_10s_of_row("FILE1", 1)),
        list(ledger.submissions.many([*msh_10s, "NONE"])),
        sorted(ledger.files.all(), key=lambda file: file.file_id),
        [file.file_id for file in ledger.files.all(but={"FILE1"})],
        sorted(ledger.files.summaries(), key=lambda file: file.file_id),
        [sorted(ledger.files.msh_10s(file)) for file in FILES],
        [ledger.files.summary(file) for file in FILES],
        [ledger.files.get(file) for file in FILES],
        [sorted(ledger.files.msh_10s_of_row(file, 2)) for file in FILES],
        ledger.charts.get(["c1", "c2", "c3", "none"]),
        ledger.dose_index.find(["d1", "d2", "none"]),
        ledger.stops.current(),
    ]


def outcome(submission: Submission, event: Event, minutes: int) -> Attempt:
    state = TRANSITIONS[event][State.SENDING]
    return Attempt(submission.attempt_count, NOON + timedelta(minutes=minutes), 1.0, state, fault="DNS")


@pytest.mark.parametrize("event", OUTCOMES)
@pytest.mark.parametrize("next_try", [None, NOON + timedelta(hours=1)])
def test_both_ledgers_write_an_outcome_once_and_recognize_it_when_it_is_written_again(
    both: tuple[DynamoLedger, MemoryLedger], event: Event, next_try: Any
) -> None:
    answers = []
    for ledger in both:
        ledger.submissions.add(a_submission())
        claimed = ledger.states.claim("MSG1", NOON)
        assert isinstance(claimed, Submission)
        written = outcome(claimed, event, 1)
        answers.append(
            [
                claimed,
                ledger.states.finish(claimed, event, written, causes=("A",), next_try=next_try),
                ledger.states.finish(claimed, event, written, causes=("A",), next_try=next_try),
                ledger.states.finish(claimed, event, outcome(claimed, event, 2)),
                ledger.states.claim("MSG1", NOON + timedelta(minutes=2)),
                ledger.submissions.get("MSG1"),
            ]
        )
    assert answers[0] == answers[1]
    assert answers[0][1:4] == [True, True, False]


def later(day: date) -> datetime:
    return datetime.combine(day, NOON.timetz())


def steps(random: Random, msh_10s: list[str]) -> list[Callable[[AnyLedger], object]]:
    """Ninety random calls, which can be made on any ledger."""
    made: list[Callable[[AnyLedger], object]] = []
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
        lane = BackfillLane("demo", random.choice(("elm", "oak")))
        day = NOON.date() + timedelta(days=random.randint(0, 2))
        values = [SearchTerm("mrn", "SYN-1", tuple(random.sample(msh_10s, random.randint(1, 3))))]
        file = FileSummary(random.choice(FILES[:2]), "a.csv", "demo", now, rows=number, unchanged=0, complete=False)
        decided = Outcome(msh_10, new.clinic, new.source, State.HELD, now, rows=1)
        chart = Chart(random.choice(("c1", "c2")), version=random.randint(1, 3), as_of=msh_10)

        def finish(
            ledger: AnyLedger,
            msh_10: str = msh_10,
            event: Event = event,
            next_try: Any = next_try,
            number: int = number,
        ) -> object:
            found = ledger.submissions.get(msh_10)
            if found is None:
                return None
            return ledger.states.finish(
                found, event, outcome(found, event, number), causes=("A", "B"), next_try=next_try
            )

        def build_anew(ledger: AnyLedger, msh_10: str = msh_10, number: int = number, new: Submission = new) -> object:
            found = ledger.submissions.get(msh_10)
            if found is None:
                return None
            # A backfill message is admitted before it is claimed, and then has no lane any more.
            clinic = found.clinic if found.backfill else "oak"
            anew = replace(found, vxu=f"MSH {number}", clinic=clinic, config_version="v2", visit=new.visit)
            return ledger.states.build_anew(replace(anew, attempt_count=max(1, found.attempt_count - number % 2)))

        made.append(
            random.choice(
                [
                    lambda ledger, new=new: ledger.submissions.add(new),
                    lambda ledger, m=msh_10, now=now: ledger.states.claim(m, now),
                    lambda ledger, m=msh_10, now=now: ledger.states.claim(m, now),
                    finish,
                    finish,
                    lambda ledger, m=msh_10, now=now: ledger.backlog.requeue(m, now),
                    lambda ledger, m=msh_10, now=now: ledger.backlog.wait_anew(m, now),
                    lambda ledger, values=values: ledger.search_keys.add(values),
                    lambda ledger, m=msh_10, now=now: ledger.backfills.admit(m, now),
                    lambda ledger, lane=lane, now=now: ledger.backfills.begin(lane, now),
                    lambda ledger, lane=lane, day=day: ledger.backfills.take_from_quota(lane, day, 2),
                    lambda ledger, day=day: ledger.backfills.taken_from_quotas(day),
                    lambda ledger, now=now: ledger.backfills.take_from_pace(now - timedelta(seconds=now.minute % 3), 7),
                    lambda ledger, m=msh_10: ledger.states.move(m, Event.SUPERSEDE),
                    lambda ledger, m=msh_10: ledger.states.move(m, Event.CLOSE, reason="by hand"),
                    lambda ledger, m=msh_10: ledger.states.reopen(m),
                    lambda ledger, m=msh_10: ledger.states.note_proof(m, "a query"),
                    lambda ledger, m=msh_10: ledger.worklist.enter(m, ("A",)),
                    lambda ledger, m=msh_10: ledger.submissions.name_replacement(m, "NEW") if m == "M0" else None,
                    lambda ledger, chart=chart: ledger.charts.save(chart),
                    lambda ledger, chart=chart: ledger.charts.save_all([chart, replace(chart, key="c3")]),
                    lambda ledger, chart=chart: ledger.dose_index.add({"d1": chart.key, "d2": "c3"}),
                    lambda ledger, chart=chart: ledger.charts.move(
                        [chart, replace(chart, key="c3")],
                        dict.fromkeys(("d1", "d2")[: chart.version % 3], "c1"),
                        chart.key,
                    ),
                    build_anew,
                    lambda ledger, new=new: ledger.submissions.add_all([new, replace(new, msh_10=f"{new.msh_10}B")]),
                    lambda ledger, m=msh_10, now=now: ledger.stops.stop_facility(m, "F", now),
                    lambda ledger, m=msh_10, now=now: ledger.stops.stop_queries_of(m, "Q", now),
                    lambda ledger, m=msh_10: ledger.stops.open_facility(m),
                    lambda ledger, now=now: ledger.stops.save_query_gate(
                        ledger.stops.current().query_gate, QueryGate(1, "DNS", now)
                    ),
                    lambda ledger, now=now: ledger.stops.save_query_gate(QueryGate(), QueryGate(2, "DNS", now)),
                    lambda ledger, now=now: ledger.stops.save_valve(ledger.stops.current().valve, Valve(since=now)),
                    lambda ledger, now=now: ledger.stops.save_valve(Valve(), Valve(since=now)),
                    lambda ledger, new=new, now=now: ledger.sources.expect(new.source, now),
                    lambda ledger, file=file: ledger.files.save(file),
                    lambda ledger, file=file: ledger.files.begin(file),
                    lambda ledger, decided=decided, day=day: ledger.outcomes.note(decided, later(day)),
                ]
            )
        )
    return made


@pytest.mark.parametrize("seed", range(5))
def test_random_calls_get_the_same_answers_from_both_ledgers(
    both: tuple[DynamoLedger, MemoryLedger], seed: int
) -> None:
    msh_10s = [f"M{number}" for number in range(4)]
    for ledger in both:
        for file in ("FILE1", "FILE2"):
            ledger.files.save(FileSummary(file, "a.csv", "demo", NOON, rows=4, unchanged=1, complete=True))
    for number, step in enumerate(steps(Random(seed), msh_10s)):
        dynamo, memory = (step(ledger) for ledger in both)
        assert dynamo == memory, f"step {number}"
        if number % 15 == 14:
            dynamo, memory = (everything(ledger, msh_10s) for ledger in both)
            assert dynamo == memory, f"after step {number}"


def test_a_proof_is_noted_at_a_partly_accepted_submission_only_and_leaves_it_in_the_worklist(
    both: tuple[DynamoLedger, MemoryLedger],
) -> None:
    for ledger in both:
        ledger.submissions.add(a_submission())
        assert not ledger.states.note_proof("MSG1", "a query")
        claimed = ledger.states.claim("MSG1", NOON)
        assert isinstance(claimed, Submission)
        attempt = Attempt(1, NOON, 1.0, State.PARTLY_ACCEPTED, dropped=("D1",), unproven=("D2",))
        ledger.states.finish(claimed, Event.ACCEPT_PARTLY, attempt, causes=("A",))
        ledger.worklist.enter("MSG1", ("A",))
        found = ledger.submissions.get("MSG1")
        assert found is not None
        assert found.unproven == ("D2",)
        assert ledger.states.note_proof("MSG1", "a query")
        found = ledger.submissions.get("MSG1")
        assert found is not None
        assert (found.state, found.closed_reason, found.unproven) == (State.PARTLY_ACCEPTED, "a query", ())
        assert [entry.msh_10 for entry in ledger.worklist.entries()] == ["MSG1"]
    assert both[0].submissions.get("MSG1") == both[1].submissions.get("MSG1")


@pytest.mark.parametrize("state", sorted(TRANSITIONS[Event.CLOSE]))
def test_what_was_closed_is_reopened_in_the_state_in_which_it_was_closed(
    both: tuple[DynamoLedger, MemoryLedger], state: State
) -> None:
    answers = []
    for ledger in both:
        ledger.submissions.add(replace(a_submission(state=state), waiting_since=NOON))
        said = [
            ledger.states.reopen("MSG1"),
            ledger.states.move("MSG1", Event.CLOSE, reason="by hand"),
            ledger.submissions.get("MSG1"),
            ledger.states.reopen("MSG1"),
            ledger.states.reopen("MSG1"),
            ledger.states.reopen("NEVER"),
            ledger.submissions.get("MSG1"),
        ]
        ledger.states.move("MSG1", Event.CLOSE, reason="by hand")
        ledger.submissions.name_replacement("MSG1", "NEW")
        answers.append([*said, ledger.states.reopen("MSG1"), ledger.submissions.get("MSG1")])
    assert answers[0] == answers[1]
    _, moved, closed, first, second, never, opened, replaced, _ = answers[0]
    assert (moved, first, second, never, replaced) == (True, True, False, False, False)
    assert (closed.state, closed.closed_from) == (State.CLOSED, state.value)
    assert (opened.state, opened.closed_reason, opened.waiting_since) == (state, "", None)


def test_a_file_that_was_begun_is_not_begun_again(both: tuple[DynamoLedger, MemoryLedger]) -> None:
    first = FileSummary("FILE1", "set/", "demo", NOON, rows=0, unchanged=0, complete=False, begun_by="set/a")
    second = replace(first, arrived=NOON + timedelta(days=1), begun_by="set/b")
    for ledger in both:
        assert [ledger.files.begin(one) for one in (first, second)] == [True, False]
        assert ledger.files.get("FILE1") == first
        assert ledger.sources.quiet_since() == {"demo": NOON}


def test_a_file_that_is_removed_is_gone(both: tuple[DynamoLedger, MemoryLedger]) -> None:
    file = FileSummary("FILE1", "set/", "demo", NOON, rows=0, unchanged=0, complete=True)
    for ledger in both:
        ledger.files.save(file)
        ledger.files.remove("FILE1")
        ledger.files.remove("FILE1")
        assert (ledger.files.summary("FILE1"), list(ledger.files.summaries())) == (None, [])


def test_an_unknown_msh_10_is_not_claimed(both: tuple[DynamoLedger, MemoryLedger]) -> None:
    assert [ledger.states.claim("NEVER", NOON) for ledger in both] == [NotClaimed(None)] * 2


def test_both_ledgers_move_doses_between_charts_all_together_or_not_at_all(
    both: tuple[DynamoLedger, MemoryLedger],
) -> None:
    answers = []
    for ledger in both:
        ledger.charts.save(Chart("c1", version=1))
        ledger.dose_index.add({"d1": "c1", "d2": "c1"})
        moves = [
            ([Chart("c2", version=1), Chart("c1", version=3)], {"d1": "c1"}),
            ([Chart("c2", version=1), Chart("c1", version=2)], {"d1": "c1", "d2": "c3"}),
            ([Chart("c2", version=1), Chart("c1", version=2)], {"d1": "c1", "d2": "c1"}),
            ([Chart("c2", version=1), Chart("c1", version=3)], {}),
        ]
        for charts, doses in moves:
            moved = ledger.charts.move(charts, doses, "c2")
            answers.append((moved, ledger.charts.get(["c1", "c2"]), ledger.dose_index.find(["d1", "d2"])))
        answers.append((ledger.dose_index.add({"d1": "c9", "d3": "c9"}), {}, {}))
    half = len(answers) // 2
    assert answers[:half] == answers[half:]
    assert [moved for moved, _, _ in answers[: half - 1]] == [False, False, True, False]
