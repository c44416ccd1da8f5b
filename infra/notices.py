"""The topic that tells those who correct what waits for them."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.functions import Function
from infra.rights import SEND, OwnKey
from infra.stages import Stage
from shared import settings


class NoticeTopic(Construct):
    """Apart from the alarms' topic: other people read it, and one function writes it."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: OwnKey) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.topic = sns.Topic(
            self, "Topic", topic_name=settings.notice_topic_name(stage.name), master_key=key, enforce_ssl=True
        )
        if stage.notice_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.notice_email))

    def serve(self, function: Function) -> None:
        """Lets a function write to the topic, and tells it which one."""
        function.rights.allow(["sns:Publish"], [self.topic.topic_arn])
        function.rights.use_key(self._key, SEND, through="sns")
        function.function.add_environment("VAXLINE_NOTICE_TOPIC", self.topic.topic_arn)
