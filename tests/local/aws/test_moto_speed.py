"""moto, made quicker for the local run, answers as moto does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.aws import moto_speed
from local.aws.cloud import REGION
from shared import settings

_STEPS = 250
# What differs from one run of moto to the next.
_OF_THE_RUN = {"ResponseMetadata", "ReceiptHandle", "MessageId", "SequenceNumber", "CreatedTimestamp"}
_OF_THE_RUN |= {"LastModifiedTimestamp", "SentTimestamp", "ApproximateFirstReceiveTimestamp"}


@pytest.fixture(autouse=True)
def quick() -> None:
    moto_speed.apply()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("script", ["table", "queue"])
def test_a_random_script_gets_the_same_answers(script: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "synthetic")
    steps = {"table": _table_steps, "queue": _queue_steps}[script]
    answers = []
    for patches in (moto_speed.originals(), nullcontext()):
        with patches, mock_aws():
            answers.append(list(steps(random.Random(seed))))
    slow, fast = answers
    assert len(slow) >= _STEPS
    assert fast == slow


def test_a_queue_says_all_its_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "synthetic")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "synthetic")
    seen = []
    for patches in (moto_speed.originals(), nullcontext()):
        with patches, mock_aws():
            sqs = boto3.client("sqs", region_name=REGION)
            url = _a_fifo_queue(sqs)
            seen.append(_plain(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])))
    assert seen[0] == seen[1]
    assert seen[0]["Attributes"]["FifoQueue"] == "true"


def _table_steps(chance: random.Random) -> Iterator[Any]:
    """Puts, updates, deletions and queries over few keys, so that items move in and out of an index."""
    table = boto3.client("dynamodb", region_name=REGION)
    index = settings.WORKLIST
    names = ("pk", "sk", index.partition_key, index.sort_key)
    keys: Any = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ["HASH", "RANGE"] * 2)]  # noqa: B905
    table.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=keys[:2],
        GlobalSecondaryIndexes=[
            {"IndexName": "index", "KeySchema": keys[2:], "Projection": {"ProjectionType": "ALL"}},
            {
                "IndexName": "narrow",
                "KeySchema": keys[2:],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n", "b"]},
            },
        ],
    )
    for step in range(_STEPS):
        key = {"pk": {"S": f"P{chance.randrange(6)}"}, "sk": {"S": f"S{chance.randrange(4)}"}}
        clinic = {
            index.partition_key: {"S": f"C{chance.randrange(3)}"},
            index.sort_key: {"S": f"K{chance.randrange(5)}"},
        }
        match chance.randrange(7):
            case 0:
                yield _said(
                    table.put_item, TableName="table", Item=key | clinic | {"n": {"N": str(step)}, "b": {"B": b"x"}}
                )
            case 1:
                yield _said(table.put_item, TableName="table", Item=key, ConditionExpression="attribute_not_exists(pk)")
            case 2:
                yield _said(
                    table.update_item,
                    TableName="table",
                    Key=key,
                    UpdateExpression=f"SET {index.partition_key} = :c, {index.sort_key} = :k",
                    ExpressionAttributeValues={":c": clinic[index.partition_key], ":k": clinic[index.sort_key]},
                    ReturnValues="ALL_NEW",
                )
            case 3:
                gone = f"REMOVE {index.partition_key}"
                yield _said(
                    table.update_item, TableName="table", Key=key, UpdateExpression=gone, ReturnValues="ALL_OLD"
                )
            case 4:
                yield _said(table.delete_item, TableName="table", Key=key, ReturnValues="ALL_OLD")
            case 5:
                condition, values = "pk = :p", {":p": key["pk"]}
                yield _asked(table, chance, condition, values)
            case _:
                condition, values = f"{index.partition_key} = :c", {":c": clinic[index.partition_key]}
                if chance.random() < 0.5:
                    condition += f" AND {index.sort_key} >= :k"
                    values[":k"] = clinic[index.sort_key]
                yield _asked(table, chance, condition, values, IndexName=chance.choice(["index", "narrow"]))
    yield _said(table.scan, TableName="table")


def _asked(table: Any, chance: random.Random, condition: str, values: Any, **more: Any) -> list[Any]:
    """A query and its next page."""
    more |= {"TableName": "table", "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    more |= {"ScanIndexForward": chance.random() < 0.5, "Limit": chance.randrange(1, 6)}
    first = _said(table.query, **more)
    if "LastEvaluatedKey" not in first:
        return [first]
    return [first, _said(table.query, **more, ExclusiveStartKey=first["LastEvaluatedKey"])]


def _queue_steps(chance: random.Random) -> Iterator[Any]:
    """Sends, receives, deletions and counts of a FIFO queue with few groups."""
    sqs = boto3.client("sqs", region_name=REGION)
    url = _a_fifo_queue(sqs)
    held: list[str] = []
    for _ in range(_STEPS):
        match chance.randrange(5):
            case 0 | 1:
                message = {
                    "MessageGroupId": f"G{chance.randrange(4)}",
                    "MessageDeduplicationId": f"{chance.randrange(90)}",
                }
                yield _said(sqs.send_message, QueueUrl=url, MessageBody=f"{chance.randrange(9)}", **message)
            case 2:
                received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, AttributeNames=["All"])
                held += [message["ReceiptHandle"] for message in received.get("Messages", [])]
                yield _plain(received)
            case 3 if held:
                receipt = held.pop(chance.randrange(len(held)))
                if chance.random() < 0.5:
                    yield _said(sqs.delete_message, QueueUrl=url, ReceiptHandle=receipt)
                else:
                    yield _said(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            case _:
                names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]
                yield _said(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)


def _a_fifo_queue(sqs: Any) -> str:
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'
    url: str = sqs.create_queue(QueueName="queue.fifo", Attributes={"FifoQueue": "true", "RedrivePolicy": policy})[
        "QueueUrl"
    ]
    return url


def _said(call: Any, **request: Any) -> Any:
    try:
        return _plain(call(**request))
    except ClientError as error:
        return str(error)


def _plain(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items() if name not in _OF_THE_RUN}
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    return answer
