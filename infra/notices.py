"""The SNS topic for notices: mails to the operators about what waits for them."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.functions import Function
from infra.permissions import SEND, CustomerManagedKey
from infra.stages import Stage
from shared import settings


class NoticeTopic(Construct):
    """The topic. It is not the alarms' topic, since other people subscribe to it."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: CustomerManagedKey) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.topic = sns.Topic(
            self, "Topic", topic_name=settings.notice_topic_name(stage.name), master_key=key, enforce_ssl=True
        )
        if stage.notice_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.notice_email))

    def serve(self, function: Function) -> None:
        """Let a function publish to the topic."""
        function.permissions.allow(["sns:Publish"], [self.topic.topic_arn])
        function.permissions.use_key(self._key, SEND, through="sns")
        function.function.add_environment("VAXLINE_NOTICE_TOPIC", self.topic.topic_arn)
