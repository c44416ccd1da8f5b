"""The queues. Messages are references without PHI (AWS: SQS developer guide, FIFO delivery and batch actions)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote_plus

import msgspec

from shared.batched import batched
from shared.ports.queues import OutboxMessage, Received
from shared.settings import OUTBOX

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_BATCH: Final = 10
_SENDERS: Final = 4
_LONGEST_DELAY: Final = 43_200 - OUTBOX.visibility_timeout - 60
"""Seconds. SQS refuses a timeout that ends more than 12 hours after the receive (ChangeMessageVisibility). A message is
held for the queue's visibility timeout at most before its delay is set; the minute is a margin between clocks."""

_T = TypeVar("_T")


class _Sender:
    """Sends to one queue, in batches of ten."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, values: Sequence[_T], entry: Callable[[_T], dict[str, Any]]) -> None:
        """Send one message for each value.

        Raises:
            RuntimeError: The queue did not take all of a batch.
        """
        for batch in batched(values, _BATCH):
            entries: Any = [{"Id": str(number)} | entry(value) for number, value in enumerate(batch)]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = len(answer.get("Failed", []))
            if failed:
                raise RuntimeError(
                    f"the queue took {len(batch) - failed} of {len(batch)} messages; they are sent again"
                )


class SqsOutbox:
    """Ports `Outbox` and `OutboxReader` on a FIFO queue with one message group per patient.

    Batches are sent side by side; the batches with messages of the same patient are sent one after the other.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url
        self._sender = _Sender(client, url)
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix="outbox")

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        sent = [self._pool.submit(self._sender.send, run, _outbox_entry) for run in _runs(messages)]
        # The error is raised when all have ended: a caller that tries again must not meet a run that is still sending.
        wait(sent)
        for run in sent:
            run.result()

    def depth(self) -> int:
        name: Final = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def receive(self, limit: int = _BATCH) -> list[Received]:
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=limit, MessageSystemAttributeNames=["MessageGroupId"]
        )
        found = [
            received(message["Body"], message["Attributes"]["MessageGroupId"], message["ReceiptHandle"])
            for message in answer.get("Messages", [])
        ]
        # One that cannot be read comes again; Lambda brings it too, and then the log tells of it.
        return [message for message in found if message is not None]

    def remove(self, receipts: Sequence[str]) -> None:
        for batch in batched(receipts, _BATCH):
            entries: Any = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            # A message that is not removed is received again, and the ledger has its outcome.
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def delay(self, receipt: str, seconds: int) -> None:
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=min(seconds, _LONGEST_DELAY)
        )


class _Reference(msgspec.Struct):
    """The body of a message of the outbox."""

    msh_10: str
    clinic: str


class _ResubmissionReference(msgspec.Struct):
    """The body of a message of the resubmission queue."""

    msh_10: str


def received(body: str, group: str, receipt: str) -> Received | None:
    """Return the reference of a message of the outbox; None if its body is not one."""
    try:
        reference = msgspec.json.decode(body, type=_Reference)
    except msgspec.DecodeError:
        return None
    return Received(OutboxMessage(reference.msh_10, reference.clinic, group), receipt)


def msh_10_in(body: str) -> str:
    """Return the MSH-10 of a message of the resubmission queue.

    Raises:
        msgspec.DecodeError: The body is not a reference.
    """
    return msgspec.json.decode(body, type=_ResubmissionReference).msh_10


def _runs(messages: Sequence[OutboxMessage]) -> list[list[OutboxMessage]]:
    """Messages in runs of whole batches; consecutive batches with messages of the same patient form one run."""
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


def _outbox_entry(message: OutboxMessage) -> dict[str, Any]:
    return {
        "MessageBody": json.dumps({"msh_10": message.msh_10, "clinic": message.clinic}),
        "MessageGroupId": message.patient_group,
        "MessageDeduplicationId": hashlib.sha256(f"{message.msh_10}#{message.round}".encode()).hexdigest(),
    }


class SqsResubmissionQueue:
    """Port `ResubmissionQueue`."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._sender = _Sender(client, url)

    def send(self, msh_10s: Sequence[str]) -> None:
        self._sender.send(msh_10s, lambda msh_10: {"MessageBody": json.dumps({"msh_10": msh_10})})


class SqsIntake:
    """The intake queue, for events that vaxline queues itself."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._sender = _Sender(client, url)

    def send_again(self, body: str) -> None:
        """Queue an event as a new message, whose receives are counted from zero."""
        self._sender.send([body], lambda text: {"MessageBody": text})

    def announce(self, key: str, version_id: str = "") -> None:
        """Queue an object of the bucket to be read, whichever event began its export."""
        self.send_again(announcement(key, version_id, replayed=True))


def announcement(key: str, version_id: str = "", *, replayed: bool = False) -> str:
    """Return an S3 notification of an object as JSON (S3 user guide, "Event message structure").

    Args:
        key: The object's key.
        version_id: The version; empty for the newest.
        replayed: An operator replays the object: it is read whichever event began its export. This key is our own.
    """
    item = {"key": quote_plus(key)} | ({"versionId": version_id} if version_id else {})
    event: dict[str, object] = {"Records": [{"s3": {"object": item}}]}
    if replayed:
        event["replayed"] = True
    return json.dumps(event)
