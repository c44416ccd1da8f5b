"""What tells people how the stage is doing: logs under a key of their own, the alarm topic and its alarms."""

from __future__ import annotations

from typing import Final, cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.queues import DeliveryQueue
from infra.rights import SEND, OwnKey
from infra.stages import Stage
from shared import settings

# How long, in seconds, the oldest message of a queue may wait before a person should know. The outbox holds messages
# between two tries while the IIS is down, so it is the one that tells of a long outage.
OLDEST_MESSAGE: Final = {settings.INTAKE.name: 3_600, settings.OUTBOX.name: 3_600, settings.RESUBMISSION.name: 1_800}
_PERIOD: Final = cdk.Duration.minutes(5)


class Operations(Construct):
    """The key for logs and alarms, the topic, and one method for each kind of thing that is watched."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._prefix = f"{settings.PRODUCT}-{stage.name}"
        self.key = OwnKey(self, "Key", alias=f"alias/{self._prefix}-operations", purpose="vaxline: logs and alarms")
        self._allow_logs()
        self.topic = sns.Topic(
            self, "Alarms", topic_name=f"{self._prefix}-alarms", master_key=self.key, enforce_ssl=True
        )
        self._allow_alarms()
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))

    def _allow_logs(self) -> None:
        """For this stage's log groups only (CloudWatch Logs user guide, "Encrypt log data")."""
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
        """The policy that asks for TLS replaces the one that SNS gives a topic by default, so alarms must be named."""
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
        """An encrypted log group that forgets after the stage's `log_days`."""
        group = logs.LogGroup(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=self.key,
            removal_policy=cdk.RemovalPolicy.RETAIN if self._stage.protected else cdk.RemovalPolicy.DESTROY,
        )
        cast(logs.CfnLogGroup, group.node.default_child).retention_in_days = self._stage.log_days
        return group

    def watch_queue(self, watched: DeliveryQueue) -> None:
        """A message in the dead-letter queue, and a message that waits for too long."""
        name = watched.settings.name
        self._alarm(
            f"{name}-dead-letters",
            f"Messages of {name} failed until they were set aside; docs/operations.md says how to bring them back.",
            watched.dead_letters.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum"),
            above=0,
        )
        self._alarm(
            f"{name}-waits",
            f"The oldest message of {name} waits for longer than {OLDEST_MESSAGE[name] // 60} minutes.",
            watched.queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum"),
            above=OLDEST_MESSAGE[name],
        )

    def watch_function(self, name: str, function: lambda_.IFunction) -> None:
        """An invocation that ended in an error: a bug or broken infrastructure, since outcomes are values."""
        self._alarm(
            f"{name}-errors",
            f"The function {name} failed; its log says how.",
            function.metric_errors(period=_PERIOD, statistic="Sum"),
            above=0,
        )

    def _alarm(self, name: str, description: str, metric: cloudwatch.Metric, *, above: int) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("-", ""),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=above,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))


def function_log_group(function: str, stage: Stage) -> str:
    """The name that the Lambda console looks for."""
    return f"/aws/lambda/{settings.PRODUCT}-{stage.name}-{function}"


def network_log_group(stage: Stage) -> str:
    """Where the flow log of the network goes."""
    return f"/{settings.PRODUCT}/{stage.name}/network"
