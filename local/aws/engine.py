"""A stand-in for Lambda: it polls the queues as event source mappings do and calls the real handlers.

Batch sizes, concurrency and schedules are those of `shared.settings`. A failed message comes back after its visibility
timeout (times the retry scale) or after the delay that the handler set; after too many receives SQS moves it to its
dead-letter queue. The schedules of valve and backfill always run, the others on request. While the valve's mapping is
disabled, nothing is received from the outbox.

While the engine is paused, no function runs, so that the state can be saved as of one moment: functions that run are
told that their time is nearly over, and then they stop at the next safe point, as in Lambda.
"""

from __future__ import annotations

import importlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from local.aws.cloud import REGION, LocalCloud
from shared.settings import BACKFILL, FUNCTIONS, OUTBOX, QUEUES, SUBMIT, VALVE, FunctionSettings, QueueSettings

_MIN_POLL: Final = 0.05
_MAX_POLL: Final = 0.2
"""Seconds between two polls of an empty queue; they grow from the first to the second."""

_MIN_SCHEDULE: Final = 0.2
"""Least seconds between two invocations by a schedule."""

_STAYS_CLOSED: Final = frozenset({"MAINTENANCE", "PERSON"})
"""The causes in the valve handler's answer after which the valve does not open soon by itself."""

_PAUSING_MILLIS: Final = 50_000
"""The time that a function has left while the engine pauses: too little to claim a message or to begin a chunk."""

_SCHEDULED: Final = {"source": "aws.scheduler", "detail-type": "Scheduled Event"}
_ACCOUNT: Final = "000000000000"
_QUEUES: Final = {queue.name: queue for queue in QUEUES}
_MAX_DEPTH: Final = 400
"""Messages in the outbox above which convert waits, since moto's queues get slow with their depth."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context object that handlers use."""

    function_name: str
    deadline: float
    is_pausing: Callable[[], bool] = lambda: False
    aws_request_id: str = "local"
    memory_limit_in_mb: int = 1024

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        left = max(0, int((self.deadline - time.monotonic()) * 1000))
        return min(left, _PAUSING_MILLIS) if self.is_pausing() else left


@dataclass(slots=True)
class _Calls:
    """The numbers of handler calls that run now, by a queue or a schedule, and the tracebacks of those that failed."""

    running: int = 0
    scheduled: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    errors: list[str] = field(default_factory=list)


