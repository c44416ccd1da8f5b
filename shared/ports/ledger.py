"""The ledger: what became of every row."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import msgspec

from shared.domain.lifecycle import Event, State
from shared.domain.outcome import Findable, Outcome
from shared.domain.submission import (
    Attempt,
    FileSummary,
    Lane,
    Record,
    Submission,
)
from shared.domain.valve import Valve
from shared.ports.queues import OutboxMessage


class NotClaimed(msgspec.Struct, frozen=True):
    """A claim that was not granted. `busy`: somebody else holds it; else there is nothing to send."""

    state: State | None
    busy: bool = False


NO_CLINIC: Final = "-"
"""What the worklist calls the clinic of a visit whose clinic is not known."""


class WorklistEntry(msgspec.Struct, frozen=True):
    """One line of the worklist, as its index has it."""

    msh_10: str
    clinic: str
    source: str
    state: State
    row_count: int
    causes: tuple[str, ...]
    created: datetime
    file_id: str


class Stops(msgspec.Struct, frozen=True):
    """What stops delivery: `facilities` by fault code, those that wait for a person, and the valve of the whole IIS."""

    facilities: Mapping[str, str]
    valve: Valve


class Waiting(msgspec.Struct, frozen=True):
    """A reference to a submission that waits for delivery: since when, or until when where that lies ahead."""

    message: OutboxMessage
    since: datetime


class Share(msgspec.Struct, frozen=True):
    """How many messages a lane made on a day so far, and until when what is new of it waits for its turn."""

    taken: int
    waits_until: datetime | None = None


class Ledger(Protocol):
    """The one place that knows what became of every row. Every write of a state is conditional (lifecycle table)."""

    def patient_key(self) -> bytes:
        """The key of the patient groups, made once per ledger."""
        ...

    def records(self, keys: Iterable[str]) -> dict[str, Record]: ...

    def save_record(self, record: Record) -> bool:
        """Writes version `record.version` if the ledger has the one before it; False when somebody else was faster."""
        ...

    def save_records(self, records: Sequence[Record]) -> list[bool]:
        """`save_record` for each, in few calls; they are of different keys."""
        ...

    def add(self, submission: Submission) -> bool:
        """Adds a submission; False when one with this MSH-10 is there already (then nothing is changed)."""
        ...

    def add_all(self, submissions: Sequence[Submission]) -> None:
        """`add` for each, in few calls."""
        ...

    def get(self, msh_10: str) -> Submission | None: ...

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        """QUEUED → SENDING; UNKNOWN → SENDING for the one resend; a SENDING past its lease becomes UNKNOWN first."""
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
        """Writes the outcome and keeps the attempt; False when the claim is not ours any more.

        Written twice it is kept once, and both times it is True.

        With `next_try` the submission goes on waiting for delivery, and the sweep looks after it from then on.
        """
        ...

    def requeue(self, msh_10: str, now: datetime) -> bool:
        """Lets a QUEUED submission whose retries were used up wait for delivery again, from the first step."""
        ...

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        """Notes that a submission that had its turn and still waits was queued again just now."""
        ...

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        """SUPERSEDE, PROVE or CLOSE, with the reason kept; False when the submission's state does not allow it."""
        ...

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        """Notes in a submission which one replaces it, and takes it off the worklist."""
        ...

    def enter_worklist(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        """Shows a submission that needs a person in the worklist, unless it was replaced meanwhile."""
        ...

    def worklist(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        """What needs a person, of one clinic or of all that ever had an entry (in clinics.toml still or not)."""
        ...

    def waiting(self) -> Iterator[Waiting]:
        """What waits for delivery and had its turn, in the order in which its submissions were made."""
        ...

    def lanes(self) -> list[Lane]:
        """The lanes in which something waits for its turn, by name."""
        ...

    def backfill(self, lane: Lane, limit: int) -> Iterator[Waiting]:
        """What waits in a lane and has no queue message yet, in the order in which it was made, read as it advances.

        `limit` is about how many will be wanted: so many are read at a time.
        """
        ...

    def admit(self, msh_10: str, now: datetime) -> bool:
        """It had its turn: from now on it waits like any other. False where it waits for its turn no more."""
        ...

    def begin_backfill(self, lane: Lane, until: datetime) -> None:
        """Notes that something in a lane waits for its turn; what is new of it waits behind until then."""
        ...

    def take_share(self, lane: Lane, day: date, count: int) -> Share:
        """Adds `count` new messages to what a lane made on that day (UTC); what it comes to."""
        ...

    def begin_file(self, summary: FileSummary) -> bool:
        """Writes down, as `save_file` does, a file that is new; False where the ledger has it already."""
        ...

    def save_file(self, summary: FileSummary) -> None:
        """Writes what became of a file, and that its source was heard of."""
        ...

    def file(self, file_id: str) -> FileSummary | None:
        """The file with its rows counted per state, as of now: of one that was split with those of all its shares.

        By its own id a share is by itself.
        """
        ...

    def files(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        """The files with their rows counted per state, as of now, without those of these ids, which are not counted.

        One that was split is one file.
        """
        ...

    def quiet_since(self) -> dict[str, datetime]:
        """Source → when its newest file arrived, or since when the first one is expected."""
        ...

    def expect_files(self, source: str, now: datetime) -> None:
        """Notes since when files of a source are expected, where nothing is known of it yet."""
        ...

    def of_file(self, file_id: str) -> Iterator[str]:
        """The MSH-10s of the submissions that stand for a file's rows; corrections of them do not."""
        ...

    def note_outcome(self, outcome: Outcome, now: datetime) -> None:
        """Adds what became of a submission to its day; the same again changes nothing.

        Where that day is over by now, it is marked: what was counted of it before has to be counted again.
        """
        ...

    def late(self, since: date, until: date) -> Mapping[date, int]:
        """Of those days (UTC, both included) the ones that were marked, and how often: the number only grows."""
        ...

    def outcomes(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        """What became of the submissions of one day (UTC), of one clinic or of all."""
        ...

    def make_findable(self, values: Sequence[Findable]) -> None:
        """Notes values that people search submissions by, as keyed hashes. The same again changes nothing."""
        ...

    def found(self, kind: str, value: str) -> Iterator[str]:
        """The MSH-10s of the submissions with this `mrn`, `orc_3` or `lot` (`outcome.search_terms`), each once."""
        ...

    def of_row(self, file_id: str, row: int) -> Iterator[str]:
        """The MSH-10s of the submissions that stand for a row of a file, in any of its parts."""
        ...

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        """The submissions that are there, in this order, read as the iterator advances."""
        ...

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None: ...

    def open_facility(self, facility: str) -> bool: ...

    def stops(self) -> Stops:
        """Everything that stops delivery, as of now: what every batch asks before it sends."""
        ...

    def save_valve(self, before: Valve, after: Valve) -> bool:
        """Writes the valve if it is still as `before`; False when somebody else was faster."""
        ...
