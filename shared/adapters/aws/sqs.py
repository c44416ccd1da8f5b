"""The queues: references only, never PHI (AWS: SQS developer guide, FIFO delivery and batch actions)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote_plus

import msgspec

from shared.batched import batched
from shared.ports.queues import OutboxMessage, Received

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_BATCH: Final = 10
_LANES: Final = 4
_LONGEST_DELAY: Final = 43_000
_T = TypeVar("_T")


def _written(reference: Mapping[str, str]) -> str:
    return msgspec.json.encode(reference).decode()


class _Queue:
    """Sends in batches of ten and insists on every entry being taken."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def _send(self, values: Sequence[_T], entry: Callable[[_T], dict[str, Any]]) -> None:
        for batch in batched(values, _BATCH):
            entries: Any = [{"Id": str(number)} | entry(value) for number, value in enumerate(batch)]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = len(answer.get("Failed", []))
            if failed:
                raise RuntimeError(
                    f"the queue took {len(batch) - failed} of {len(batch)} messages; they are sent again"
                )


def _runs(messages: Sequence[OutboxMessage]) -> list[list[OutboxMessage]]:
    """Messages in whole batches of ten; those batches in one run that share a patient, to go one after the other."""
    patients: dict[str, list[OutboxMessage]] = {}
    for message in messages:
        patients.setdefault(message.patient_group, []).append(message)
    runs: list[list[OutboxMessage]] = []
    for batch in batched(chain.from_iterable(patients.values()), _BATCH):
        if runs and runs[-1][-1].patient_group == batch[0].patient_group:
            runs[-1] += batch
        else:
            runs.append(batch)
    return runs


def received(body: str, group: str, receipt: str) -> Received:
    """A reference as the outbox gives it back."""
    reference = json.loads(body)
    return Received(OutboxMessage(reference["msh_10"], reference["clinic"], group), receipt)


class SqsOutbox(_Queue):
    """Ports `Outbox` and `OutboxReader`: FIFO, one message group per patient.

    Many batches go at once. Those that share a patient go one after the other, so that order holds where it must.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        super().__init__(client, url)
        self._pool = ThreadPoolExecutor(_LANES, thread_name_prefix="outbox")

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        sent = [self._pool.submit(self._send, run, self._entry) for run in _runs(messages)]
        # All of them end before the first error is told: a caller that tries again must not meet a run still sending.
        wait(sent)
        for run in sent:
            run.result()

    def depth(self) -> int:
        name: Final = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def receive(self) -> list[Received]:
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=_BATCH, MessageSystemAttributeNames=["MessageGroupId"]
        )
        return [
            received(message["Body"], message["Attributes"]["MessageGroupId"], message["ReceiptHandle"])
            for message in answer.get("Messages", [])
        ]

    def remove(self, receipts: Sequence[str]) -> None:
        for batch in batched(receipts, _BATCH):
            entries: Any = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            # What is not removed comes again, and the ledger knows that it is done.
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def delay(self, receipt: str, seconds: int) -> None:
        """Keeps a received message and its group back, at most 12 hours (SQS: ChangeMessageVisibility)."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=min(seconds, _LONGEST_DELAY)
        )

    def _entry(self, message: OutboxMessage) -> dict[str, Any]:
        mark = hashlib.sha256(f"{message.msh_10}#{message.round}".encode()).hexdigest()
        return {
            "MessageBody": _written({"msh_10": message.msh_10, "clinic": message.clinic}),
            "MessageGroupId": message.patient_group,
            "MessageDeduplicationId": mark,
        }


class SqsResubmissionQueue(_Queue):
    """Port `ResubmissionQueue`."""

    def send(self, msh_10s: Sequence[str]) -> None:
        self._send(msh_10s, lambda msh_10: {"MessageBody": _written({"msh_10": msh_10})})


class SqsIntake(_Queue):
    """The queue that feeds convert, for an export that one invocation does not finish."""

    def send_again(self, body: str) -> None:
        """Queues an event anew, so that going on does not count as one more failed receive of the old message."""
        self._send([body], lambda one: {"MessageBody": one})

    def announce(self, key: str, version_id: str = "") -> None:
        """Queues an object of the bucket as S3 announces one that arrived, but to be read whoever began it."""
        self.send_again(announcement(key, version_id, replayed=True))


def announcement(key: str, version_id: str = "", *, replayed: bool = False) -> str:
    """An S3 notification of an object (S3 user guide: event message structure), as JSON.

    `replayed` is vaxline's own key: an operator replays the object, so it is read whichever event began its export.
    """
    item = {"key": quote_plus(key)} | ({"versionId": version_id} if version_id else {})
    event: dict[str, object] = {"Records": [{"s3": {"object": item}}]}
    if replayed:
        event["replayed"] = True
    return json.dumps(event)
