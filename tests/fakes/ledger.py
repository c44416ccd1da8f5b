"""The ledger in memory: the same conditions as DynamoDB's, nothing of AWS. `test_ledger_contract.py` holds both to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Final

from shared import settings
from shared.domain.lifecycle import TRANSITIONS, Event, State, after, sources
from shared.domain.outcome import Findable, Outcome
from shared.domain.submission import Attempt, FileSummary, Lane, Record, Submission
from shared.domain.valve import Valve
from shared.ports.ledger import NotClaimed, Share, Stops, Waiting, WorklistEntry
from shared.ports.queues import OutboxMessage
from shared.replaced import replace

MAX_RESENDS: Final = 1
NO_CLINIC: Final = "-"
Change = Callable[[Submission | None, Submission], None]


def _nothing(_before: Submission | None, _after: Submission) -> None:
    return None


class MemoryLedger:
    """Port `Ledger`. `before_write` may raise, as a process that is killed stops; `on_change` sees every change."""

    def __init__(
        self,
        before_write: Callable[[], None] = lambda: None,
        *,
        lease: int = settings.CLAIM_LEASE,
        on_change: Change = _nothing,
    ) -> None:
        self.by_key: dict[str, Record] = {}
        self.summaries: dict[str, FileSummary] = {}
        self.submissions: dict[str, Submission] = {}
        self.before_write = before_write
        self.on_change = on_change
        self._lease = timedelta(seconds=lease)
        self._of_file: dict[str, list[str]] = {}
        self._waiting: set[str] = set()
        self._worklist: dict[str, tuple[str, str]] = {}
        self._stopped: dict[str, str] = {}
        self._valve = Valve()
        self._quiet: dict[str, datetime] = {}
        self._waits_until: dict[Lane, datetime] = {}
        self._shares: dict[Lane, tuple[date, int]] = {}
        self._outcomes: dict[tuple[date, str, str], Outcome] = {}
        self._late: Counter[date] = Counter()
        self._found: dict[tuple[str, str], set[str]] = {}
        self._lock = Lock()

    def patient_key(self) -> bytes:
        return b"synthetic"

    # records ---------------------------------------------------------------------------------------------------------

    def records(self, keys: Iterable[str]) -> dict[str, Record]:
        return {key: self.by_key[key] for key in keys if key in self.by_key}

    def save_record(self, record: Record) -> bool:
        self.before_write()
        with self._lock:
            before = self.by_key.get(record.key)
            if (before.version if before else 0) != record.version - 1:
                return False
            self.by_key[record.key] = record
            return True

    def save_records(self, records: Sequence[Record]) -> list[bool]:
        return [self.save_record(record) for record in records]

    # submissions -----------------------------------------------------------------------------------------------------

    def add(self, submission: Submission) -> bool:
        self.before_write()
        with self._lock:
            if submission.msh_10 in self.submissions:
                return False
            self._of_file.setdefault(submission.file_id, []).append(submission.msh_10)
            self._put(submission)
            return True

    def add_all(self, submissions: Sequence[Submission]) -> None:
        for submission in submissions:
            self.add(submission)

    def get(self, msh_10: str) -> Submission | None:
        return self.submissions.get(msh_10)

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        self.before_write()
        with self._lock:
            found = self.submissions.get(msh_10)
            if found is not None and found.state is State.SENDING and _over(found, now):
                found = self._expire(found, now)
            if found is not None and found.state is State.QUEUED:
                return self._put(self._claimed(found, now))
            if found is not None and found.state is State.UNKNOWN and found.resends < MAX_RESENDS:
                return self._put(replace(self._claimed(found, now), resends=found.resends + 1))
            state = found.state if found else None
            return NotClaimed(state, busy=state is State.SENDING)

    def _claimed(self, found: Submission, now: datetime) -> Submission:
        return replace(found, state=State.SENDING, lease_until=now + self._lease, attempt_count=found.attempt_count + 1)

    def _expire(self, lost: Submission, now: datetime) -> Submission:
        started = (lost.lease_until or now) - self._lease
        seconds = (now - started).total_seconds()
        attempt = Attempt(lost.attempt_count, started, seconds, State.UNKNOWN, fault="LEASE-EXPIRED")
        next_try = now if lost.resends < MAX_RESENDS else None
        self._worklist.pop(lost.msh_10, None)
        return self._put(_finished(lost, attempt, ("LEASE-EXPIRED",), next_try))

    def finish(
        self,
        submission: Submission,
        event: Event,
        attempt: Attempt,
        *,
        causes: tuple[str, ...] = (),
        next_try: datetime | None = None,
    ) -> bool:
        self.before_write()
        with self._lock:
            found = self.submissions.get(submission.msh_10)
            if found is None or after(event, found.state) is None or found.attempt_count != submission.attempt_count:
                return found is not None and attempt in found.attempts
            finished = _finished(found, attempt, causes, next_try)
            if event is Event.DEFER:
                finished = replace(finished, deferrals=found.deferrals + 1)
            self._worklist.pop(found.msh_10, None)
            self._put(finished)
            return True

    def requeue(self, msh_10: str, now: datetime) -> bool:
        return self._update(msh_10, {State.QUEUED}, deferrals=0, waiting_since=now, backfill=False)

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        self.before_write()
        with self._lock:
            found = self.submissions.get(msh_10)
            if found is not None and found.waiting_since is not None and not found.backfill:
                self._put(replace(found, waiting_since=since))

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        (state,) = set(TRANSITIONS[event].values())
        return self._update(msh_10, sources(event), state=state, closed_reason=reason, waiting_since=None)

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        self._update(msh_10, set(State), replaced_by=replaced_by)

    def _update(self, msh_10: str, states: Iterable[State], **values: object) -> bool:
        """Changes a submission that is in one of these states; all such changes take it off the worklist."""
        self.before_write()
        with self._lock:
            found = self.submissions.get(msh_10)
            if found is None or found.state not in states:
                return False
            self._worklist.pop(msh_10, None)
            self._put(replace(found, **values))  # type: ignore[arg-type]
            return True

    def _put(self, submission: Submission) -> Submission:
        if submission.waiting_since is None:
            submission = replace(submission, backfill=False)
        self.on_change(self.submissions.get(submission.msh_10), submission)
        self.submissions[submission.msh_10] = submission
        if submission.waiting_since is None:
            self._waiting.discard(submission.msh_10)
        else:
            self._waiting.add(submission.msh_10)
        return submission

    # worklist and waiting --------------------------------------------------------------------------------------------

    def enter_worklist(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        self.before_write()
        with self._lock:
            found = self.submissions.get(msh_10)
            if found is None or found.replaced_by:
                return False
            self._put(replace(found, causes=causes))
            key = "#".join((found.state.value, causes[0] if causes else "", msh_10))
            self._worklist[msh_10] = (found.clinic or NO_CLINIC, key)
            return True

    def worklist(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        for msh_10, (place, key) in sorted(self._worklist.items(), key=lambda item: item[1]):
            found = self.submissions[msh_10]
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

    def waiting(self) -> Iterator[Waiting]:
        found = [self.submissions[msh_10] for msh_10 in self._waiting]
        for one in sorted(found, key=lambda one: (one.created, one.msh_10)):
            if one.waiting_since is not None and not one.backfill:
                yield Waiting(OutboxMessage(one.msh_10, one.clinic, one.patient_group), one.waiting_since)

    def lanes(self) -> list[Lane]:
        found = (self.submissions[msh_10] for msh_10 in self._waiting)
        return sorted({Lane(one.source, one.clinic) for one in found if one.backfill})

    def backfill(self, lane: Lane, limit: int) -> Iterator[Waiting]:
        found = (self.submissions[msh_10] for msh_10 in self._waiting)
        mine = [one for one in found if one.backfill and (one.source, one.clinic) == lane]
        for one in sorted(mine, key=lambda one: (one.waiting_since, one.msh_10)):
            assert one.waiting_since is not None
            yield Waiting(OutboxMessage(one.msh_10, one.clinic, one.patient_group), one.waiting_since)

    def admit(self, msh_10: str, now: datetime) -> bool:
        self.before_write()
        with self._lock:
            found = self.submissions.get(msh_10)
            if found is None or not found.backfill or found.state is not State.QUEUED:
                return False
            self._put(replace(found, backfill=False, waiting_since=now))
            return True

    def begin_backfill(self, lane: Lane, until: datetime) -> None:
        self.before_write()
        self._waits_until[lane] = until

    def take_share(self, lane: Lane, day: date, count: int) -> Share:
        self.before_write()
        with self._lock:
            last, taken = self._shares.get(lane, (day, 0))
            self._shares[lane] = max(day, last), (count if day > last else taken + count)
            return Share(self._shares[lane][1], self._waits_until.get(lane))

    # outcomes and search ---------------------------------------------------------------------------------------------

    def note_outcome(self, outcome: Outcome, now: datetime) -> None:
        self.before_write()
        self._outcomes[outcome.day, outcome.clinic, outcome.msh_10] = outcome
        if outcome.day < now.astimezone(UTC).date():
            self.before_write()
            self._late[outcome.day] += 1

    def late(self, since: date, until: date) -> Mapping[date, int]:
        return {day: times for day, times in self._late.items() if since <= day <= until}

    def outcomes(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        for (its_day, its_clinic, _), outcome in sorted(self._outcomes.items()):
            if its_day == day and clinic in ("", its_clinic):
                yield outcome

    def make_findable(self, values: Sequence[Findable]) -> None:
        self.before_write()
        for one in values:
            self._found.setdefault((one.kind, one.value), set()).update(one.msh_10s)

    def found(self, kind: str, value: str) -> Iterator[str]:
        return iter(sorted(self._found.get((kind, value), ())))

    def of_row(self, file_id: str, row: int) -> Iterator[str]:
        for msh_10 in self.of_file(file_id):
            if any(number == row for _, number in self.submissions[msh_10].visit.rows):
                yield msh_10

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        return (self.submissions[msh_10] for msh_10 in dict.fromkeys(msh_10s) if msh_10 in self.submissions)

    # files -----------------------------------------------------------------------------------------------------------

    def begin_file(self, summary: FileSummary) -> bool:
        self.before_write()
        is_new = summary.file_id not in self.summaries
        if is_new:
            self._keep_file(summary)
        return is_new

    def save_file(self, summary: FileSummary) -> None:
        self.before_write()
        self._keep_file(summary)

    def _keep_file(self, summary: FileSummary) -> None:
        self.summaries[summary.file_id] = summary
        if summary.source:
            self._quiet[summary.source] = max(summary.arrived, self._quiet.get(summary.source, summary.arrived))

    def quiet_since(self) -> dict[str, datetime]:
        return dict(self._quiet)

    def expect_files(self, source: str, now: datetime) -> None:
        self._quiet.setdefault(source, now)

    def file(self, file_id: str) -> FileSummary | None:
        summary = self.summaries.get(file_id)
        if summary is None:
            return None
        return self._counted(summary)

    def files(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        for file_id, summary in sorted(self.summaries.items()):
            if file_id not in but:
                yield self._counted(summary)

    def of_file(self, file_id: str) -> Iterator[str]:
        return (msh_10 for msh_10 in self._of_file.get(file_id, []) if self.submissions[msh_10].row_count)

    def _counted(self, summary: FileSummary) -> FileSummary:
        return replace(summary, places=self._places(summary.file_id))

    def _places(self, file_id: str) -> tuple[tuple[str, State, int], ...]:
        rows: dict[tuple[str, State], int] = {}
        for msh_10 in self._of_file.get(file_id, []):
            one = self.submissions[msh_10]
            if not one.row_count:
                continue
            rows[one.clinic, one.state] = rows.get((one.clinic, one.state), 0) + one.row_count
        return tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()))

    # stopped facilities ----------------------------------------------------------------------------------------------

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        self.before_write()
        self._stopped.setdefault(facility, fault)

    def open_facility(self, facility: str) -> bool:
        return self._stopped.pop(facility, None) is not None

    def stops(self) -> Stops:
        return Stops(dict(self._stopped), self._valve)

    def save_valve(self, before: Valve, after: Valve) -> bool:
        self.before_write()
        if self._valve.version != before.version:
            return False
        self._valve = replace(after, version=before.version + 1)
        return True


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
