"""Plays Lambda: polls the queues as event source mappings do and calls the real handlers with real event shapes.

Batch sizes, concurrency and schedules are those of `shared.settings`. A failed message comes back after its visibility
timeout (shrunk by the retry scale) or after the delay that the handler set, and after too many receives SQS moves it to
its dead-letter queue. Valve and backfill always run, and what the valve switches off is not received; the other
schedules run where they are asked for.
"""

from __future__ import annotations

import importlib
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from local.aws.cloud import REGION, LocalCloud
from shared.settings import BACKFILL, FUNCTIONS, OUTBOX, QUEUES, SUBMIT, VALVE, FunctionSettings, QueueSettings

_IDLE_POLL: Final = 0.05
# An empty queue is asked less and less often, down to once in so many seconds; as often a deep one.
_LONGEST_POLL: Final = 0.2
_SHORTEST_PAUSE: Final = 0.2
# By what the valve's handler says that it is closed, where neither a probe nor time opens it soon.
_STAYS_CLOSED: Final = frozenset({"MAINTENANCE", "PERSON"})
_SCHEDULED: Final = {"source": "aws.scheduler", "detail-type": "Scheduled Event"}
_ACCOUNT: Final = "000000000000"
_QUEUES: Final = {queue.name: queue for queue in QUEUES}
# moto's queues slow with their depth, so a producer waits while this many messages wait already.
_DEEP: Final = 400
Handler = Callable[[dict[str, Any], Any], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context object that handlers use."""

    function_name: str
    deadline: float
    aws_request_id: str = "local"
    memory_limit_in_mb: int = 1024

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(slots=True)
class _Count:
    """How many handler calls run now, and what went wrong in any of them."""

    running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    errors: list[str] = field(default_factory=list)


class Engine:
    """Runs the mappings in threads while the context lasts."""

    def __init__(self, cloud: LocalCloud, *, schedules: bool = False) -> None:
        self._cloud = cloud
        self._schedules = schedules
        self._stop = threading.Event()
        self._count = _Count()
        self._threads: list[threading.Thread] = []
        self.handlers: dict[str, Handler] = {}
        self._valve = ""
        self._delivering = True

    def __enter__(self) -> Self:
        for function in FUNCTIONS:
            module = importlib.import_module(function.handler.rpartition(".")[0])
            # A process may run several local clouds one after the other; each needs handlers of its own.
            self.handlers[function.name] = importlib.reload(module).handler
        self._hold_producers_back()
        for function in FUNCTIONS:
            if function.queue is not None:
                workers = function.max_concurrency
                self._start(workers, self._poll, function, _QUEUES[function.queue], threading.Lock())
            elif function in {VALVE, BACKFILL} or (self._schedules and function.every_minutes is not None):
                self._start(1, self._tick, function)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    @property
    def errors(self) -> list[str]:
        """Tracebacks of handler calls that failed, oldest first."""
        return list(self._count.errors)

    def invoke(self, function: FunctionSettings, event: dict[str, Any]) -> dict[str, Any] | None:
        """One call of a handler, as Lambda makes it."""
        context = Context(function.name, time.monotonic() + function.timeout)
        return self.handlers[function.name](event, context)

    def wait_until_idle(self, *, timeout: float = 300, settle: int = 3) -> bool:
        """Waits until nothing is queued, in flight or running, seen `settle` times in a row; False on time-out."""
        end = time.monotonic() + timeout
        quiet = 0
        while time.monotonic() < end:
            quiet = quiet + 1 if self._idle() else 0
            if quiet >= settle:
                return True
            time.sleep(_IDLE_POLL)
        return False

    def depth(self, queue: str) -> int:
        """Messages of a queue, waiting, delayed and in flight."""
        answer = self._cloud.sqs.get_queue_attributes(
            QueueUrl=self._cloud.queue_urls[queue],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )
        return sum(int(value) for value in answer["Attributes"].values())

    def _idle(self) -> bool:
        with self._count.lock:
            if self._count.running:
                return False
        # What waits behind a valve that nothing but a person or a clock opens may wait.
        shut = self._valve in _STAYS_CLOSED
        if any(self.depth(queue.name) for queue in QUEUES if queue is not OUTBOX or not shut):
            return False
        turns = self.invoke(BACKFILL, _SCHEDULED)
        assert turns is not None
        return not turns["admitted"] and (shut or not turns["left"])

    def _is_switched_on(self) -> bool:
        mapping = self._cloud.functions.get_event_source_mapping(UUID=self._cloud.runtime.mapping)
        return mapping["State"] == "Enabled"

    def _start(self, workers: int, work: Callable[..., None], *arguments: object) -> None:
        for _ in range(workers):
            thread = threading.Thread(target=work, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _hold_producers_back(self) -> None:
        """moto only: convert waits while the outbox is deep (SQS itself has no such limit)."""
        convert = importlib.import_module("functions.convert.handler")

        def wait(**_: object) -> None:
            while self.depth("outbox") > _DEEP and not self._stop.wait(_LONGEST_POLL):
                pass

        convert._app.outbox._client.meta.events.register("before-call.sqs.SendMessageBatch", wait)  # noqa: SLF001

    # one event source mapping ----------------------------------------------------------------------------------------

    def _poll(self, function: FunctionSettings, queue: QueueSettings, asking: threading.Lock) -> None:
        url = self._cloud.queue_urls[queue.name]
        while not self._stop.is_set():
            # One worker asks while the others work or wait: asking is most of what an idle engine does.
            with asking:
                received = self._received(function, url)
                if received:
                    with self._count.lock:
                        self._count.running += 1
            if received:
                try:
                    self._deliver(function, queue, url, received)
                finally:
                    with self._count.lock:
                        self._count.running -= 1

    def _received(self, function: FunctionSettings, url: str) -> list[Any]:
        """The next messages of a queue, as soon as it has any; none once the engine stops."""
        pause = _IDLE_POLL
        while not self._stop.is_set():
            if function is not SUBMIT or self._delivering:
                found = self._cloud.sqs.receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=min(function.batch_size, 10),
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ).get("Messages", [])
                if found:
                    return found
            self._stop.wait(pause)
            pause = min(pause * 1.5, _LONGEST_POLL)
        return []

    def _deliver(self, function: FunctionSettings, queue: QueueSettings, url: str, received: list[Any]) -> None:
        event = {"Records": [_record(message, queue) for message in received]}
        try:
            answer = self.invoke(function, event) or {}
            failed = {entry["itemIdentifier"] for entry in answer.get("batchItemFailures", [])}
        except Exception:  # noqa: BLE001 - Lambda survives a failing handler, and so does its stand-in
            self._count.errors.append(traceback.format_exc())
            failed = {message["MessageId"] for message in received}
        for message in received:
            receipt = message["ReceiptHandle"]
            if message["MessageId"] not in failed:
                self._cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
            elif function.name != "submit":
                shrunk = round(queue.visibility_timeout * self._cloud.runtime.retry_scale)
                self._cloud.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=shrunk)

    def _tick(self, function: FunctionSettings) -> None:
        pause = max(_SHORTEST_PAUSE, (function.every_minutes or 1) * 60 * self._cloud.runtime.retry_scale)
        while not self._stop.wait(pause):
            try:
                answer = self.invoke(function, _SCHEDULED) or {}
            except Exception:  # noqa: BLE001 - a start that fails is not made up for, the next one is soon
                self._count.errors.append(traceback.format_exc())
                continue
            if function is VALVE:
                self._valve = answer["valve"]
                self._delivering = self._is_switched_on()


def _record(message: Any, queue: QueueSettings) -> dict[str, Any]:
    """A message as Lambda's SQS event has it (AWS: Using Lambda with Amazon SQS)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": dict(message.get("MessageAttributes", {})),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{_ACCOUNT}:{queue.physical_name('local')}",
        "awsRegion": REGION,
    }
