"""What the use cases need from the world, as Protocols. Adapters and the tests' own doubles implement them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import IO, Final, Protocol

import msgspec

from shared.domain.audit import AuditEntry
from shared.domain.clinics import Configuration, Source
from shared.domain.lifecycle import Event, State
from shared.domain.model import Visit
from shared.domain.notice import Mark
from shared.domain.outcome import Findable, Outcome
from shared.domain.submission import (
    Answer,
    Attempt,
    Credentials,
    DeliveryFault,
    FileSummary,
    Lane,
    Record,
    Submission,
)
from shared.domain.valve import Valve


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, with a zone."""
        ...


LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StoredObject(msgspec.Struct, frozen=True):
    """One object of the bucket: key, the version that makes this arrival unique, size in bytes, when it arrived.

    `version_id` is S3's own, where one version is meant and not the newest.
    """

    key: str
    version: str
    size: int
    modified: datetime = LONG_AGO
    version_id: str = ""


class Objects(Protocol):
    """The bucket."""

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        """The object, or one version of it; None where it is not there."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]: ...

    def open(self, item: StoredObject) -> IO[bytes]:
        """The object's bytes as a stream that is read forward once."""
        ...


class Files(Protocol):
    """Where reports are kept, by name."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, content: bytes, content_type: str) -> None:
        """Writes a file, in place of the one of that name."""
        ...


class Exports(Protocol):
    """A reader of one export format."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        """One visit per patient, clinic and day, every data row of the parts in exactly one visit's `rows`.

        Rows that cannot be understood come as visits with findings. Visits of one patient come in the order of days.
        Memory does not grow with the size of the parts.
        """
        ...


class Configurations(Protocol):
    def current(self) -> Configuration:
        """The version in force (cached for a minute).

        Raises:
            LookupError: none was pushed yet.
        """
        ...


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


class OutboxMessage(msgspec.Struct, frozen=True):
    """A reference: no PHI. `round` tells one queueing of the same submission from the next (SQS deduplication)."""

    msh_10: str
    clinic: str
    patient_group: str
    round: str = ""


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


class AuditTrail(Protocol):
    """Who read or changed what. Entries are added, never changed."""

    def note(self, entry: AuditEntry) -> None: ...

    def entries(self, since: date, until: date) -> Iterator[AuditEntry]:
        """The entries of those days (UTC), both included, in order of time."""
        ...


class Marks(Protocol):
    """What notices are to be sent for."""

    def add(self, mark: Mark) -> None:
        """Adds a mark; one that is there stays as it is."""
        ...

    def open(self, until: datetime) -> Iterator[Mark]:
        """The marks of hours that began until then, claimed or not."""
        ...

    def claim(self, mark: Mark, now: datetime) -> bool:
        """False where somebody else has claimed it and may still be at it, or where it is gone."""
        ...

    def remove(self, mark: Mark) -> None: ...


class Topic(Protocol):
    """Where people hear of what waits for them."""

    def publish(self, subject: str, text: str) -> None: ...


class SecondOpinion(Protocol):
    """Another implementation of HL7 that judges what we built."""

    def objection(self, vxu: str) -> str:
        """Empty where it agrees, else the kind of its objection (no PHI)."""
        ...


class Outbox(Protocol):
    def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Queues references in this order; order within a patient group is kept until they are delivered.

        Raises:
            RuntimeError: the queue took some of them only; the text counts, it does not quote.
        """
        ...

    def depth(self) -> int:
        """About how many references wait to be received: those that are out or kept back are not counted."""
        ...


class Received(msgspec.Struct, frozen=True):
    """A reference that was received, and the receipt by which the queue knows it."""

    message: OutboxMessage
    receipt: str


class OutboxReader(Protocol):
    """The other end of the outbox. What was received and is neither removed nor delayed comes again after a while."""

    def receive(self) -> list[Received]:
        """At most ten references, none where nothing waits; a patient's in their order, none while others are out."""
        ...

    def remove(self, receipts: Sequence[str]) -> None:
        """Takes references out for good; one that is gone already is no error."""
        ...

    def delay(self, receipt: str, seconds: int) -> None:
        """Keeps a reference and those of its patient behind it back."""
        ...


class ResubmissionQueue(Protocol):
    def send(self, msh_10s: Sequence[str]) -> None: ...


class Delivery(Protocol):
    """The switch of what feeds `submit`: off, nothing is received and no receive count burns."""

    def is_on(self) -> bool: ...

    def switch(self, *, on: bool) -> None: ...


class Secrets(Protocol):
    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        """The clinic's credentials; None when the secret is missing or malformed. `fresh` skips the cache."""
        ...


class Iis(Protocol):
    """The registry behind SOAP. Every call returns values for everything that an IIS or a network can do."""

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        """submitSingleMessage (urn:cdc:iisb:2011)."""
        ...

    def test_connection(self, endpoint: str, echo: str) -> Answer | DeliveryFault:
        """connectivityTest (urn:cdc:iisb:2011); needs no credentials."""
        ...

    def reach(self, endpoint: str) -> DeliveryFault | None:
        """Connects, secures the connection and sends nothing; None where that worked."""
        ...
