"""The contract of the queues: the fakes in memory and SQS on moto behave alike where vaxline depends on it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.aws.sqs import SqsOutbox
from shared.ports.queues import OutboxMessage, OutboxReader
from shared.settings import OUTBOX
from tests.fakes.queues import MemoryOutbox, MemorySqs


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def on_moto(cloud: LocalCloud) -> SqsOutbox:
    return SqsOutbox(boto3.client("sqs", region_name=REGION), cloud.queue_urls[OUTBOX.name])


def in_memory(_: LocalCloud) -> MemoryOutbox:
    return MemoryOutbox(MemorySqs(OUTBOX, WallClock()))


@pytest.fixture(params=[on_moto, in_memory])
def outbox(request: pytest.FixtureRequest, cloud: LocalCloud) -> Outbox:
    return Outbox(request.param(cloud))


@dataclass(frozen=True, slots=True)
class Outbox:
    """Either queue, in few words: messages are called A1, A2, B1 … by their group."""

    real: OutboxReader

    def send(self, *names: str, round_: str = "") -> None:
        self.real.send([OutboxMessage(name, "elm", name[0], round_) for name in names])  # type: ignore[attr-defined]

    def depth(self) -> int:
        return self.real.depth()  # type: ignore[attr-defined, no-any-return]

    def receive(self) -> dict[str, str]:
        """Name → receipt, in the order of delivery."""
        return {one.message.msh_10: one.receipt for one in self.real.receive()}


def test_a_group_is_received_in_the_order_in_which_it_was_sent(outbox: Outbox) -> None:
    outbox.send("A1", "A2", "A3")
    assert list(outbox.receive()) == ["A1", "A2", "A3"]


def test_received_and_removed_messages_do_not_count_as_waiting(outbox: Outbox) -> None:
    outbox.send("A1", "B1", "C1")
    assert outbox.depth() == 3
    out = outbox.receive()
    assert outbox.depth() == 0
    outbox.send("D1")
    outbox.real.remove(list(out.values()))
    assert outbox.depth() == 1


def test_at_most_ten_messages_are_received_at_once(outbox: Outbox) -> None:
    outbox.send(*(f"A{number:02}" for number in range(12)))
    assert len(outbox.receive()) == 10


def test_a_group_with_a_received_message_is_blocked_and_others_are_not(outbox: Outbox) -> None:
    outbox.send("A1")
    receipts = outbox.receive()
    outbox.send("A2", "B1")
    assert list(outbox.receive()) == ["B1"]
    outbox.real.remove([receipts["A1"]])
    assert list(outbox.receive()) == ["A2"]


def test_a_delayed_message_delays_its_group(outbox: Outbox) -> None:
    outbox.send("A1", "A2")
    receipts = outbox.receive()
    outbox.real.delay(receipts["A2"], 0)
    outbox.real.delay(receipts["A1"], 1)
    assert outbox.receive() == {}
    time.sleep(1.1)
    assert list(outbox.receive()) == ["A1", "A2"]


def test_a_reference_is_queued_once_per_round(outbox: Outbox) -> None:
    outbox.send("A1")
    outbox.send("A1")
    outbox.send("A1", round_="s1")
    assert [one.message.msh_10 for one in outbox.real.receive()] == ["A1", "A1"]


def test_removing_a_message_twice_is_no_error(outbox: Outbox) -> None:
    outbox.send("A1")
    receipts = outbox.receive()
    for _ in range(2):
        outbox.real.remove(list(receipts.values()))
    assert outbox.receive() == {}


def test_a_message_received_too_often_becomes_a_dead_letter(cloud: LocalCloud) -> None:
    def until_it_stops(outbox: Outbox, limit: int) -> int:
        outbox.send("A1")
        for number in range(limit + 1):
            receipts = outbox.receive()
            if not receipts:
                return number
            outbox.real.delay(receipts["A1"], 0)
        return limit + 1

    receives = [until_it_stops(Outbox(make(cloud)), OUTBOX.max_receive_count) for make in (on_moto, in_memory)]
    assert receives == [OUTBOX.max_receive_count] * 2
