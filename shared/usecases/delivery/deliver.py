"""One invocation of submit: the batch of the event and, while the outbox is full, further batches that are fetched.

A batch of ten lasts as long as its slowest message, and meanwhile up to nine of the paid threads would be idle (ADR
0012):

    thread 1  ██████████████████████████████      a message that the IIS takes long to answer
    thread 2  ████ ██████ █████ ███████ ████      the others go on with the next batches of the outbox

The queue keeps the order of a patient's messages: it delivers no message of a group while an earlier one is in flight
(SQS developer guide, "FIFO queue delivery logic"). Done messages are removed at once, which frees the patient's next
message. A fetched message that is lost with the process comes again after its visibility timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Final

from shared import settings
from shared.ports.queues import OutboxMessage, OutboxReader, Received
from shared.replaced import replace
from shared.usecases.delivery.delivered import Delivered, Later
from shared.usecases.delivery.submit import Submit

# Batches at once; most of them are down to one or two slow messages.
_BATCHES: Final = settings.SUBMIT_CONCURRENCY

_FETCH_RESERVE: Final = settings.CLAIM_RESERVE + settings.READ_TIMEOUT / 2
"""Seconds left below which nothing more is fetched: it could still wait for a thread when the time is up."""

_Batch = Sequence[Received]


class Deliver:
    """Delivers the batch of an event and what it fetches meanwhile.

    Args:
        submit: Delivers one batch.
        outbox: Where more is fetched, and where done messages are removed.
    """

    def __init__(self, *, submit: Submit, outbox: OutboxReader) -> None:
        self._submit = submit
        self._outbox = outbox
        self._pool = ThreadPoolExecutor(_BATCHES, thread_name_prefix="deliver")

    def __call__(self, received: _Batch, seconds_left: Callable[[], float]) -> list[tuple[Received, Delivered]]:
        """Deliver and settle messages.

        Args:
            received: The batch of the event.
            seconds_left: The time until the process is stopped.

        Returns:
            Each message with its result: those of the event first, in their order.

        Raises:
            LookupError: No configuration was pushed yet. An exception is raised only after all batches have ended.
        """
        run = _Run(self._submit, self._outbox, self._pool, seconds_left)
        try:
            run.take(received)
            while run.under_way:
                run.settle()
                if run.may_fetch():
                    run.take(self._outbox.receive())
        finally:
            # Calls must end before Lambda freezes the process.
            wait(run.batches)
        for batch in run.batches:
            batch.result()
        run.remove()
        return [(message, run.results[message.receipt]) for message in run.taken]


class _Run:
    """The state of one invocation."""

    def __init__(
        self, submit: Submit, outbox: OutboxReader, pool: ThreadPoolExecutor, seconds_left: Callable[[], float]
    ) -> None:
        self._submit = submit
        self._outbox = outbox
        self._pool = pool
        self._seconds_left = seconds_left
        self._events: SimpleQueue[tuple[Received, Delivered] | None] = SimpleQueue()
        self._done: list[str] = []
        self._may_continue = True
        self.taken: list[Received] = []
        self.results: dict[str, Delivered] = {}
        self.batches: list[Future[list[Delivered]]] = []
        self.ended = 0

    @property
    def under_way(self) -> bool:
        """Whether a batch has not ended."""
        return self.ended < len(self.batches)

    def take(self, batch: _Batch) -> None:
        """Start a batch. If it is not full, nothing waits behind it in the outbox."""
        self._may_continue = self._may_continue and len(batch) == settings.SUBMIT.batch_size
        if not batch:
            return
        self.remove()
        self.taken.extend(batch)

        def tell(number: int, result: Delivered) -> None:
            self._events.put((batch[number], result))

        messages: list[OutboxMessage] = [received.message for received in batch]
        future = self._pool.submit(self._submit, messages, self._seconds_left, tell)
        future.add_done_callback(lambda _: self._events.put(None))
        self.batches.append(future)

    def settle(self) -> None:
        """Wait for the next result, or the end of a batch, and remove or delay the queue message accordingly."""
        event = self._events.get()
        if event is None:
            self.ended += 1
            return
        message, result = event
        self.results[message.receipt] = result
        if not isinstance(result, Later):
            self._done.append(message.receipt)
            if len(self._done) == settings.SUBMIT.batch_size:
                self.remove()
            return
        # Delivery is stopped or slow: fetch no more.
        self._may_continue = False
        if result.wait is not None:
            self._delay(message, result, result.wait)

    def _delay(self, message: Received, result: Later, seconds: int) -> None:
        """Delay a message. If the queue refuses that, the message comes again after the visibility timeout."""
        try:
            self._outbox.delay(message.receipt, seconds)
        except Exception as error:  # noqa: BLE001 - the other messages of the batch have their outcomes
            self.results[message.receipt] = replace(result, wait=None, error=type(error).__name__)

    def may_fetch(self) -> bool:
        """Whether another batch should be fetched now."""
        busy = len(self.taken) - len(self.results)
        is_free = busy < settings.SUBMIT_CONCURRENCY and len(self.batches) - self.ended < _BATCHES
        return self._may_continue and is_free and self._seconds_left() > _FETCH_RESERVE

    def remove(self) -> None:
        """Remove the done messages from the queue."""
        done, self._done = self._done, []
        self._outbox.remove(done)
