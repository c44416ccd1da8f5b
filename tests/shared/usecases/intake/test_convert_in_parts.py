"""A file that outlasts its invocation: the next invocation goes on, also after a kill, and the counts add up."""

from __future__ import annotations

import csv
import importlib
import io
import json
from random import Random
from typing import IO

import pytest

from local.aws.cloud import LocalCloud
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.ports.objects import StoredObject
from shared.usecases.intake import convert
from shared.usecases.intake.arrival import Ignored
from shared.usecases.intake.convert import Unfinished
from tests.benchmarks.exports import Bucket, FhirBucket
from tests.shared.usecases.invocations import Invocations, KilledError

# Twelve chunks of visits of two doses; a chunk is more than one batch of writes.
CHUNK, ROWS = 30, 720
SET = [item.key for item in FhirBucket(ROWS).list("")]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "CHUNK", CHUNK)


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
    (summary,) = run.ledger.memory.files
    so_far = run.ledger.files.get(summary)
    assert so_far is not None
    assert (so_far.complete, so_far.rows, so_far.adds_up) == (False, CHUNK * 2 * 2, True)


def test_of_the_events_of_a_set_that_which_began_it_converts_it_alone() -> None:
    run = Invocations(FhirBucket(ROWS, 2))
    assert isinstance(run(chunks=3), Unfinished)
    for key in SET[1:]:
        assert isinstance(run(key=key), Ignored)
    assert (run.file().complete, run.file().rows) == (False, CHUNK * 3 * 2)
    done = run()
    assert isinstance(done, FileSummary)
    assert (done.rows, done.submitted, done.adds_up) == (ROWS, {State.QUEUED: ROWS}, True)


def test_a_person_has_a_set_read_to_its_end_by_the_event_of_any_of_its_files() -> None:
    run = Invocations(FhirBucket(ROWS, 2))
    assert isinstance(run(chunks=3), Unfinished)
    assert isinstance(run(key=SET[1], replayed=True, chunks=3), Unfinished)
    assert isinstance(run(), Ignored), "the set is the replayed event's now, which comes again"
    done = run(key=SET[1], replayed=True)
    assert isinstance(done, FileSummary)
    assert (done.rows, done.submitted, done.adds_up) == (ROWS, {State.QUEUED: ROWS}, True)


@pytest.mark.parametrize("seed", range(6))
def test_whichever_event_of_a_set_is_killed_or_comes_between_the_set_is_converted(seed: int) -> None:
    """At some write of one invocation, another event of the set is handled as a whole, as if concurrently."""
    random, rows = Random(seed), 240
    run = Invocations(FhirBucket(rows, 2))
    events = random.sample(SET, len(SET))
    for _ in range(500):
        if not events:
            break
        event = events.pop(0)
        if events and random.random() < 0.5:
            run.beside(random.choice((0, 1, 2, random.randint(0, 24))), events.pop(0))
        try:
            done = run(key=event, chunks=random.randint(1, 4), die_after=random.randint(0, 45))
        except KilledError:
            events.insert(random.randint(0, len(events)), event)
            continue
        finally:
            events += run.not_done_beside()
        if isinstance(done, Unfinished):
            events.insert(random.randint(0, len(events)), event)
    assert not events
    run.left = -1
    file = run.file()
    assert (file.complete, file.rows, file.submitted, file.adds_up) == (True, rows, {State.QUEUED: rows}, True)
    assert run.outbox.sent.keys() == run.ledger.memory.submissions.keys()
    assert len(run.outbox.sent) == rows // 2


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_random_points_under_a_forced_time_limit_the_counts_add_up_and_no_row_is_lost(seed: int) -> None:
    random, run = Random(seed), begun()
    done: object = None
    for _ in range(200):
        try:
            done = run(chunks=random.randint(1, 6), die_after=random.randint(1, 270))
        except KilledError:
            continue
        if isinstance(done, FileSummary):
            break
    assert isinstance(done, FileSummary)
    assert (done.rows, done.submitted, done.adds_up) == (ROWS, {State.QUEUED: ROWS}, True)
    assert len(run.outbox.sent) == ROWS // 2 == len(run.ledger.memory.charts)


class Regrouped(Bucket):
    """The same file after a change of the configuration, which puts other rows into its visits."""

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
    assert (done.rows, done.held) == (ROWS, 1)
    assert len(run.outbox.sent) == ROWS // 2


def test_the_handler_queues_an_unfinished_export_anew_before_its_message_goes(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = importlib.reload(importlib.import_module("functions.convert.handler"))

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 1_000

    monkeypatch.setattr(handler._app, "convert", lambda *_, **__: Unfinished("FILE", 5))
    body = json.dumps({"Records": [{"s3": {"object": {"key": "inbox/elm/a.csv"}}}]})
    answer = handler.handler({"Records": [{"messageId": "1", "body": body}]}, Context())
    assert answer == {"batchItemFailures": []}
    received = cloud.sqs.receive_message(QueueUrl=cloud.queue_urls["intake"], MaxNumberOfMessages=10)["Messages"]
    assert body in [message["Body"] for message in received]
