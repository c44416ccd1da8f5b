"""A file that outlasts its invocation: the next one goes on, whatever happened in between, and the counts add up."""

from __future__ import annotations

import csv
import importlib
import io
import json
from random import Random
from typing import IO

import pytest

from local.cloud import LocalCloud
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.ports import StoredObject
from shared.usecases.convert import CHUNK, Unfinished
from tests.benchmarks.exports import Bucket
from tests.shared.usecases.invocations import Invocations, KilledError

ROWS = 2_400


def begun() -> Invocations:
    return Invocations(Bucket(ROWS, 2))


def test_a_file_that_outlasts_its_invocations_is_finished_by_the_next_ones_and_sent_once() -> None:
    run = begun()
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
    run = begun()
    run(chunks=2)
    (summary,) = run.ledger.summaries
    so_far = run.ledger.file(summary)
    assert so_far is not None
    assert (so_far.complete, so_far.rows, so_far.adds_up) == (False, CHUNK * 2 * 2, True)


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_random_points_under_a_forced_time_limit_the_counts_add_up_and_no_row_is_lost(seed: int) -> None:
    random, run = Random(seed), begun()
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
    run = Invocations(bucket)
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
