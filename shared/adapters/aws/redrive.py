"""Moves the messages of a dead-letter queue back to the queue that they came from.

SQS's own StartMessageMoveTask runs in the background; this moves at once, returns the count, and needs rights on the
two queues only. A message is sent before it is deleted, which is at-least-once delivery: the ledger decides whether
anything is left to do.
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
    """Move all messages back.

    Args:
        client: The SQS client.
        queue: The queue whose dead letters are moved.
        stage: Name of the stage.
        any_url: URL of any queue of the stage, from which the other URLs are made.

    Returns:
        How many messages were moved.
    """
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
    """The message's group, and a deduplication id of its own, so that SQS does not drop it as a duplicate."""
    if not queue.fifo:
        return {}
    deduplication_id = hashlib.sha256(f"redrive#{message['MessageId']}".encode()).hexdigest()
    return {"MessageGroupId": message["Attributes"]["MessageGroupId"], "MessageDeduplicationId": deduplication_id}
