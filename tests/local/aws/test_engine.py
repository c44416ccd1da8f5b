"""The engine plays Lambda's SQS mapping: batches, partial failures, redrive."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from local.aws.engine import Context, Engine
from shared.settings import INTAKE, LOCAL_STAGE, OUTBOX, RESUBMISSION, SUBMIT

Answer = dict[str, Any] | None


@pytest.fixture
def engine(cloud: LocalCloud) -> Iterator[Engine]:
    with Engine(cloud) as running:
        yield running


def send(cloud: LocalCloud, queue: str, body: str, **more: Any) -> None:
    cloud.sqs.send_message(QueueUrl=cloud.queue_urls[queue], MessageBody=body, **more)


def fake(engine: Engine, name: str, answer: Callable[[dict[str, Any], Context], Answer]) -> list[dict[str, Any]]:
    """Puts a function of the test behind a mapping and collects the events that it gets."""
    seen: list[dict[str, Any]] = []

    def handler(event: dict[str, Any], context: Context) -> Answer:
        seen.append(event)
        return answer(event, context)

    engine.handlers[name] = handler
    return seen


def failed(record: dict[str, Any]) -> dict[str, str]:
    return {"itemIdentifier": record["messageId"]}


def test_a_record_has_the_shape_of_lambdas_sqs_event(cloud: LocalCloud, engine: Engine) -> None:
    seen = fake(engine, "submit", lambda *_: None)
    send(cloud, OUTBOX.name, "{}", MessageGroupId="G", MessageDeduplicationId="1")
    assert engine.wait_until_idle(timeout=20)
    (record,) = seen[0]["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["MessageGroupId"] == "G"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSourceARN"].endswith(OUTBOX.physical_name(LOCAL_STAGE))


def test_only_the_failed_messages_of_a_batch_come_again(cloud: LocalCloud, engine: Engine) -> None:
    tries: dict[str, int] = {}

    def answer(event: dict[str, Any], _: Context) -> Answer:
        bad = []
        for record in event["Records"]:
            tries[record["body"]] = tries.get(record["body"], 0) + 1
            if record["body"] == "bad" and tries["bad"] < 3:
                bad.append(failed(record))
        return {"batchItemFailures": bad}

    fake(engine, "triage", answer)
    for body in ("good", "bad"):
        send(cloud, RESUBMISSION.name, body)
    assert engine.wait_until_idle(timeout=20)
    assert tries == {"good": 1, "bad": 3}


def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(cloud: LocalCloud, engine: Engine) -> None:
    def answer(event: dict[str, Any], _: Context) -> Answer:
        raise RuntimeError("synthetic")

    seen = fake(engine, "convert", answer)
    send(cloud, INTAKE.name, "poison")
    url = cloud.sqs.get_queue_url(QueueName=INTAKE.dead_letter_name(LOCAL_STAGE))["QueueUrl"]
    end = time.monotonic() + 20
    dead: list[Any] = []
    while not dead and time.monotonic() < end:
        dead = cloud.sqs.receive_message(QueueUrl=url).get("Messages", [])
        time.sleep(0.05)
    assert [message["Body"] for message in dead] == ["poison"]
    assert len(seen) == INTAKE.max_receive_count
    assert "synthetic" in engine.errors[0]


def test_a_failed_message_holds_its_group_back_and_no_other(cloud: LocalCloud, engine: Engine) -> None:
    order: list[str] = []

    def answer(event: dict[str, Any], _: Context) -> Answer:
        bad, stuck = [], set()
        for record in event["Records"]:
            group = record["attributes"]["MessageGroupId"]
            first = record["body"] == "A1" and "A1 failed" not in order
            if first:
                order.append("A1 failed")
            if first or group in stuck:
                stuck.add(group)
                bad.append(failed(record))
                cloud.sqs.change_message_visibility(
                    QueueUrl=cloud.queue_urls[OUTBOX.name],
                    ReceiptHandle=record["receiptHandle"],
                    # Long enough for B1 to be sent meanwhile, on a busy machine too.
                    VisibilityTimeout=6 if first else 0,
                )
            else:
                order.append(record["body"])
        return {"batchItemFailures": bad}

    fake(engine, "submit", answer)
    for number, body in enumerate(("A1", "A2", "B1")):
        send(cloud, OUTBOX.name, body, MessageGroupId=body[0], MessageDeduplicationId=str(number))
    assert engine.wait_until_idle(timeout=60)
    assert order.index("A1") < order.index("A2")
    assert order.index("B1") < order.index("A1")


def test_a_message_does_not_wait_for_the_one_that_another_worker_is_at(cloud: LocalCloud, engine: Engine) -> None:
    release, seen = threading.Event(), threading.Event()

    def answer(event: dict[str, Any], _: Context) -> Answer:
        (record,) = event["Records"]
        if record["body"] == "slow":
            assert release.wait(20)
        else:
            seen.set()
        return None

    fake(engine, "convert", answer)
    for body in ("slow", "quick"):
        send(cloud, INTAKE.name, body)
    assert seen.wait(10)
    release.set()
    assert engine.wait_until_idle(timeout=20)


def test_idle_workers_of_a_queue_ask_it_no_more_often_than_one_would(cloud: LocalCloud, engine: Engine) -> None:
    asked: Counter[str] = Counter()
    cloud.sqs.meta.events.register(
        "before-parameter-build.sqs.ReceiveMessage", lambda params, **_: asked.update([params["QueueUrl"]])
    )
    time.sleep(2)
    assert asked.keys() == {cloud.queue_urls[queue.name] for queue in (INTAKE, OUTBOX, RESUBMISSION)}
    assert max(asked.values()) <= 2 / 0.05


def test_the_context_counts_the_time_left() -> None:
    context = Context("submit", time.monotonic() + SUBMIT.timeout)
    assert SUBMIT.timeout * 1000 - 1000 < context.get_remaining_time_in_millis() <= SUBMIT.timeout * 1000
    assert Context("submit", 0.0).get_remaining_time_in_millis() == 0


def test_many_threads_may_use_the_local_cloud_at_once(cloud: LocalCloud) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    table = cloud.runtime.table

    def write(number: int) -> None:
        for turn in range(40):
            key = {"pk": {"S": "P"}, "sk": {"S": str(number)}}
            client.update_item(
                TableName=table,
                Key=key,
                UpdateExpression=f"SET a{turn} = :v REMOVE b{turn}",
                ExpressionAttributeValues={":v": {"S": "x"}},
            )
            client.query(
                TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "P"}}
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
