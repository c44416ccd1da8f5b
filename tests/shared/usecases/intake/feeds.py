"""Exports that are stored in a bucket in memory and converted by the real readers, on the memory ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.adapters.configuration.reader import read_configuration
from shared.domain.lifecycle import Event, State
from shared.domain.submission import Attempt, FileSummary, Submission
from shared.ports.queues import OutboxMessage
from shared.usecases.correction.correct import Correct
from shared.usecases.intake.convert import Convert, Converted
from tests.fakes.bucket import MemoryBucket
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger, ports_for

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
COLUMNS = (
    "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source"
)


def row(mrn: str, dose_id: str, *, lot: str = "AB123", day: str = "2026-03-02", first: str = "Ada") -> str:
    return f"{mrn},Sampleton,{first},1990-05-06,F,{dose_id},{day},115,SKB,{lot},IM,V01,PHC70"


def a_csv(*rows: str) -> bytes:
    return "\n".join((COLUMNS, *rows, "")).encode()


class _NoObjection:
    def objection(self, vxu: str) -> str:
        return ""


class _Queue:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def depth(self) -> int:
        return 0

    def send(self, messages: list[OutboxMessage | str]) -> None:
        self.sent += [one if isinstance(one, str) else one.msh_10 for one in messages]


class Feeds:
    """Convert and Correct under a clinics.toml. Each export arrives a minute after the one before it."""

    def __init__(self, clinics_toml: str) -> None:
        self.ledger = MemoryLedger()
        self.bucket = MemoryBucket()
        self.configurations = Fixed(read_configuration(clinics_toml))
        self.outbox, self.resubmission = _Queue(), _Queue()
        self.time = START
        common = {
            "outbox": self.outbox,
            "resubmission": self.resubmission,
            "configurations": self.configurations,
            "clock": self,
        }
        self.convert = Convert(
            **ports_for(Convert, self.ledger),
            **common,
            objects=self.bucket,
            second_opinion=_NoObjection(),
            bucket="b",
        )  # type: ignore[arg-type]
        self.correct = Correct(**ports_for(Correct, self.ledger), **common)  # type: ignore[arg-type]

    def now(self) -> datetime:
        return self.time

    def put(self, key: str, body: bytes) -> Converted:
        """Store an object and convert what it completes."""
        self.time += timedelta(minutes=1)
        self.bucket.put(f"inbox/{key}", body, self.time)
        return self.convert(f"inbox/{key}")

    def file(self, key: str, body: bytes) -> FileSummary:
        """Store an export of one file; its counts add up."""
        converted = self.put(key, body)
        assert isinstance(converted, FileSummary), converted
        assert converted.adds_up
        return converted

    def made(self) -> list[Submission]:
        """Every submission, the oldest first."""
        ids = (msh_10 for summary in self.ledger.files.all() for msh_10 in self.ledger.files.msh_10s(summary.file_id))
        return sorted(self.ledger.submissions.many(ids), key=lambda one: (one.created, one.msh_10))

    def end(self, submission: Submission, state: State) -> None:
        """Have the IIS answer a queued submission."""
        event = {State.ACCEPTED: Event.ACCEPT, State.REFUSED: Event.REFUSE, State.UNKNOWN: Event.LOSE_ANSWER}[state]
        claimed = self.ledger.states.claim(submission.msh_10, self.time)
        assert isinstance(claimed, Submission)
        self.ledger.states.finish(claimed, event, Attempt(1, self.time, 0.1, state), causes=("X",))
