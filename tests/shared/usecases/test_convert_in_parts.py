"""A file that outlasts its invocation: the next one goes on, whatever happened in between, and the counts add up."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import IO

import pytest

from local.cloud import LocalCloud
from shared.adapters.clock import SystemClock
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.ports import StoredObject
from shared.usecases.convert import CHUNK, Convert, Unfinished
from tests.benchmarks import records
from tests.benchmarks.exports import Bucket
from tests.fakes.ledger import MemoryLedger
from tests.fakes.queues import MemoryQueue

ROWS = 2_400
KEY = "inbox/bench/big.csv"


class KilledError(Exception):
    """The process ended here."""


class Agreeing:
    def objection(self, vxu: str) -> str:
        return ""


class Fixed:
    def current(self) -> object:
        return records.CONFIGURATION


class Run:
    """Conversions of one file over one ledger; `die_after` kills an invocation at its n-th write or send."""

    def __init__(self, rows: int = ROWS, bucket: Bucket | None = None) -> None:
        self.left = -1
        self.ledger = MemoryLedger(self._step)
        self.outbox, self.resubmission = MemoryQueue(self._step), MemoryQueue(self._step)
        self.bucket = bucket or Bucket(rows, 2)

    def _step(self) -> None:
        if self.left == 0:
            raise KilledError
        self.left -= 1

    def __call__(self, *, chunks: int = 10**9, die_after: int = -1) -> object:
        """One invocation, with time for so many chunks."""
        self.left = die_after
        clock: Iterator[int] = count(1)
        convert = Convert(
            ledger=self.ledger,  # type: ignore[arg-type]
            outbox=self.outbox,
            resubmission=self.resubmission,
            objects=self.bucket,
            configurations=Fixed(),  # type: ignore[arg-type]
            clock=SystemClock(),
            second_opinion=Agreeing(),
            bucket="b",
        )
        return convert(KEY, "", lambda: 900.0 if next(clock) < chunks else 0.0)


def test_a_file_that_outlasts_its_invocations_is_finished_by_the_next_ones_and_sent_once() -> None:
    run = Run()
    invocations = [run(chunks=3) for _ in range(3)]
    assert [type(one) for one in invocations] == [Unfinished] * 3
    came_to = [one.rows for one in invocations if isinstance(one, Unfinished)]
    assert came_to == sorted(set(came_to))
    assert came_to[-1] < ROWS
    done = run()
    assert isinstance(done, FileSummary)
    assert (done.rows, done.submitted, done.adds_up) == (ROWS, {State.QUEUED: ROWS}, True)
    assert set(run.outbox.sent.values()) == {1}
    assert len(run.outbox.sent) == ROWS // 2


def test_in_between_the_counts_are_those_of_what_was_taken_up() -> None:
    run = Run()
    run(chunks=2)
    (summary,) = run.ledger.summaries
    so_far = run.ledger.file(summary)
    assert so_far is not None
    assert (so_far.complete, so_far.rows, so_far.adds_up) == (False, CHUNK * 2 * 2, True)


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_random_points_under_a_forced_time_limit_the_counts_add_up_and_no_row_is_lost(seed: int) -> None:
    random, run = Random(seed), Run()
    done: object = None
    for _ in range(200):
        try:
            done = run(chunks=random.randint(1, 6), die_after=random.randint(1, 900))
        except KilledError:
            continue
        if isinstance(done, FileSummary):
            break
    assert isinstance(done, FileSummary)
    assert (done.rows, done.submitted, done.adds_up) == (ROWS, {State.QUEUED: ROWS}, True)
    assert len(run.outbox.sent) == ROWS // 2 == len(run.ledger.by_key)


class Regrouped(Bucket):
    """The same file read under another configuration: from then on it has other rows in its visits."""

    def __init__(self) -> None:
        super().__init__(ROWS, 2)
        self.spoiled = False

    def open(self, item: StoredObject) -> IO[bytes]:
        text = super().open(item).read().decode()
        if not self.spoiled:
            return io.BytesIO(text.encode())
        rows = list(csv.reader(io.StringIO(text)))
        rows[1][0] = "SYN-ELSEWHERE"
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        return io.BytesIO(out.getvalue().encode())


def test_a_file_whose_rows_are_grouped_otherwise_than_before_begins_anew_and_loses_nothing() -> None:
    bucket = Regrouped()
    run = Run(bucket=bucket)
    assert isinstance(run(chunks=3), Unfinished)
    bucket.spoiled = True
    done = run()
    assert isinstance(done, FileSummary)
    assert done.rows == ROWS
    assert len(run.outbox.sent) == ROWS // 2 + 1


def test_the_handler_queues_an_unfinished_export_anew_before_its_message_goes(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert = importlib.reload(importlib.import_module("functions.convert.handler"))

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 1_000

    monkeypatch.setattr(convert._app, "convert", lambda *_: Unfinished("FILE", 5))
    body = json.dumps({"Records": [{"s3": {"object": {"key": "inbox/elm/a.csv"}}}]})
    answer = convert.handler({"Records": [{"messageId": "1", "body": body}]}, Context())
    assert answer == {"batchItemFailures": []}
    received = cloud.sqs.receive_message(QueueUrl=cloud.queue_urls["intake"], MaxNumberOfMessages=10)["Messages"]
    assert body in [message["Body"] for message in received]
