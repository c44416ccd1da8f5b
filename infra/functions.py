"""The functions, each with its own role and least-privilege permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.nag import acknowledge
from infra.network import Network
from infra.operations import Operations, function_log_group
from infra.permissions import Permissions
from infra.queues import DeliveryQueue
from infra.stages import Stage
from shared import settings
from shared.settings import FunctionSettings

# By name, because `Runtime("python3.13")` is refused by the CDK's own checks.
_RUNTIMES: Final = {runtime.name: runtime for runtime in (lambda_.Runtime.PYTHON_3_13, lambda_.Runtime.PYTHON_3_14)}
_ARCHITECTURES: Final = {
    architecture.name: architecture for architecture in (lambda_.Architecture.ARM_64, lambda_.Architecture.X86_64)
}
# Permissions that Lambda needs for a function in a VPC (Lambda developer guide, "Giving Lambda functions access to
# resources in a VPC"). These actions have no resource.
_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
_WITHOUT_DEAD_LETTERS: Final = {
    True: "The queue that feeds it has a dead-letter queue.",
    False: "It is started by a schedule, or by somebody who waits for its answer: there is no message to lose.",
}


class Function(Construct):
    """One Lambda function with its role, log group and event source. Grants are added to its `permissions`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        function: FunctionSettings,
        code: lambda_.Code,
        environment: Mapping[str, str],
        operations: Operations,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.settings = function
        self.log = operations.log_group(self, "Log", function_log_group(function.name, stage))
        self.permissions = Permissions(self, "Rights", description=f"What vaxline's {function.name} may do")
        self.permissions.allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [self.log.log_group_arn],
            because="Lambda names the log streams; the group is this function's own.",
        )
        if network is not None:
            self.permissions.allow(_INTERFACES, ["*"], because="Actions on network interfaces name no resource.")
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function.physical_name(stage.name),
            handler=function.handler,
            runtime=_RUNTIMES[settings.RUNTIME],
            architecture=_ARCHITECTURES[settings.ARCHITECTURE],
            code=code,
            timeout=cdk.Duration.seconds(function.timeout),
            memory_size=function.memory,
            ephemeral_storage_size=cdk.Size.mebibytes(function.ephemeral_storage),
            environment={**environment, "VAXLINE_FUNCTION": function.name},
            log_group=self.log,
            role=iam.Role(
                self,
                "Role",
                assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
                managed_policies=[self.permissions],
            ),
            **_asynchronous(function),
            **_inside(network),
        )
        self._acknowledge(network)

    def consume(self, source: DeliveryQueue, *, delay: bool = False) -> lambda_.EventSourceMapping:
        """Let a queue invoke the function; only failed messages of a batch return to it (ReportBatchItemFailures).

        Args:
            source: the queue.
            delay: whether the function may delay a received message.
        """
        source.grant_consume(self.permissions, delay=delay)
        return self.function.add_event_source_mapping(
            "Mapping",
            event_source_arn=source.queue.queue_arn,
            batch_size=self.settings.batch_size,
            max_batching_window=(
                cdk.Duration.seconds(self.settings.batch_window) if self.settings.batch_window else None
            ),
            max_concurrency=self.settings.max_concurrency,
            report_batch_item_failures=True,
        )

    def switch(self, mapping: lambda_.EventSourceMapping) -> None:
        """Let the function enable and disable another function's event source mapping."""
        self.permissions.allow(
            ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"], [mapping.event_source_mapping_arn]
        )
        self.function.add_environment("VAXLINE_MAPPING", mapping.event_source_mapping_id)

    def run_every(self, minutes: int, *, stage: Stage) -> None:
        """Invoke the function on a schedule. A failed invocation is not retried, since the next one comes soon."""
        events.Rule(
            self,
            "Schedule",
            rule_name=self.settings.physical_name(stage.name),
            schedule=events.Schedule.rate(cdk.Duration.minutes(minutes)),
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )

    def _acknowledge(self, network: Network | None) -> None:
        reasons = {
            "AwsSolutions-L1": "The newest Python that vaxline's tests run on; Lambda supports it until 2029.",
            "HIPAA.Security-LambdaConcurrency": "The event source mapping's maximum concurrency is the limit; a "
            "reserved concurrency would take capacity from an account whose quota the stack does not know.",
            "HIPAA.Security-LambdaDLQ": _WITHOUT_DEAD_LETTERS[self.settings.queue is not None],
        }
        if network is None:
            reasons["HIPAA.Security-LambdaInsideVPC"] = (
                "It reaches AWS's own services over TLS, and its policy says what it may do there. The switch "
                "fixed_egress puts the one function that calls the IIS inside a VPC."
            )
        acknowledge(self.function, reasons)


def _asynchronous(function: FunctionSettings) -> dict[str, Any]:
    """Return how a scheduled function is invoked: once, since its schedule starts it again soon.

    A schedule invokes asynchronously. Without these values Lambda repeats a failed invocation twice, and keeps a
    throttled one for six hours (Lambda developer guide, "Configuring error handling settings for asynchronous
    invocations").
    """
    if function.every_minutes is None:
        return {}
    return {"retry_attempts": 0, "max_event_age": cdk.Duration.seconds(60)}


def _inside(network: Network | None) -> dict[str, Any]:
    if network is None:
        return {}
    return {
        "vpc": network.vpc,
        "vpc_subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        "security_groups": [network.security_group],
    }
