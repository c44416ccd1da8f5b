"""One invocation of submit: the batch that Lambda brought and, while the outbox is full, what is fetched beside it.

A batch of ten ends with its slowest message, and until then nine lanes may be idle though they are paid for:

    lane 1  ██████████████████████████████      a message that the IIS takes long over
    lane 2  ████ ██████ █████ ███████ ████      meanwhile the others go on with the next ten from the outbox

Order per patient is the queue's own (SQS developer guide, FIFO delivery logic): it gives no message of a group while an
earlier one is in flight. What is done is removed, so that the patient's next message is free; what must wait keeps its
place. A message that is fetched here and lost with the process comes again after its visibility timeout, as any does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Final

from shared import settings
from shared.ports.queues import OutboxMessage, OutboxReader, Received
from shared.usecases.delivery.submit import Delivered, Later, Submit

# Batches under way at once: most of them are down to one or two slow messages.
_BATCHES: Final = settings.SUBMIT_CONCURRENCY
_STAY: Final = settings.CLAIM_RESERVE + settings.READ_TIMEOUT / 2
"""With less of the function's time left nothing more is fetched: it could still wait for a lane when the time is up."""

_Batch = Sequence[Received]


class Deliver:
    """The use case with its ports."""

    def __init__(self, *, submit: Submit, outbox: OutboxReader) -> None:
        self._submit = submit
        self._outbox = outbox
        self._pool = ThreadPoolExecutor(_BATCHES, thread_name_prefix="deliver")

    def __call__(self, received: _Batch, seconds_left: Callable[[], float]) -> list[tuple[Received, Delivered]]:
        """Delivers and settles what was received and what is fetched meanwhile; those received come first, in order.

        Raises:
            LookupError: there is no configuration yet; what broke at all messages is raised when none is under way.
        """
        run = _Run(self._submit, self._outbox, self._pool, seconds_left)
        try:
            run.take(received)
            while run.under_way:
                run.settle()
                if run.may_fetch():
                    run.take(self._outbox.receive())
        finally:
            # A claim that is under way ends before the process may be frozen.
            wait(run.batches)
        for batch in run.batches:
            batch.result()
        run.remove()
        return [(one, run.results[one.receipt]) for one in run.taken]


class _Run:
    """What one invocation has under way."""

    def __init__(
        self, submit: Submit, outbox: OutboxReader, pool: ThreadPoolExecutor, seconds_left: Callable[[], float]
    ) -> None:
        self._submit = submit
        self._outbox = outbox
        self._pool = pool
        self._seconds_left = seconds_left
        self._told: SimpleQueue[tuple[Received, Delivered] | None] = SimpleQueue()
        self._done: list[str] = []
        self._goes_on = True
        self.taken: list[Received] = []
        self.results: dict[str, Delivered] = {}
        self.batches: list[Future[list[Delivered]]] = []
        self.ended = 0

    @property
    def under_way(self) -> bool:
        return self.ended < len(self.batches)

    def take(self, batch: _Batch) -> None:
        """Starts a batch. One that is not full shows that nothing waits behind it."""
        self._goes_on = self._goes_on and len(batch) == settings.SUBMIT.batch_size
        if not batch:
            return
        self.remove()
        self.taken.extend(batch)

        def tell(number: int, result: Delivered) -> None:
            self._told.put((batch[number], result))

        messages: list[OutboxMessage] = [one.message for one in batch]
        future = self._pool.submit(self._submit, messages, self._seconds_left, tell)
        future.add_done_callback(lambda _: self._told.put(None))
        self.batches.append(future)

    def settle(self) -> None:
        """Waits for the next result and does with its queue message what it says."""
        told = self._told.get()
        if told is None:
            self.ended += 1
            return
        one, result = told
        self.results[one.receipt] = result
        if not isinstance(result, Later):
            self._done.append(one.receipt)
            if len(self._done) == settings.SUBMIT.batch_size:
                self.remove()
            return
        # Something is in the way: nothing more is drawn into it.
        self._goes_on = False
        if result.wait is not None:
            self._outbox.delay(one.receipt, result.wait)

    def may_fetch(self) -> bool:
        lanes = len(self.taken) - len(self.results)
        is_free = lanes < settings.SUBMIT_CONCURRENCY and len(self.batches) - self.ended < _BATCHES
        return self._goes_on and is_free and self._seconds_left() > _STAY

    def remove(self) -> None:
        """Takes what is done out of the queue."""
        done, self._done = self._done, []
        self._outbox.remove(done)
