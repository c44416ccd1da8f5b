"""The ledger in memory: the conditions of the one on DynamoDB, without AWS. `test_ledger_contract.py` compares both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from threading import Lock
from typing import Any, ClassVar, Final

from shared import settings
from shared.domain import faults
from shared.domain.chart import Chart
from shared.domain.lifecycle import TRANSITIONS, Event, State, after, may_resend, sources
from shared.domain.outcome import Outcome, SearchTerm
from shared.domain.query_gate import QueryGate
from shared.domain.submission import Attempt, BackfillLane, FileSummary, Submission
from shared.domain.valve import Valve
from shared.ports.ledger import NO_CLINIC, NotClaimed, QuotaUse, StopStatus, Waiting, WorklistEntry
from shared.ports.queues import OutboxMessage
from shared.replaced import replace

PORTS: Final = (
    "charts",
    "dose_index",
    "submissions",
    "states",
    "backlog",
    "backfills",
    "worklist",
    "files",
    "sources",
    "outcomes",
    "search_keys",
    "stops",
)
"""The ports of a ledger, by the names of its attributes."""


def ports_for(use_case: Callable[..., object], ledger: object) -> dict[str, Any]:
    """The ports that a use case asks for in its constructor, by the names of its parameters."""
    return {name: getattr(ledger, name) for name in signature(use_case).parameters if name in PORTS}


Change = Callable[[Submission | None, Submission], None]


class Memory:
    """The ledger's content, which its ports share.

    `before_write` may raise, as a process that is killed stops; `on_change` is called with every change.
    """

    def __init__(self, before_write: Callable[[], None], on_change: Change) -> None:
        self.before_write = before_write
        self.on_change = on_change
        self.lock = Lock()
        self.charts: dict[str, Chart] = {}
        self.dose_index: dict[str, str] = {}
        self.submissions: dict[str, Submission] = {}
        self.of_file: dict[str, list[str]] = {}
        self.waiting: set[str] = set()
        self.backfilled: dict[BackfillLane, set[str]] = {}
        self.worklist: dict[str, tuple[str, str]] = {}
        self.quota: dict[BackfillLane, tuple[date, int]] = {}
        self.pace = (datetime.min.replace(tzinfo=UTC), 0)
        self.waits_until: dict[BackfillLane, datetime] = {}
        self.files: dict[str, FileSummary] = {}
        self.quiet_since: dict[str, datetime] = {}
        self.outcomes: dict[tuple[date, str, str], Outcome] = {}
        self.late: Counter[date] = Counter()
        self.search_keys: dict[tuple[str, str], set[str]] = {}
        self.stopped: dict[str, str] = {}
        self.valve = Valve()
        self.queries_stopped: dict[str, str] = {}
        self.query_gate = QueryGate()

    def put(self, submission: Submission) -> Submission:
        """Write a submission, and put it where it waits."""
        if submission.waiting_since is None:
            submission = replace(submission, backfill=False)
        self.on_change(self.submissions.get(submission.msh_10), submission)
        self.submissions[submission.msh_10] = submission
        if submission.waiting_since is None:
            self.waiting.discard(submission.msh_10)
        else:
            self.waiting.add(submission.msh_10)
        backfilled = self.backfilled.setdefault(submission.lane, set())
        if submission.backfill:
            backfilled.add(submission.msh_10)
        else:
            backfilled.discard(submission.msh_10)
        return submission

    def update(self, msh_10: str, states: Iterable[State], **values: object) -> bool:
        """Change a submission that is in one of these states; all such changes take it off the worklist."""
        self.before_write()
        with self.lock:
            found = self.submissions.get(msh_10)
            if found is None or found.state not in states:
                return False
            self.worklist.pop(msh_10, None)
            self.put(replace(found, **values))  # type: ignore[arg-type]
            return True


class _Port:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory


class MemoryCharts(_Port):
    """Port `Charts`."""

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        return {key: self._memory.charts[key] for key in keys if key in self._memory.charts}

    def save(self, chart: Chart) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            before = memory.charts.get(chart.key)
            if (before.version if before else 0) != chart.version - 1:
                return False
            memory.charts[chart.key] = chart
            return True

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        return [self.save(chart) for chart in charts]

    def move(self, charts: Sequence[Chart], doses: Mapping[str, str], to: str) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            before = [memory.charts.get(chart.key) for chart in charts]
            versions = [chart.version if chart else 0 for chart in before]
            if versions != [chart.version - 1 for chart in charts]:
                return False
            if any(memory.dose_index.get(dose) != left for dose, left in doses.items()):
                return False
            memory.charts |= {chart.key: chart for chart in charts}
            memory.dose_index |= dict.fromkeys(doses, to)
            return True


class MemoryDoseIndex(_Port):
    """Port `DoseIndex`."""

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        return {key: self._memory.dose_index[key] for key in keys if key in self._memory.dose_index}

    def add(self, charts: Mapping[str, str]) -> dict[str, str]:
        memory = self._memory
        for dose, chart in charts.items():
            memory.before_write()
            with memory.lock:
                memory.dose_index.setdefault(dose, chart)
        return {dose: found for dose, found in self.find(charts).items() if found != charts[dose]}


class MemorySubmissions(_Port):
    """Port `Submissions`."""

    def patient_key(self) -> bytes:
        return b"synthetic"

    def add(self, submission: Submission) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            if submission.msh_10 in memory.submissions:
                return False
            memory.of_file.setdefault(submission.file_id, []).append(submission.msh_10)
            memory.put(submission)
            return True

    def add_all(self, submissions: Sequence[Submission]) -> None:
        for submission in submissions:
            self.add(submission)

    def get(self, msh_10: str) -> Submission | None:
        return self._memory.submissions.get(msh_10)

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        submissions = self._memory.submissions
        return (submissions[msh_10] for msh_10 in dict.fromkeys(msh_10s) if msh_10 in submissions)

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        self._memory.update(msh_10, set(State), replaced_by=replaced_by)


class MemorySubmissionStates(_Port):
    """Port `SubmissionStates`."""

    def __init__(self, memory: Memory, lease: timedelta) -> None:
        super().__init__(memory)
        self._lease = lease

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is not None and found.state is State.SENDING and _over(found, now):
                found = self._expire(found, now)
            if found is not None and found.state is State.QUEUED:
                return memory.put(self._claimed(found, now))
            if found is not None and found.state is State.UNKNOWN and may_resend(found.resends):
                return memory.put(replace(self._claimed(found, now), resends=found.resends + 1))
            state = found.state if found else None
            return NotClaimed(state, busy=state is State.SENDING)

    def _claimed(self, found: Submission, now: datetime) -> Submission:
        return replace(found, state=State.SENDING, lease_until=now + self._lease, attempt_count=found.attempt_count + 1)

    def _expire(self, lost: Submission, now: datetime) -> Submission:
        started = (lost.lease_until or now) - self._lease
        seconds = (now - started).total_seconds()
        attempt = Attempt(lost.attempt_count, started, seconds, State.UNKNOWN, fault="LEASE-EXPIRED")
        next_try = now if may_resend(lost.resends) else None
        self._memory.worklist.pop(lost.msh_10, None)
        causes = (faults.cause_of_unknown((*lost.attempts, attempt)),)
        return self._memory.put(_finished(lost, attempt, causes, next_try))

    def finish(
        self,
        submission: Submission,
        event: Event,
        attempt: Attempt,
        *,
        causes: tuple[str, ...] = (),
        next_try: datetime | None = None,
    ) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(submission.msh_10)
            if found is None or after(event, found.state) is None or found.attempt_count != submission.attempt_count:
                return found is not None and attempt in found.attempts
            finished = _finished(found, attempt, causes, next_try)
            if event in (Event.DEFER, Event.DEFER_RESEND) and not attempt.free:
                finished = replace(finished, deferrals=found.deferrals + 1)
            if event is Event.DEFER_RESEND:
                finished = replace(finished, resends=found.resends - 1)
            memory.worklist.pop(found.msh_10, None)
            memory.put(finished)
            return True

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        (state,) = set(TRANSITIONS[event].values())
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is None or found.state not in sources(event):
                return False
            closed_from = found.state.value if event is Event.CLOSE else found.closed_from
            memory.worklist.pop(msh_10, None)
            moved = replace(found, state=state, closed_reason=reason, closed_from=closed_from)
            memory.put(replace(moved, waiting_since=None))
            return True

    def reopen(self, msh_10: str) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is None or found.state is not State.CLOSED or found.replaced_by:
                return False
            memory.put(replace(found, state=State(found.closed_from), closed_from="", closed_reason=""))
            return True

    def note_proof(self, msh_10: str, evidence: str) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is None or found.state is not State.PARTLY_ACCEPTED:
                return False
            memory.put(replace(found, closed_reason=evidence))
            return True

    def build_anew(self, submission: Submission) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(submission.msh_10)
            if found is None or found.state is not State.SENDING or found.attempt_count != submission.attempt_count:
                return False
            memory.put(
                replace(
                    found,
                    visit=submission.visit,
                    vxu=submission.vxu,
                    findings=submission.findings,
                    clinic=submission.clinic,
                    config_version=submission.config_version,
                )
            )
            return True


class MemoryBacklog(_Port):
    """Port `Backlog`."""

    def waiting(self) -> Iterator[Waiting]:
        memory = self._memory
        waiting = sorted(map(memory.submissions.__getitem__, memory.waiting), key=lambda one: (one.created, one.msh_10))
        return (_waiting(one) for one in waiting if not one.backfill)

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is not None and found.waiting_since is not None and not found.backfill:
                memory.put(replace(found, waiting_since=since))

    def requeue(self, msh_10: str, now: datetime) -> bool:
        return self._memory.update(msh_10, {State.QUEUED}, deferrals=0, waiting_since=now, backfill=False)


class MemoryBackfills(_Port):
    """Port `Backfills`."""

    def lanes(self) -> list[BackfillLane]:
        return sorted(lane for lane, waiting in self._memory.backfilled.items() if waiting)

    def waiting_in(self, lane: BackfillLane, limit: int) -> Iterator[Waiting]:
        mine = map(self._memory.submissions.__getitem__, self._memory.backfilled.get(lane, ()))
        return map(_waiting, sorted(mine, key=lambda one: (one.waiting_since, one.msh_10)))

    def admit(self, msh_10: str, now: datetime) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is None or not found.backfill or found.state is not State.QUEUED:
                return False
            memory.put(replace(found, backfill=False, waiting_since=now))
            return True

    def begin(self, lane: BackfillLane, until: datetime) -> None:
        self._memory.before_write()
        self._memory.waits_until[lane] = until

    def take_from_quota(self, lane: BackfillLane, day: date, count: int) -> QuotaUse:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            last, taken = memory.quota.get(lane, (day, 0))
            memory.quota[lane] = max(day, last), (count if day > last else taken + count)
            return QuotaUse(memory.quota[lane][1], memory.waits_until.get(lane))

    def taken_from_quotas(self, day: date) -> dict[BackfillLane, int]:
        return {lane: taken for lane, (its_day, taken) in self._memory.quota.items() if its_day == day}

    def take_from_pace(self, minute: datetime, count: int) -> int:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            last, taken = memory.pace
            memory.pace = max(minute, last), (count if minute > last else taken + count)
            return memory.pace[1]


class MemoryWorklist(_Port):
    """Port `Worklist`."""

    def enter(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        memory = self._memory
        memory.before_write()
        with memory.lock:
            found = memory.submissions.get(msh_10)
            if found is None or found.replaced_by:
                return False
            memory.put(replace(found, causes=causes))
            key = "#".join((found.state.value, causes[0] if causes else "", msh_10))
            memory.worklist[msh_10] = (found.clinic or NO_CLINIC, key)
            return True

    def entries(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        for msh_10, (place, key) in sorted(self._memory.worklist.items(), key=lambda item: item[1]):
            found = self._memory.submissions[msh_10]
            if clinic not in ("", place) or not key.startswith(f"{state.value}#" if state else ""):
                continue
            if cause and cause not in found.causes:
                continue
            yield WorklistEntry(
                msh_10=msh_10,
                clinic=place,
                source=found.source,
                state=found.state,
                row_count=found.row_count,
                causes=found.causes,
                created=found.created,
                file_id=found.file_id,
            )


class MemoryFiles(_Port):
    """Port `Files`."""

    def begin(self, summary: FileSummary) -> bool:
        self._memory.before_write()
        is_new = summary.file_id not in self._memory.files
        if is_new:
            self._keep(summary)
        return is_new

    def save(self, summary: FileSummary) -> None:
        self._memory.before_write()
        self._keep(summary)

    def remove(self, file_id: str) -> None:
        self._memory.before_write()
        self._memory.files.pop(file_id, None)

    def _keep(self, summary: FileSummary) -> None:
        self._memory.files[summary.file_id] = summary
        if summary.source:
            quiet = self._memory.quiet_since
            quiet[summary.source] = max(summary.arrived, quiet.get(summary.source, summary.arrived))

    def summary(self, file_id: str) -> FileSummary | None:
        return self._memory.files.get(file_id)

    def get(self, file_id: str) -> FileSummary | None:
        summary = self.summary(file_id)
        return self._counted(summary) if summary else None

    def all(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        return (self._counted(summary) for summary in self.summaries() if summary.file_id not in but)

    def summaries(self) -> Iterator[FileSummary]:
        return iter([summary for _, summary in sorted(self._memory.files.items())])

    def _counted(self, summary: FileSummary) -> FileSummary:
        rows: Counter[tuple[str, State]] = Counter()
        for one in self._submissions(summary.file_id):
            rows[one.clinic, one.state] += one.row_count
        places = tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()) if count)
        return replace(summary, places=places)

    def msh_10s(self, file_id: str) -> Iterator[str]:
        return (one.msh_10 for one in self._submissions(file_id) if one.row_count)

    def msh_10s_of_row(self, file_id: str, row: int) -> Iterator[str]:
        of_file = (one for one in self._submissions(file_id) if one.row_count)
        return (one.msh_10 for one in of_file if any(number == row for _, number in one.visit.rows))

    def _submissions(self, file_id: str) -> Iterator[Submission]:
        return map(self._memory.submissions.__getitem__, self._memory.of_file.get(file_id, ()))


class MemorySources(_Port):
    """Port `Sources`."""

    def quiet_since(self) -> dict[str, datetime]:
        return dict(self._memory.quiet_since)

    def expect(self, source: str, now: datetime) -> None:
        self._memory.quiet_since.setdefault(source, now)


class MemoryOutcomes(_Port):
    """Port `Outcomes`."""

    def note(self, outcome: Outcome, now: datetime) -> None:
        memory = self._memory
        memory.before_write()
        memory.outcomes[outcome.day, outcome.clinic, outcome.msh_10] = outcome
        if outcome.day < now.astimezone(UTC).date():
            memory.before_write()
            memory.late[outcome.day] += 1

    def late(self, since: date, until: date) -> Mapping[date, int]:
        return {day: times for day, times in self._memory.late.items() if since <= day <= until}

    def of_day(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        for (its_day, its_clinic, _), outcome in sorted(self._memory.outcomes.items()):
            if its_day == day and clinic in ("", its_clinic):
                yield outcome


class MemorySearchKeys(_Port):
    """Port `SearchKeys`."""

    def add(self, values: Sequence[SearchTerm]) -> None:
        self._memory.before_write()
        for value in values:
            self._memory.search_keys.setdefault((value.kind, value.value), set()).update(value.msh_10s)

    def find(self, kind: str, value: str) -> Iterator[str]:
        return iter(sorted(self._memory.search_keys.get((kind, value), ())))


class MemoryStops(_Port):
    """Port `Stops`."""

    def current(self) -> StopStatus:
        memory = self._memory
        return StopStatus(dict(memory.stopped), memory.valve, dict(memory.queries_stopped), memory.query_gate)

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        self._memory.before_write()
        self._memory.stopped.setdefault(facility, fault)

    def stop_queries_of(self, facility: str, fault: str, now: datetime) -> None:
        self._memory.before_write()
        self._memory.queries_stopped.setdefault(facility, fault)

    def open_facility(self, facility: str) -> bool:
        were_queries = self._memory.queries_stopped.pop(facility, None) is not None
        return self._memory.stopped.pop(facility, None) is not None or were_queries

    def save_valve(self, before: Valve, after: Valve) -> bool:
        self._memory.before_write()
        if self._memory.valve.version != before.version:
            return False
        self._memory.valve = replace(after, version=before.version + 1)
        return True

    def save_query_gate(self, before: QueryGate, after: QueryGate) -> bool:
        self._memory.before_write()
        if self._memory.query_gate.version != before.version:
            return False
        self._memory.query_gate = replace(after, version=before.version + 1)
        return True


def _nothing(_before: Submission | None, _after: Submission) -> None:
    return None


class MemoryLedger:
    """Every port of the ledger on one `memory`; subclasses put broken ports in the place of these."""

    memory_class: ClassVar[type[Memory]] = Memory
    charts_class: ClassVar[type[MemoryCharts]] = MemoryCharts
    states_class: ClassVar[type[MemorySubmissionStates]] = MemorySubmissionStates
    backlog_class: ClassVar[type[MemoryBacklog]] = MemoryBacklog
    outcomes_class: ClassVar[type[MemoryOutcomes]] = MemoryOutcomes

    def __init__(
        self,
        before_write: Callable[[], None] = lambda: None,
        *,
        lease: int = settings.CLAIM_LEASE,
        on_change: Change = _nothing,
    ) -> None:
        self.memory = self.memory_class(before_write, on_change)
        self.charts = self.charts_class(self.memory)
        self.dose_index = MemoryDoseIndex(self.memory)
        self.submissions = MemorySubmissions(self.memory)
        self.states = self.states_class(self.memory, timedelta(seconds=lease))
        self.backlog = self.backlog_class(self.memory)
        self.backfills = MemoryBackfills(self.memory)
        self.worklist = MemoryWorklist(self.memory)
        self.sources = MemorySources(self.memory)
        self.files = MemoryFiles(self.memory)
        self.outcomes = self.outcomes_class(self.memory)
        self.search_keys = MemorySearchKeys(self.memory)
        self.stops = MemoryStops(self.memory)


def _waiting(submission: Submission) -> Waiting:
    assert submission.waiting_since is not None
    message = OutboxMessage(submission.msh_10, submission.clinic, submission.patient_group)
    return Waiting(message, submission.waiting_since)


def _over(submission: Submission, now: datetime) -> bool:
    return submission.lease_until is None or submission.lease_until <= now


def _finished(
    submission: Submission, attempt: Attempt, causes: tuple[str, ...], next_try: datetime | None
) -> Submission:
    return replace(
        submission,
        state=attempt.state,
        attempts=(*submission.attempts, attempt),
        causes=causes,
        lease_until=None,
        waiting_since=next_try,
        backfill=False,
    )
