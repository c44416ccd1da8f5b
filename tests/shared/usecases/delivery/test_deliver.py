from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.aws.sqs import SqsOutbox
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.submission import DeliveryFault
from shared.ports.queues import OutboxMessage, Received
from shared.settings import CLAIM_RESERVE, SUBMIT_CONCURRENCY
from shared.usecases.delivery.deliver import Deliver
from shared.usecases.delivery.delivered import Done, Later
from tests.shared.usecases.submit_setup import SubmitSetup, ack


class Fifo:
    """A FIFO queue in memory that delivers no message of a group while another is in flight. It records every action."""

    def __init__(self, *messages: tuple[str, str]) -> None:
        self.waiting = [Received(OutboxMessage(msh_10, "elm", group), f"R-{msh_10}") for msh_10, group in messages]
        self.out: list[Received] = []
        self.removed: list[str] = []
        self.delayed: dict[str, int] = {}
        self.fetches = 0

    def receive(self) -> list[Received]:
        self.fetches += 1
        locked = {one.message.patient_group for one in self.out}
        batch = [one for one in self.waiting if one.message.patient_group not in locked][:10]
        self.waiting = [one for one in self.waiting if one not in batch]
        self.out += batch
        return batch

    def remove(self, receipts: Sequence[str]) -> None:
        self.removed += receipts
        self.out = [one for one in self.out if one.receipt not in receipts]

    def delay(self, receipt: str, seconds: int) -> None:
        self.delayed[receipt] = seconds


def numbered(count: int, groups: int = 1000) -> list[tuple[str, str]]:
    return [(f"M{number:03}", f"G{number % groups}") for number in range(count)]


def started(
    submit_setup: SubmitSetup, queue: Fifo, left: Callable[[], float] = lambda: 180.0
) -> list[tuple[str, object]]:
    """Run one invocation on the first batch of the queue. Return (MSH-10, result) of each settled message."""
    for one in queue.waiting:
        submit_setup.add(one.message.msh_10, group=one.message.patient_group)
    first = queue.receive()
    queue.fetches = 0
    return [
        (one.message.msh_10, result) for one, result in Deliver(submit=submit_setup.submit, outbox=queue)(first, left)
    ]


def test_a_full_batch_is_followed_by_the_next_batches_of_the_outbox(submit_setup: Callable[..., SubmitSetup]) -> None:
    at, queue = submit_setup(ack), Fifo(*numbered(34))
    settled = started(at, queue)
    assert settled == [(name, Done(name, "elm", "ACCEPTED", "", 0.2)) for name, _ in numbered(34)]
    assert sorted(at.iis.sent) == [name for name, _ in numbered(34)]
    assert sorted(queue.removed) == [f"R-{name}" for name, _ in numbered(34)]
    assert not queue.out


def test_a_batch_that_is_not_full_ends_the_invocation(submit_setup: Callable[..., SubmitSetup]) -> None:
    queue = Fifo(*numbered(9))
    assert len(started(submit_setup(ack), queue)) == 9
    assert queue.fetches == 0


