"""Brings back what SQS set aside: from a dead-letter queue to the queue that it came from.

As StartMessageMoveTask does (SQS API reference), but at once, counted, and with a person's rights on these queues only.
Sent first and deleted after: what stops in between comes twice, and the ledger decides what is still to be done.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from shared.settings import QueueSettings

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_BATCH: Final = 10
_HIDDEN_SECONDS: Final = 60
_WAIT_SECONDS: Final = 1


def redrive(client: SQSClient, queue: QueueSettings, stage: str, any_url: str) -> int:
    """How many messages went back. `any_url` is the URL of any queue of the stage: all of them begin alike."""
    start = any_url.rpartition("/")[0]
    source, target = f"{start}/{queue.dead_letter_name(stage)}", f"{start}/{queue.physical_name(stage)}"
    moved = 0
    while messages := _received(client, source):
        for message in messages:
            client.send_message(QueueUrl=target, MessageBody=message["Body"], **_fifo(message, queue))
            client.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def _received(client: SQSClient, url: str) -> list[Any]:
    answer = client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_BATCH,
        VisibilityTimeout=_HIDDEN_SECONDS,
        WaitTimeSeconds=_WAIT_SECONDS,
        AttributeNames=["MessageGroupId"],
    )
    return list(answer.get("Messages", []))


def _fifo(message: Any, queue: QueueSettings) -> dict[str, Any]:
    """Its group again, and a deduplication id of this return, so that SQS does not take it for the message it was."""
    if not queue.fifo:
        return {}
    mark = hashlib.sha256(f"redrive#{message['MessageId']}".encode()).hexdigest()
    return {"MessageGroupId": message["Attributes"]["MessageGroupId"], "MessageDeduplicationId": mark}
