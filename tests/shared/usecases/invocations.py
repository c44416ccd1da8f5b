"""Conversion of one export in several invocations on one ledger; any of them may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from shared.adapters.clock import SystemClock
from shared.domain.submission import FileSummary
from shared.usecases.intake.convert import Convert, Converted
from tests.benchmarks import records
from tests.benchmarks.exports import Bucket
from tests.chaos.surroundings import Agreeing
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger, ports_for
from tests.fakes.queues import MemoryQueue


class KilledError(Exception):
    """The process was killed."""


class Invocations:
    """Invocations of convert for one export on one ledger."""

    def __init__(self, bucket: Bucket) -> None:
        self.left = -1
        self.ledger = MemoryLedger(self._step)
        self.outbox, self.resubmission = MemoryQueue(self._step), MemoryQueue(self._step)
        self.bucket = bucket
        self._beside: tuple[int, str] | None = None

    def _step(self) -> None:
        if self.left == 0:
            raise KilledError
        self.left -= 1
        if self._beside is not None:
            writes, key = self._beside
            self._beside = (writes - 1, key) if writes else None
            if not writes:
                self._whole_turn(key)

    def beside(self, writes: int, key: str) -> None:
        """Handle the event of another object after so many writes of the next invocation."""
        self._beside = (writes, key)

    def _whole_turn(self, key: str) -> None:
        left = self.left
        self(key=key)
        self.left = left

    def not_done_beside(self) -> list[str]:
        """The event that `beside` named, if the last invocation ended before it."""
        waiting = [self._beside[1]] if self._beside is not None else []
        self._beside = None
        return waiting

    def __call__(self, *, key: str = "", replayed: bool = False, chunks: int = 10**9, die_after: int = -1) -> Converted:
        """Run one invocation, with time for so many chunks. `die_after` kills it at its n-th write or send.

        `key` is the object that the event names; by default the only one.
        """
        self.left = die_after
        clock: Iterator[int] = count(1)
        convert = Convert(
            **ports_for(Convert, self.ledger),
            outbox=self.outbox,
            resubmission=self.resubmission,
            objects=self.bucket,
            configurations=Fixed(records.CONFIGURATION),
            clock=SystemClock(),
            second_opinion=Agreeing(),
            bucket="b",
        )
        return convert(key or self.bucket.key, "", lambda: 900.0 if next(clock) < chunks else 0.0, replayed=replayed)

    def file(self) -> FileSummary:
        (file,) = self.ledger.files.all()
        return file