def test_a_message_whose_delay_the_queue_refuses_comes_again_and_fails_no_other(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    queue = Fifo(*numbered(3))

    def refuse(receipt: str, seconds: int) -> None:
        raise ValueError(receipt, seconds)

    queue.delay = refuse  # type: ignore[method-assign]
    at = submit_setup(lambda msh_10: DeliveryFault("CONNECT-REFUSED", 0, 0.1) if msh_10 == "M001" else ack(msh_10))
    settled = dict(started(at, queue))
    (refused,) = (result for result in settled.values() if isinstance(result, Later) and result.error)
    assert (refused.msh_10, refused.wait, refused.error) == ("M001", None, "ValueError")
    assert "R-M000" in queue.removed


def test_a_slow_message_occupies_only_its_own_thread(submit_setup: Callable[..., SubmitSetup]) -> None:
    others = threading.Semaphore(0)

    def say(msh_10: str) -> object:
        if msh_10 == "M000":
            # Answers after all other messages.
            assert all(others.acquire(timeout=20) for _ in range(29))
        else:
            others.release()
        return ack(msh_10)

    at = submit_setup(say)
    # The first message is the trial, before others run beside it.
    at.add("PROOF")
    at.deliver("PROOF")
    assert others.acquire(timeout=1)
    settled = started(at, Fifo(*numbered(30)))
    assert {result for _, result in settled} == {Done(name, "elm", "ACCEPTED", "", 0.2) for name, _ in numbered(30)}


def test_at_most_ten_messages_run_at_once_and_none_of_the_same_patient(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    lock, calls, most, seen = threading.Lock(), Counter[str](), 0, dict[str, list[str]]()
    group_of = dict(numbered(60, groups=13))

    def say(msh_10: str) -> object:
        nonlocal most
        group = group_of[msh_10]
        with lock:
            calls[group] += 1
            most = max(most, sum(calls.values()))
            assert calls[group] == 1
            seen.setdefault(group, []).append(msh_10)
        threading.Event().wait(0.005)
        with lock:
            calls[group] -= 1
        return ack(msh_10)

    at, queue = submit_setup(say), Fifo(*group_of.items())
    while queue.waiting:
        started(at, queue)
    assert sum(map(len, seen.values())) == 60
    assert all(names == sorted(names) for names in seen.values())
    assert most <= SUBMIT_CONCURRENCY


def test_a_message_that_must_wait_keeps_its_place_and_ends_the_fetching(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    queue = Fifo(*numbered(40))
    settled = dict(started(submit_setup(lambda _: DeliveryFault("CONNECT-REFUSED", 0, 0.1)), queue))
    assert set(queue.delayed) == {f"R-{name}" for name, result in settled.items() if isinstance(result, Later)}
    assert not queue.removed
    assert len(settled) < 40


def test_nothing_more_is_fetched_without_time_left(submit_setup: Callable[..., SubmitSetup]) -> None:
    queue = Fifo(*numbered(30))
    assert len(started(submit_setup(ack), queue, lambda: CLAIM_RESERVE + 20)) == 10
    assert queue.fetches == 0


def test_an_exception_of_a_batch_is_raised_after_all_batches_have_ended(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at, queue = submit_setup(ack), Fifo(*numbered(10))

    def none_yet() -> Configuration:
        raise LookupError

    at.submit._configurations.current = none_yet  # type: ignore[method-assign]
    with pytest.raises(LookupError):
        started(at, queue)
    assert not at.iis.sent
    assert not queue.removed


def test_a_failing_queue_leaves_no_claim_unfinished(submit_setup: Callable[..., SubmitSetup]) -> None:
    at, queue = submit_setup(ack), Fifo(*numbered(20))

    def fails() -> list[Received]:
        raise ConnectionError

    first = queue.receive()
    at.add(*(name for name, _ in numbered(20)))
    queue.receive = fails  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        Deliver(submit=at.submit, outbox=queue)(first, lambda: 180.0)
    assert {at.of(one.message.msh_10).state for one in first} == {State.ACCEPTED}


def test_sqs_delivers_a_patients_messages_in_order(submit_setup: Callable[..., SubmitSetup], cloud: LocalCloud) -> None:
    outbox = SqsOutbox(boto3.client("sqs", region_name=REGION), cloud.runtime.outbox_url)
    at = submit_setup(ack)
    names = numbered(25, groups=12)
    for name, group in names:
        at.add(name, group=group)
    outbox.send([OutboxMessage(name, "elm", group) for name, group in names])
    deliver = Deliver(submit=at.submit, outbox=outbox)
    while batch := outbox.receive():
        deliver(batch, lambda: 180.0)
    by_group: dict[str, list[str]] = {}
    for name in at.iis.sent:
        by_group.setdefault(dict(names)[name], []).append(name)
    assert len(at.iis.sent) == 25
    assert all(sent == sorted(sent) for sent in by_group.values())
