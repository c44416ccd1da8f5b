"""The three queues, each with its dead-letter queue. Messages are references without protected health information."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.permissions import DECRYPT, SEND, CustomerManagedKey, Permissions
from infra.stages import Stage
from shared import settings
from shared.settings import QueueSettings

# Permissions that Lambda needs for an event source mapping (Lambda developer guide, "Using Lambda with SQS").
_CONSUME: Final = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")


class DeliveryQueue(Construct):
    """One queue and its dead-letter queue, sized by its settings."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, queue: QueueSettings, key: CustomerManagedKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.settings = queue
        self._key = key
        self.dead_letters = self._queue("DeadLetters", queue.dead_letter_name(stage.name))
        self.queue = self._queue(
            "Queue",
            queue.physical_name(stage.name),
            visibility_timeout=cdk.Duration.seconds(queue.visibility_timeout),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=queue.max_receive_count),
        )

    def _queue(
        self,
        construct_id: str,
        name: str,
        *,
        visibility_timeout: cdk.Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            queue_name=name,
            fifo=self.settings.fifo or None,
            retention_period=cdk.Duration.seconds(self.settings.retention),
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
        )

    def grant_redrive(self, permissions: Permissions) -> None:
        """Allow moving messages from the dead-letter queue back to the queue."""
        permissions.allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], [self.dead_letters.queue_arn])
        self.grant_send(permissions)

    def grant_send(self, permissions: Permissions, *, depth: bool = False) -> None:
        """Allow sending; with `depth` also reading the number of waiting messages."""
        actions = ["sqs:GetQueueAttributes", "sqs:SendMessage"] if depth else ["sqs:SendMessage"]
        permissions.allow(actions, [self.queue.queue_arn])
        permissions.use_key(self._key, SEND, through="sqs")

    def allow_service(self, service: str, conditions: Mapping[str, Mapping[str, str]]) -> None:
        """Let an AWS service send to the queue under conditions."""
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions=conditions,
            )
        )
        self._key.allow_service(service, SEND)

    def grant_consume(self, permissions: Permissions, *, delay: bool = False) -> None:
        """Allow receiving and deleting; with `delay` also delaying a received message."""
        permissions.allow((*_CONSUME, "sqs:ChangeMessageVisibility") if delay else _CONSUME, [self.queue.queue_arn])
        permissions.use_key(self._key, DECRYPT, through="sqs")


class Queues(Construct):
    """Intake, outbox and resubmission under one key.

    It is not the bucket's key: S3 sends to the intake queue, and with a common key bucket and queue would depend on
    each other.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.key = CustomerManagedKey(
            self, "Key", alias=f"alias/{settings.PRODUCT}-{stage.name}-queues", purpose="vaxline: references in queues"
        )
        self.by_name = {
            queue.name: DeliveryQueue(self, queue.name.capitalize(), stage=stage, queue=queue, key=self.key)
            for queue in settings.QUEUES
        }
        self.intake = self.by_name[settings.INTAKE.name]
        self.outbox = self.by_name[settings.OUTBOX.name]
        self.resubmission = self.by_name[settings.RESUBMISSION.name]
