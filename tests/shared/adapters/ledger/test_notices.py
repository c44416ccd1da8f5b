"""Notices as subscribers of the topic receive them (moto)."""

from __future__ import annotations

import json

from local.aws.cloud import LocalCloud
from shared.adapters.ledger.notices import SnsTopic


def test_a_notice_reaches_the_subscribers_with_a_subject_that_sns_accepts(cloud: LocalCloud) -> None:
    queue = cloud.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = cloud.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.sns.subscribe(TopicArn=cloud.runtime.notice_topic, Protocol="sqs", Endpoint=arn)
    SnsTopic(lambda: cloud.sns, cloud.runtime.notice_topic).publish("s" * 300, "12 submissions wait")
    (message,) = cloud.sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(message["Body"])
    assert (told["Subject"], told["Message"]) == ("s" * 99, "12 submissions wait")
