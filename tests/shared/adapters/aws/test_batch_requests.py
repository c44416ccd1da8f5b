"""A batch that msgspec writes is the one that botocore would have written."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from local.aws.cloud import REGION
from shared.adapters.aws.batch_requests import write_at_once

ITEM = {"pk": {"S": "SUB#M1"}, "n": {"N": "7"}, "body": {"B": b"\x00\xff\x7b"}, "l": {"L": [{"S": '\u00e9\u2028"\\'}]}}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "statements": (
        "dynamodb",
        "batch_execute_statement",
        {"Statements": [{"Statement": 'INSERT INTO "t" VALUE {}', "Parameters": list(ITEM.values())}] * 3},
    ),
    "puts": ("dynamodb", "batch_write_item", {"RequestItems": {"table": [{"PutRequest": {"Item": ITEM}}] * 3}}),
    "keys": (
        "dynamodb",
        "batch_get_item",
        {"RequestItems": {"table": {"Keys": [{"pk": ITEM["pk"], "sk": {"S": "SUB"}}] * 3, "ConsistentRead": True}}},
    ),
    "messages": (
        "sqs",
        "send_message_batch",
        {
            "QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/outbox.fifo",
            "Entries": [{"Id": "0", "MessageBody": '{"msh_10": "M1"}', "MessageGroupId": "G"}],
        },
    ),
    "not a batch": ("dynamodb", "get_item", {"TableName": "table", "Key": {"pk": {"S": "A"}}}),
}


class _Empty:
    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [b"{}"]


def sent(call: str, *, at_once: bool) -> Any:
    """What goes out for a call: its address, its JSON, the headers that AWS reads."""
    service, method, parameters = CALLS[call]
    session = boto3.Session("synthetic", "synthetic", region_name=REGION)
    if at_once:
        write_at_once(session)
    requests: list[Any] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        requests.append(request)
        return AWSResponse(request.url, 200, {}, _Empty())

    session.events.register("before-send.*.*", answer)
    client: Any = session.client(service, config=Config(parameter_validation=False))
    getattr(client, method)(**parameters)
    [request] = requests
    headers = {name: str(request.headers[name]) for name in ("X-Amz-Target", "Content-Type")}
    assert int(request.headers["Content-Length"]) == len(request.body)
    return request.url, json.loads(request.body), headers


@pytest.mark.parametrize("call", CALLS)
def test_a_batch_goes_out_as_botocore_would_have_written_it(call: str) -> None:
    assert sent(call, at_once=True) == sent(call, at_once=False)
