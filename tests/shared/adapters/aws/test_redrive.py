"""Dead letters are moved back to their queue (moto)."""

from __future__ import annotations

import importlib
import json
from datetime import timedelta

import pytest

from local.aws.cloud import LocalCloud
from shared import settings
from shared.bootstrap import Application
from shared.ports.objects import LONG_AGO
from shared.settings import LOCAL_STAGE, OUTBOX, QUEUES, QueueSettings


def dead(cloud: LocalCloud, queue: QueueSettings) -> str:
    return cloud.sqs.get_queue_url(QueueName=queue.dead_letter_name(LOCAL_STAGE))["QueueUrl"]


@pytest.fixture(autouse=True)
def _nothing_announced(cloud: LocalCloud) -> None:
    """S3 sends a test notification when its notifications are set up."""
    cloud.sqs.purge_queue(QueueUrl=cloud.queue_urls[settings.INTAKE.name])


def depth(cloud: LocalCloud, url: str) -> int:
    answer = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_every_dead_letter_is_moved_back_once(cloud: LocalCloud, queue: QueueSettings) -> None:
    for number in range(12):
        fifo = {"MessageGroupId": f"G{number}", "MessageDeduplicationId": str(number)} if queue.fifo else {}
        cloud.sqs.send_message(QueueUrl=dead(cloud, queue), MessageBody=f'{{"msh_10": "M{number}"}}', **fifo)
    assert Application(cloud.runtime).redrive(queue) == 12
    assert (depth(cloud, dead(cloud, queue)), depth(cloud, cloud.queue_urls[queue.name])) == (0, 12)
    assert Application(cloud.runtime).redrive(queue) == 0


def test_a_patients_messages_are_moved_back_in_their_group_and_order(cloud: LocalCloud) -> None:
    for number in range(3):
        cloud.sqs.send_message(
            QueueUrl=dead(cloud, OUTBOX),
            MessageBody=str(number),
            MessageGroupId="G",
            MessageDeduplicationId=str(number),
        )
    assert Application(cloud.runtime).redrive(OUTBOX) == 3
    received = cloud.sqs.receive_message(
        QueueUrl=cloud.runtime.outbox_url, MaxNumberOfMessages=10, AttributeNames=["All"]
    )["Messages"]
    assert [(one["Attributes"]["MessageGroupId"], one["Body"]) for one in received] == [
        ("G", "0"),
        ("G", "1"),
        ("G", "2"),
    ]


def test_a_reference_redriven_within_five_minutes_is_not_dropped_as_a_duplicate(cloud: LocalCloud) -> None:
    """SQS drops a deduplication id that it saw within five minutes, also in the outbox."""
    same = {"MessageGroupId": "G", "MessageDeduplicationId": "one"}
    cloud.sqs.send_message(QueueUrl=cloud.runtime.outbox_url, MessageBody="first", **same)
    cloud.sqs.send_message(QueueUrl=dead(cloud, OUTBOX), MessageBody="again", **same)
    Application(cloud.runtime).redrive(OUTBOX)
    assert depth(cloud, cloud.runtime.outbox_url) == 2


def test_an_object_is_announced_in_the_form_of_s3(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    Application(cloud.runtime).intake.announce("inbox/elm/é a+b.csv", "V1")
    (message,) = cloud.sqs.receive_message(QueueUrl=cloud.queue_urls[settings.INTAKE.name])["Messages"]
    body = json.loads(message["Body"])
    assert convert.arrivals(body) == [("inbox/elm/é a+b.csv", "V1")]
    assert body["Records"][0]["s3"]["object"]["key"].isascii()
    assert body["replayed"] is True


def test_versions_since_a_time_are_found_in_order_with_those_of_deleted_objects(cloud: LocalCloud) -> None:
    objects = Application(cloud.runtime).objects
    with cloud.without_notifications():
        made = [
            cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=key, Body=b"x")["VersionId"]
            for key in ("inbox/elm/a.csv", "inbox/elm/a.csv", "inbox/oak/b.csv", "config/c.toml")
        ]
        cloud.s3.delete_object(Bucket=cloud.runtime.bucket, Key="inbox/oak/b.csv")
    assert sorted(item.version_id for item in objects.versions("inbox/", LONG_AGO)) == sorted(made[:3])
    last = max(item.modified for item in objects.versions("inbox/", LONG_AGO))
    assert list(objects.versions("inbox/", last + timedelta(seconds=1))) == []
