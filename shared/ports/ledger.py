"""The ledger: what became of every row, as one port for each use that is made of it.

Every write of a state is conditional, as the lifecycle table says (`shared/domain/lifecycle.py`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import msgspec

from shared.domain.chart import Chart
from shared.domain.lifecycle import Event, State
from shared.domain.outcome import Outcome, SearchTerm
from shared.domain.query_gate import QueryGate
from shared.domain.submission import Attempt, BackfillLane, FileSummary, Submission
from shared.domain.valve import Valve
from shared.ports.queues import OutboxMessage

NO_CLINIC: Final = "-"
"""The worklist's name for the clinic of a visit whose clinic is not known."""


class NotClaimed(msgspec.Struct, frozen=True):
    """A claim that was not granted.

    `state` is None for an unknown MSH-10. `busy` means that another process holds the claim; otherwise there is
    nothing to send.
    """

    state: State | None
    busy: bool = False


class WorklistEntry(msgspec.Struct, frozen=True):
    """One line of the worklist."""

    msh_10: str
    clinic: str
    source: str
    state: State
    row_count: int
    causes: tuple[str, ...]
    created: datetime
    file_id: str


class Waiting(msgspec.Struct, frozen=True):
    """A submission that waits for delivery. `since` lies ahead while it waits for the time of its next try."""

    message: OutboxMessage
    since: datetime


class QuotaUse(msgspec.Struct, frozen=True):
    """How much of its daily quota a backfill lane has used.

    `waits_until` is set while the lane has a backfill: until then, new messages of the lane wait behind it.
    """

    taken: int
    waits_until: datetime | None = None


class StopStatus(msgspec.Struct, frozen=True):
    """Everything that stops delivery and queries.

    Attributes:
        facilities: The stopped facilities with their fault codes.
        valve: The valve of delivery.
        query_facilities: The facilities whose queries are stopped, with their fault codes.
        query_gate: The gate of queries.
    """

    facilities: Mapping[str, str]
    valve: Valve
    query_facilities: Mapping[str, str] = msgspec.field(default_factory=dict)
    query_gate: QueryGate = QueryGate()


class Charts(Protocol):
    """The charts of patients, under an optimistic lock."""

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        """Return the charts that exist, by key."""
        ...

    def save(self, chart: Chart) -> bool:
        """Write a version of a chart; False if the ledger does not hold the version before it."""
        ...

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        """Save charts of different keys in few calls; one result for each, as from `save`."""
        ...

    def move(self, charts: Sequence[Chart], doses: Mapping[str, str], to: str) -> bool:
        """Write charts between which doses move, and the doses' notes in the index: all of it or nothing.

        Args:
            charts: Versions of charts of different keys.
            doses: The chart that the index names for each dose until now, by the key of the dose.
            to: The key of the chart to which they move.

        Returns:
            False, without any change, if the ledger does not hold the version before one of the charts, or if the index
            names another chart for one of the doses.
        """
        ...


class DoseIndex(Protocol):
    """Leads from the EHR's id of a dose to the chart in which the dose stands."""

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the keys of charts by the keys of doses (`identity.dose_key`), of doses that are known."""
        ...

    def add(self, charts: Mapping[str, str]) -> dict[str, str]:
        """Note the chart of each dose of which none is noted, by the key of the dose.

        Returns:
            The doses of which another chart is noted, with that chart. Their notes stay.
        """
        ...


class Submissions(Protocol):
    """The submissions as they were made, and which one replaces which."""

    def patient_key(self) -> bytes:
        """Return the secret key of patient groups and search keys, made once per ledger."""
        ...

    def add(self, submission: Submission) -> bool:
        """Add a submission; False, without any change, if its MSH-10 exists."""
        ...

    def add_all(self, submissions: Sequence[Submission]) -> None:
        """Add submissions in few calls, each as `add` does."""
        ...

    def get(self, msh_10: str) -> Submission | None: ...

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        """Yield the submissions that exist, in this order, read as the iterator advances."""
        ...

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        """Note which submission replaces this one, and take this one off the worklist."""
        ...


class SubmissionStates(Protocol):
    """The changes of state: each is written only from a state that the lifecycle table allows."""

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        """Claim a submission for sending: QUEUED → SENDING, or UNKNOWN → SENDING for the one resend.

        A claim that outlived its lease becomes UNKNOWN first.
        """
        ...

    def finish(
        self,
        submission: Submission,
        event: Event,
        attempt: Attempt,
        *,
        causes: tuple[str, ...] = (),
        next_try: datetime | None = None,
    ) -> bool:
        """Write the outcome of a claim and keep the attempt.

        Args:
            submission: The submission as it was claimed.
            event: The event of the lifecycle that the outcome is.
            attempt: The attempt; its `state` is the one that follows.
            causes: What the worklist groups the submission by.
            next_try: Set if the submission still waits for delivery.

        Returns:
            False if the claim is no longer ours; True also if this very attempt was written before.
        """
        ...

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        """Apply SUPERSEDE, PROVE or CLOSE and keep the reason; False if the state does not allow it."""
        ...

    def reopen(self, msh_10: str) -> bool:
        """Apply REOPEN: a CLOSED submission is again as it was closed, without waiting for delivery.

        Returns:
            False if it is not CLOSED, or was replaced.
        """
        ...

    def note_proof(self, msh_10: str, evidence: str) -> bool:
        """Note what proved the unproven doses of a PARTLY_ACCEPTED submission; it stays in the worklist.

        Returns:
            False if it is not PARTLY_ACCEPTED any more.
        """
        ...

    def build_anew(self, submission: Submission) -> bool:
        """Write visit, message, findings, clinic and version of the configuration of a claimed submission.

        Returns:
            False if the claim is no longer ours.
        """
        ...


class Backlog(Protocol):
    """The submissions that wait for delivery."""

    def waiting(self) -> Iterator[Waiting]:
        """Yield what waits for delivery, without the backfills, in the order in which it was made."""
        ...

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        """Note that a waiting submission was queued again at `since`."""
        ...

    def requeue(self, msh_10: str, now: datetime) -> bool:
        """Let a QUEUED submission whose retries are used up wait again, with all its retries; False if not QUEUED."""
        ...


class Backfills(Protocol):
    """The submissions beyond their lane's daily quota: they wait in the ledger without a queue message (ADR 0014)."""

    def lanes(self) -> list[BackfillLane]:
        """Return the lanes that have a backfill, sorted."""
        ...

    def waiting_in(self, lane: BackfillLane, limit: int) -> Iterator[Waiting]:
        """Yield what waits in a lane in the order in which it was made, read as the iterator advances.

        Args:
            lane: The lane.
            limit: About how many will be wanted, which is the size of a page.
        """
        ...

    def admit(self, msh_10: str, now: datetime) -> bool:
        """Move a submission from its backfill to the backlog; False if it is in no backfill."""
        ...

    def begin(self, lane: BackfillLane, until: datetime) -> None:
        """Note that a lane has a backfill; new messages of the lane wait behind it until `until`."""
        ...

    def take_from_quota(self, lane: BackfillLane, day: date, count: int) -> QuotaUse:
        """Count `count` new messages of a lane against its quota of a day (UTC), and return the sum."""
        ...

    def taken_from_quotas(self, day: date) -> Mapping[BackfillLane, int]:
        """Return what each lane has taken of its quota of a day (UTC); lanes that took nothing are left out."""
        ...

    def take_from_pace(self, minute: datetime, count: int) -> int:
        """Count `count` new messages of any lane against the pace of a minute, and return the sum."""
        ...