class Engine:
    """Runs event source mappings and schedules in threads while the context lasts."""

    def __init__(self, cloud: LocalCloud, *, schedules: bool = False) -> None:
        self._cloud = cloud
        self._schedules = schedules
        self._stop = threading.Event()
        self._pausing = threading.Event()
        self._calls = _Calls()
        self._threads: list[threading.Thread] = []
        self.handlers: dict[str, Handler] = {}
        self._valve = ""
        self._is_delivering = True

    def __enter__(self) -> Self:
        for function in FUNCTIONS:
            module = importlib.import_module(function.handler.rpartition(".")[0])
            # Handlers keep their AWS clients; each local cloud of a process needs new ones.
            self.handlers[function.name] = importlib.reload(module).handler
        self._throttle_convert()
        for function in FUNCTIONS:
            if function.queue is not None:
                workers = function.max_concurrency
                self._start(workers, self._poll, function, _QUEUES[function.queue], threading.Lock())
            elif function in {VALVE, BACKFILL} or (self._schedules and function.every_minutes is not None):
                self._start(1, self._run_schedule, function)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pausing.set()
        for thread in self._threads:
            thread.join(timeout=10)

    @property
    def errors(self) -> list[str]:
        """The tracebacks of failed handler calls, oldest first."""
        return list(self._calls.errors)

    def invoke(self, function: FunctionSettings, event: dict[str, Any]) -> dict[str, Any] | None:
        """Call a handler as Lambda does, and return its result."""
        context = Context(function.name, time.monotonic() + function.timeout, self._pausing.is_set)
        return self.handlers[function.name](event, context)

    def wait_until_idle(self, *, timeout: float = 300, settle: int = 3) -> bool:
        """Wait until nothing is queued, in flight or running.

        Args:
            timeout: seconds to wait.
            settle: how often in a row it must be seen idle.

        Returns:
            False where the time ran out.
        """
        end = time.monotonic() + timeout
        seen_idle = 0
        while time.monotonic() < end:
            seen_idle = seen_idle + 1 if self._is_idle() else 0
            if seen_idle >= settle:
                return True
            time.sleep(_MIN_POLL)
        return False

    @contextmanager
    def paused(self, *, timeout: float = 30) -> Iterator[bool]:
        """Start no function while the context lasts, and wait until those that run have ended.

        Args:
            timeout: seconds to wait.

        Yields:
            Whether no function runs.
        """
        self._pausing.set()
        try:
            end = time.monotonic() + timeout
            while not self._is_still() and time.monotonic() < end:
                time.sleep(_MIN_POLL)
            yield self._is_still()
        finally:
            self._pausing.clear()

    def _is_still(self) -> bool:
        with self._calls.lock:
            return not (self._calls.running or self._calls.scheduled)

    def depth(self, queue: str) -> int:
        """Return the number of messages of a queue: waiting, delayed and in flight."""
        answer = self._cloud.sqs.get_queue_attributes(
            QueueUrl=self._cloud.queue_urls[queue],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )
        return sum(int(value) for value in answer["Attributes"].values())

    def _is_idle(self) -> bool:
        with self._calls.lock:
            if self._calls.running:
                return False
        # Messages in the outbox do not count while only a person or the end of a maintenance window opens the valve.
        is_closed = self._valve in _STAYS_CLOSED
        if any(self.depth(queue.name) for queue in QUEUES if queue is not OUTBOX or not is_closed):
            return False
        backfilled = self.invoke(BACKFILL, _SCHEDULED)
        assert backfilled is not None
        return not backfilled["admitted"] and (is_closed or not backfilled["left"])

    def _is_mapping_enabled(self) -> bool:
        mapping = self._cloud.functions.get_event_source_mapping(UUID=self._cloud.runtime.mapping)
        return mapping["State"] == "Enabled"

    def _start(self, workers: int, work: Callable[..., None], *arguments: object) -> None:
        for _ in range(workers):
            thread = threading.Thread(target=work, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _throttle_convert(self) -> None:
        """Let convert wait while the outbox is deep. SQS has no such limit; moto is slow with deep queues."""
        convert = importlib.import_module("functions.convert.handler")

        def wait(**_: object) -> None:
            while self.depth("outbox") > _MAX_DEPTH and not self._pausing.is_set():
                self._stop.wait(_MAX_POLL)

        convert._app.outbox._client.meta.events.register("before-call.sqs.SendMessageBatch", wait)  # noqa: SLF001

    # one event source mapping ----------------------------------------------------------------------------------------

    def _poll(self, function: FunctionSettings, queue: QueueSettings, receiving: threading.Lock) -> None:
        url = self._cloud.queue_urls[queue.name]
        while not self._stop.is_set():
            # Only one worker polls at a time, since polling is most of the work of an idle engine.
            with receiving:
                received = self._receive(function, url)
            if received:
                try:
                    self._deliver(function, queue, url, received)
                finally:
                    with self._calls.lock:
                        self._calls.running -= 1

    def _receive(self, function: FunctionSettings, url: str) -> list[Any]:
        """Return the next messages of a queue as soon as there are any, counted as a running call.

        Return none once the engine stops.
        """
        pause = _MIN_POLL
        while not self._stop.is_set():
            if function is not SUBMIT or self._is_delivering:
                # The lock keeps a pause from beginning between the two.
                with self._calls.lock:
                    messages = [] if self._pausing.is_set() else self._messages(function, url)
                    self._calls.running += bool(messages)
                if messages:
                    return messages
            self._stop.wait(pause)
            pause = min(pause * 1.5, _MAX_POLL)
        return []

    def _messages(self, function: FunctionSettings, url: str) -> list[Any]:
        answer = self._cloud.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(function.batch_size, 10),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _deliver(self, function: FunctionSettings, queue: QueueSettings, url: str, received: list[Any]) -> None:
        event = {"Records": [_record(message, queue) for message in received]}
        try:
            answer = self.invoke(function, event) or {}
            failed = {entry["itemIdentifier"] for entry in answer.get("batchItemFailures", [])}
        except Exception:  # noqa: BLE001 - as Lambda does
            self._calls.errors.append(traceback.format_exc())
            failed = {message["MessageId"] for message in received}
        for message in received:
            receipt = message["ReceiptHandle"]
            if message["MessageId"] not in failed:
                self._cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
            elif function.name != "submit":
                timeout = round(queue.visibility_timeout * self._cloud.runtime.retry_scale)
                self._cloud.sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=timeout
                )

    def _run_schedule(self, function: FunctionSettings) -> None:
        pause = max(_MIN_SCHEDULE, (function.every_minutes or 1) * 60 * self._cloud.runtime.retry_scale)
        while not self._stop.wait(pause):
            with self._calls.lock:
                if self._pausing.is_set():
                    continue
                self._calls.scheduled += 1
            try:
                answer = self.invoke(function, _SCHEDULED) or {}
            except Exception:  # noqa: BLE001 - the schedule invokes it again soon
                self._calls.errors.append(traceback.format_exc())
                continue
            finally:
                with self._calls.lock:
                    self._calls.scheduled -= 1
            if function is VALVE:
                self._valve = answer["valve"]
                self._is_delivering = self._is_mapping_enabled()


def _record(message: Any, queue: QueueSettings) -> dict[str, Any]:
    """Return a message as a record of Lambda's SQS event (AWS: Using Lambda with Amazon SQS)."""
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
