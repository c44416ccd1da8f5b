"""SQS in memory, on a given clock: FIFO groups, visibility timeouts, deduplication, dead letters.

`test_queue_contract.py` compares the queues with the SQS adapters on moto.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from shared.adapters.aws.sqs import received
from shared.ports.clock import Clock
from shared.ports.queues import OutboxMessage, Received
from shared.settings import QueueSettings

_BATCH: Final = 10
_DEDUPLICATION: Final = timedelta(minutes=5)


class MemoryQueue:
    """Ports `Outbox` and `ResubmissionQueue`: counts how often each MSH-10 was queued, in order of first queueing."""

    def __init__(self, before_send: Callable[[], None] = lambda: None) -> None:
        self.sent: dict[str, int] = {}
        self.before_send = before_send

    def send(self, messages: Sequence[OutboxMessage | str]) -> None:
        self.before_send()
        for message in messages:
            msh_10 = message if isinstance(message, str) else message.msh_10
            self.sent[msh_10] = self.sent.get(msh_10, 0) + 1

    def depth(self) -> int:
        return 0


@dataclass(slots=True)
class Queued:
    """One message. It can be received from `visible_at` on; `is_out` means that a consumer has it."""

    identifier: str
    body: str
    group: str
    visible_at: datetime
    receives: int = 0
    is_out: bool = False

    def record(self) -> dict[str, Any]:
        """The message as a record of Lambda's SQS event, with the keys that handlers read."""
        return {
            "messageId": self.identifier,
            "receiptHandle": self.identifier,
            "body": self.body,
            "attributes": {"MessageGroupId": self.group, "ApproximateReceiveCount": str(self.receives)},
        }


class MemorySqs:
    """One queue and its dead letters.

    A group is blocked while one of its messages is in flight, as in a FIFO queue of SQS. A message without a group is a
    group of its own. `rank` orders groups that are available at the same time, for which SQS guarantees no order.
    """

    def __init__(self, settings: QueueSettings, clock: Clock, rank: Callable[[], float] | None = None) -> None:
        self.settings = settings
        self.dead: list[Queued] = []
        self._clock = clock
        self._numbers = count()
        self._rank = rank or (lambda: float(next(self._numbers)))
        self._groups: dict[str, list[Queued]] = {}
        self._by_id: dict[str, Queued] = {}
        self._heap: list[tuple[datetime, float, str]] = []
        self._seen: dict[str, datetime] = {}

    def __len__(self) -> int:
        """The number of messages, with those delayed and in flight."""
        return len(self._by_id)

    def put(self, body: str, *, group: str = "", deduplication_id: str = "", delay: float = 0.0) -> None:
        """Queue a message, unless one with this deduplication id was queued in the last five minutes."""
        now = self._clock.now()
        if deduplication_id:
            if deduplication_id in self._seen and now - self._seen[deduplication_id] < _DEDUPLICATION:
                return
            self._seen[deduplication_id] = now
        identifier = f"{self.settings.name}-{next(self._numbers)}"
        self._keep(Queued(identifier, body, group or identifier, now + timedelta(seconds=delay)))

    def receive(self, limit: int) -> list[Queued]:
        """Receive at most `limit` available messages; of a group as many as fit, in their order."""
        now = self._clock.now()
        received: list[Queued] = []
        held: list[str] = []
        while len(received) < limit and (group := self._pop(now)) is not None:
            for message in list(self._groups[group])[: limit - len(received)]:
                if message.receives >= self.settings.max_receive_count:
                    self._remove(message)
                    self.dead.append(message)
                    continue
                message.receives += 1
                message.is_out = True
                message.visible_at = now + timedelta(seconds=self.settings.visibility_timeout)
                received.append(message)
            held.append(group)
        for group in held:
            self._note(group)
        return received

    def delete(self, receipt: str) -> None:
        message = self._by_id.get(receipt)
        if message is not None:
            self._remove(message)
            self._note(message.group)

    def delay(self, receipt: str, seconds: int) -> None:
        """Make a received message visible again after `seconds`."""
        message = self._by_id.get(receipt)
        if message is not None:
            message.is_out = False
            message.visible_at = self._clock.now() + timedelta(seconds=min(seconds, 43_000))
            self._note(message.group)

    def depth(self) -> int:
        """The number of messages that are neither in flight nor delayed."""
        now = self._clock.now()
        return sum(not one.is_out and one.visible_at <= now for one in self._by_id.values())

    def next_time(self) -> datetime | None:
        """When the next message is available, perhaps in the past; None if the queue is empty."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def redrive(self) -> int:
        """Move the dead letters back."""
        again, self.dead = self.dead, []
        for message in again:
            self._keep(Queued(message.identifier, message.body, message.group, self._clock.now()))
        return len(again)

    def lying(self) -> list[Queued]:
        """The messages that no consumer has, with delayed ones."""
        return [message for message in self._by_id.values() if not message.is_out]

    def _keep(self, message: Queued) -> None:
        self._by_id[message.identifier] = message
        self._groups.setdefault(message.group, []).append(message)
        self._note(message.group)

    def _remove(self, message: Queued) -> None:
        del self._by_id[message.identifier]
        self._groups[message.group].remove(message)
        if not self._groups[message.group]:
            del self._groups[message.group]

    def _available_at(self, group: str) -> datetime:
        """When no message of the group is in flight or delayed any more."""
        return max(message.visible_at for message in self._groups[group])

    def _note(self, group: str) -> None:
        if group in self._groups:
            heapq.heappush(self._heap, (self._available_at(group), self._rank(), group))

    def _drop_stale(self) -> None:
        while self._heap:
            at, _, group = self._heap[0]
            if group in self._groups and self._available_at(group) == at:
                return
            heapq.heappop(self._heap)

    def _pop(self, now: datetime) -> str | None:
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        group = heapq.heappop(self._heap)[2]
        # A group may be in the heap twice.
        while self._heap and self._heap[0][2] == group and self._heap[0][0] <= now:
            heapq.heappop(self._heap)
        return group


class MemoryOutbox:
    """Ports `Outbox` and `OutboxReader`."""

    def __init__(self, queue: MemorySqs) -> None:
        self.queue = queue

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        for one in messages:
            body = json.dumps({"msh_10": one.msh_10, "clinic": one.clinic})
            self.queue.put(body, group=one.patient_group, deduplication_id=f"{one.msh_10}#{one.round}")

    def depth(self) -> int:
        return self.queue.depth()

    def receive(self, limit: int = _BATCH) -> list[Received]:
        found = [received(one.body, one.group, one.identifier) for one in self.queue.receive(limit)]
        return [message for message in found if message is not None]

    def remove(self, receipts: Sequence[str]) -> None:
        for receipt in receipts:
            self.queue.delete(receipt)

    def delay(self, receipt: str, seconds: int) -> None:
        self.queue.delay(receipt, seconds)


class MemoryResubmission:
    """Port `ResubmissionQueue`."""

    def __init__(self, queue: MemorySqs) -> None:
        self.queue = queue

    def send(self, msh_10s: Sequence[str]) -> None:
        for msh_10 in msh_10s:
            self.queue.put(json.dumps({"msh_10": msh_10}))


class MemoryIntake:
    """The intake queue, as the convert handler uses it."""

    def __init__(self, queue: MemorySqs) -> None:
        self.queue = queue

    def send_again(self, body: str) -> None:
        self.queue.put(body)