class Worklist(Protocol):
    """The submissions that need a person."""

    def enter(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        """Enter a submission with its causes; False if it was replaced meanwhile."""
        ...

    def entries(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        """Yield the entries of a clinic, or of every clinic that ever had one."""
        ...


class Files(Protocol):
    """The files: arrivals of exports."""

    def begin(self, summary: FileSummary) -> bool:
        """Save a new file; False, without any change, if the file exists."""
        ...

    def save(self, summary: FileSummary) -> None:
        """Save what became of a file, and when its source was last heard of."""
        ...

    def remove(self, file_id: str) -> None:
        """Remove a file without rows: the entry of a file that nothing read until now."""
        ...

    def summary(self, file_id: str) -> FileSummary | None:
        """Return a file as it was saved, without counting its rows: one read, however large the file is."""
        ...

    def get(self, file_id: str) -> FileSummary | None:
        """Return a file with its rows counted by clinic and state as of now."""
        ...

    def all(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        """Yield the files as `get` returns them, without those of the ids in `but`."""
        ...

    def summaries(self) -> Iterator[FileSummary]:
        """Yield the files as they were saved, without counting their rows."""
        ...

    def msh_10s(self, file_id: str) -> Iterator[str]:
        """Yield the MSH-10s of the submissions made from a file's rows; corrections are not among them."""
        ...

    def msh_10s_of_row(self, file_id: str, row: int) -> Iterator[str]:
        """Yield the MSH-10s of the submissions made from a row; in a set of files, of that row of any file."""
        ...


class Sources(Protocol):
    """When each source was last heard of."""

    def quiet_since(self) -> dict[str, datetime]:
        """Return, by source, when its newest file arrived, or since when its first one is expected."""
        ...

    def expect(self, source: str, now: datetime) -> None:
        """Note since when files of a source are expected, unless the source is known."""
        ...


class Outcomes(Protocol):
    """The outcomes, which reports count (ADR 0011)."""

    def note(self, outcome: Outcome, now: datetime) -> None:
        """Add an outcome to its day; the same outcome again changes nothing.

        If the day is over, it is noted as late: what was counted of it before must be counted again.
        """
        ...

    def late(self, since: date, until: date) -> Mapping[date, int]:
        """Return how often each day (UTC, both included) got a late outcome, without days that got none.

        The number of a day only grows.
        """
        ...

    def of_day(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        """Yield the outcomes of a day (UTC), of a clinic or of all."""
        ...


class SearchKeys(Protocol):
    """The values that people search by, kept as keyed hashes (ADR 0011)."""

    def add(self, values: Sequence[SearchTerm]) -> None:
        """Add values; the same values again change nothing."""
        ...

    def find(self, kind: str, value: str) -> Iterator[str]:
        """Yield the MSH-10s of the submissions with this value of a kind (`outcome.search_terms`), each once."""
        ...


class Stops(Protocol):
    """The stopped facilities and the valve."""

    def current(self) -> StopStatus:
        """Return everything that stops delivery as of now; every batch reads it before it sends."""
        ...

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        """Stop a facility; the fault of a facility that is stopped already stays."""
        ...

    def stop_queries_of(self, facility: str, fault: str, now: datetime) -> None:
        """Stop a facility's queries; the fault of one that is stopped already stays."""
        ...

    def open_facility(self, facility: str) -> bool:
        """Open a facility, and its queries; False if neither was stopped."""
        ...

    def save_valve(self, before: Valve, after: Valve) -> bool:
        """Write the valve if it is still as `before`; False if it was changed meanwhile."""
        ...

    def save_query_gate(self, before: QueryGate, after: QueryGate) -> bool:
        """Write the gate of queries if it is still as `before`; False if it was changed meanwhile."""
        ...
