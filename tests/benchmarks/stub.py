"""An instant AWS: boto3 serialises, signs and parses as ever, and the answer is there at once.

It answers as an empty table and queues that take everything do, and counts the calls. What a function costs is then its
own work and boto3's, and nothing of a network's or of an emulator's.
"""

from __future__ import annotations

import json
import os
import resource
from collections import Counter
from functools import cache
from typing import Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from shared.adapters.aws.sqs import SqsOutbox, SqsResubmissionQueue
from shared.adapters.ledger.dynamodb import DynamoLedger

TABLE: Final = "bench"
_URL: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/"


@cache
def _taken(entries: int) -> bytes:
    """The answer to a batch whose entries are numbered from 0 (sqs.py)."""
    taken = [{"Id": str(number), "MessageId": "m", "MD5OfMessageBody": ""} for number in range(entries)]
    return json.dumps({"Successful": taken, "Failed": []}).encode()


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self.content]


_ALWAYS: Final = {
    "BatchGetItem": b'{"Responses":{"bench":[]},"UnprocessedKeys":{}}',
    "Query": b'{"Items":[],"Count":0,"ScannedCount":0}',
    "GetQueueAttributes": b'{"Attributes":{"ApproximateNumberOfMessages":"0"}}',
}
"""Answers that do not depend on the request, by operation."""


class Stub:
    """Clients of an instant AWS. `calls` counts by operation, `sent` and `put` what was taken."""

    def __init__(self, **config: Any) -> None:
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "synthetic")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "synthetic")
        self.calls: Counter[str] = Counter()
        self.claimed = b"{}"
        self.session = boto3.Session(region_name="us-east-1")
        self.session.events.register("before-send.*.*", self._answer)
        options = Config(**config)
        self.dynamodb = self.session.client("dynamodb", config=options)
        self.sqs = self.session.client("sqs", config=options)

    def ledger(self) -> DynamoLedger:
        return DynamoLedger(self.dynamodb, TABLE)

    def outbox(self) -> SqsOutbox:
        return SqsOutbox(self.sqs, f"{_URL}outbox.fifo")

    def resubmission(self) -> SqsResubmissionQueue:
        return SqsResubmissionQueue(self.sqs, f"{_URL}resubmission")

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        self.calls[operation] += 1
        made: AWSResponse = AWSResponse(request.url, 200, {}, _Body(self._content(operation, request.body)))
        return made

    def _content(self, operation: str, body: bytes) -> bytes:
        if operation == "GetItem" and b"patient_key" in body:
            return b'{"Item":{"key":{"B":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}'
        if operation == "UpdateItem" and b"quota_day" in body:
            return b'{"Attributes":{"taken":{"N":"1"}}}'
        if operation == "UpdateItem" and b"ALL_NEW" in body:
            return self.claimed
        if operation == "BatchExecuteStatement":
            return b'{"Responses":[' + b",".join([b"{}"] * body.count(b'"Statement"')) + b"]}"
        if operation == "SendMessageBatch":
            return _taken(body.count(b'"MessageBody"'))
        return _ALWAYS.get(operation, b"{}")


def peak_mib() -> float:
    """The largest this process has been."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
