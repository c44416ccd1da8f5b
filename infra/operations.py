"""Encrypted log groups, the alarm topic, and the alarms."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alarms import Alarms
from infra.permissions import SEND, CustomerManagedKey
from infra.removal import removal_policy
from infra.stages import Stage
from shared import settings


class Operations(Construct):
    """The key for logs and alarms, the topic of the alarms, and the alarms."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._prefix = f"{settings.PRODUCT}-{stage.name}"
        self.key = CustomerManagedKey(
            self, "Key", alias=f"alias/{self._prefix}-operations", purpose="vaxline: logs and alarms"
        )
        self._allow_logs()
        self.topic = sns.Topic(
            self, "Alarms", topic_name=f"{self._prefix}-alarms", master_key=self.key, enforce_ssl=True
        )
        self._allow_alarms()
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self.alarms = Alarms(self, "Watch", stage=stage, topic=self.topic)
        self.alarms.watch_stage()

    def _allow_logs(self) -> None:
        """Let CloudWatch Logs use the key for this stage's log groups.

        See "Encrypt log data" in the CloudWatch Logs user guide.
        """
        groups = f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:"
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}")],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": [
                            f"{groups}{function_log_group('*', self._stage)}",
                            f"{groups}{network_log_group(self._stage)}",
                        ]
                    }
                },
            )
        )

    def _allow_alarms(self) -> None:
        """Let CloudWatch alarms publish. The TLS policy replaces the topic's default policy, which allows it."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        self.key.allow_service("cloudwatch.amazonaws.com", SEND)

    def log_group(self, scope: Construct, construct_id: str, name: str) -> logs.LogGroup:
        """Create an encrypted log group with the stage's retention (`log_days`)."""
        group = logs.LogGroup(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=self.key,
            removal_policy=removal_policy(self._stage),
        )
        cast(logs.CfnLogGroup, group.node.default_child).retention_in_days = self._stage.log_days
        return group


def function_log_group(function: str, stage: Stage) -> str:
    """Return the name of a function's log group, as the Lambda console expects it."""
    return f"/aws/lambda/{settings.PRODUCT}-{stage.name}-{function}"


def network_log_group(stage: Stage) -> str:
    """Return the name of the log group for the network's flow log."""
    return f"/{settings.PRODUCT}/{stage.name}/network"
