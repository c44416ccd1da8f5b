"""A file that is converted in shares: as if it were whole, whoever is killed, and one file in the ledger."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.lifecycle import State
from shared.domain.shares import PatientShare, shares
from shared.domain.submission import FileSummary
from shared.ports import StoredObject
from shared.settings import GZIP_FACTOR
from shared.usecases.intake.convert import Ignored, Split, Unfinished
from shared.usecases.intake.splitting import Splitting
from tests.benchmarks.exports import Bucket, FhirBucket
from tests.shared.usecases.invocations import WHOLE, Invocations, KilledError

ROWS = 1_200
Event = PatientShare | None


def whole(bucket: Bucket) -> Invocations:
    run = Invocations(bucket)
    assert isinstance(run(), FileSummary)
    return run


def test_the_first_call_notes_the_file_as_split_and_takes_nothing_up() -> None:
    run = Invocations(Bucket(ROWS, 2), Splitting(0, 3))
    split = run()
    assert split == Split(run.file().file_id, 3)
    assert (run.file().shares, run.file().complete, run.file().rows, run.outbox.sent) == (3, False, 0, {})
    assert run() == split, "the event again"


@pytest.mark.parametrize("bucket", [Bucket(ROWS, 2), FhirBucket(ROWS, 2)], ids=["csv", "fhir"])
def test_shares_make_the_messages_of_the_whole_file_and_it_is_complete_with_the_last(bucket: Bucket) -> None:
    run, unsplit = Invocations(bucket, Splitting(0, 3)), whole(bucket)
    run()
    for share in (2, 0, 1):
        assert not run.file().complete
        done = run(PatientShare(share, 3))
        assert isinstance(done, FileSummary)
        assert done.adds_up
    file = run.file()
    assert (file.rows, file.submitted, file.complete, file.adds_up) == (ROWS, {State.QUEUED: ROWS}, True, True)
    assert run.visits() == unsplit.visits()
    assert run.outbox.sent == unsplit.outbox.sent
    assert isinstance(run(), Ignored), "the file's event again"
    assert isinstance(run(PatientShare(1, 3)), Ignored), "a share's event again"


def test_rows_are_found_in_the_file_whichever_share_took_them_up() -> None:
    run = Invocations(Bucket(60, 2), Splitting(0, 3))
    run()
    for share in shares(3):
        run(share)
    ledger, file = run.ledger, run.file()
    assert sorted(ledger.of_file(file.file_id)) == sorted(ledger.submissions)
    for number in range(1, 61):
        (msh_10,) = ledger.of_row(file.file_id, number)
        assert ("a.csv", number) in ledger.submissions[msh_10].visit.rows


@given(rows=st.integers(0, 200), doses=st.integers(1, 3), of=st.integers(1, 7), order=st.randoms())
@settings(max_examples=20, deadline=None)
def test_any_split_makes_the_same_messages(rows: int, doses: int, of: int, order: Random) -> None:
    bucket = Bucket(rows, doses)
    run, unsplit = Invocations(bucket, Splitting(0, of)), whole(bucket)
    run()
    for share in order.sample(shares(of), of):
        run(share)
    assert run.visits() == unsplit.visits()
    assert (run.file().rows, run.file().complete, run.file().adds_up) == (rows, True, True)
    assert run.file().findings == unsplit.file().findings


@pytest.mark.parametrize("seed", range(8))
def test_shares_killed_at_random_points_under_a_time_limit_add_up_and_send_nothing_twice(seed: int) -> None:
    """Events come in any order and some twice; a killed one comes again."""
    random, run = Random(seed), Invocations(Bucket(ROWS, 2), Splitting(0, of := 2 + seed % 4))
    events: deque[Event] = deque([None])
    killed = 0
    for _ in range(2_000):
        if not events:
            break
        events.rotate(random.randint(0, 5))
        event = events.popleft()
        if random.random() < 0.1:
            events.append(event)
        try:
            done = run(event, chunks=random.randint(1, 4), die_after=random.randint(0, 250))
        except KilledError:
            killed += 1
            events.append(event)
            continue
        if isinstance(done, Split):
            # The sender may be killed among the shares' events; its own comes again then.
            queued = shares(done.shares)[: random.randint(0, done.shares)]
            events.extend(queued)
            if len(queued) < done.shares:
                events.append(event)
        elif isinstance(done, Unfinished):
            events.append(event)
    run.left = -1
    file = run.file()
    assert not events
    assert killed
    assert (file.shares, file.complete, file.rows) == (of, True, ROWS)
    assert (file.submitted, file.adds_up) == ({State.QUEUED: ROWS}, True)
    assert len(run.outbox.sent) == ROWS // 2 == len(run.ledger.by_key)
    assert run.visits().keys() == whole(Bucket(ROWS, 2)).visits().keys()
    seen = [row for visit in run.visits().values() for row in visit.rows]
    assert len(seen) == len(set(seen)) == ROWS


def test_a_file_that_is_split_goes_on_in_as_many_shares_whatever_the_setting_becomes() -> None:
    run = Invocations(Bucket(ROWS, 2), Splitting(0, 3))
    run()
    for changed in (Splitting(0, 5), WHOLE):
        run.splitting = changed
        assert run() == Split(run.file().file_id, 3)


def test_a_file_that_was_begun_whole_is_finished_whole() -> None:
    run = Invocations(Bucket(ROWS, 2))
    assert isinstance(run(chunks=3), Unfinished)
    run.splitting = Splitting(0, 3)
    done = run()
    assert isinstance(done, FileSummary)
    assert (done.rows, done.shares, done.adds_up) == (ROWS, 0, True)


def test_a_share_whose_file_the_ledger_does_not_know_notes_it() -> None:
    """The ledger was restored as of before; the event waited in its queue."""
    run = Invocations(Bucket(ROWS, 2))
    for share in shares(2):
        run(share)
    assert (run.file().shares, run.file().complete, run.file().rows, run.file().adds_up) == (2, True, ROWS, True)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a.csv": 100}, 0),
        ({"a.csv": 101}, 4),
        ({"a.ndjson": 60, "b.ndjson": 60}, 4),
        ({"a.csv.gz": 100 // GZIP_FACTOR}, 0),
        ({"a.csv.gz": 100 // GZIP_FACTOR + 1}, 4),
    ],
)
def test_a_set_counts_as_a_whole_and_a_packed_file_for_what_it_unpacks_to(sizes: dict[str, int], expected: int) -> None:
    parts = [StoredObject(key, "v", size) for key, size in sizes.items()]
    assert Splitting(over=100, shares=4).shares_of(parts) == expected
