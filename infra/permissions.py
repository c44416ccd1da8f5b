"""Customer-managed keys, and the permissions of functions and operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.nag import acknowledge
from infra.removal import KEPT

DECRYPT: Final = ("kms:Decrypt",)
WRITE: Final = ("kms:GenerateDataKey",)
# For senders to an encrypted queue (SQS developer guide, "Configuring AWS KMS permissions").
SEND: Final = ("kms:Decrypt", "kms:GenerateDataKey")
# For users of an encrypted table (DynamoDB developer guide, "Authorizing use of your customer managed key"), without
# CreateGrant, which is needed only when the table is created.
TABLE_READ: Final = ("kms:Decrypt", "kms:DescribeKey")
TABLE_WRITE: Final = (*TABLE_READ, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


class CustomerManagedKey(kms.Key):
    """A customer-managed key with yearly rotation. It survives the stack, since encrypted data may."""

    def __init__(self, scope: Construct, construct_id: str, *, alias: str, purpose: str) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description=purpose,
            enable_key_rotation=True,
            removal_policy=KEPT,
        )

    def allow_service(
        self, service: str, actions: Sequence[str], conditions: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Let an AWS service use the key, by the key policy.

        AWS documents no conditions for S3 and CloudWatch (S3 user guide, "AWS KMS key policy" under event
        notifications; CloudWatch user guide, encrypted SNS topics). The policies of queue and topic limit which bucket
        and which alarms may send.
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=list(actions),
                resources=["*"],
                conditions=conditions,
            )
        )


class Permissions(iam.ManagedPolicy):
    """The permissions of a function or of operators: exact actions on exact resources, and a reason for each wildcard.

    It is a managed policy and not an inline one, because a managed policy exists before the role that has it, so
    nothing can use the role without its permissions.
    """

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        when: Mapping[str, Mapping[str, object]] | None = None,
        because: str = "",
    ) -> None:
        """Add a statement.

        Args:
            actions: the actions.
            resources: ARNs.
            when: conditions.
            because: why the ARNs need wildcards; empty where they have none.
        """
        self.add_statements(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=when))
        if because:
            acknowledge(self, {f"AwsSolutions-IAM5[Resource::{self._as_in_nag(arn)}]": because for arn in resources})

    def use_key(self, key: kms.IKey, actions: Sequence[str], *, through: str) -> None:
        """Allow the use of a key through one AWS service only (kms:ViaService)."""
        service = f"{through}.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        self.allow(actions, [key.key_arn], when={"StringEquals": {"kms:ViaService": service}})

    def _as_in_nag(self, arn: str) -> str:
        """Return an ARN as cdk-nag writes it, with references in angle brackets: `arn:<AWS::Partition>:s3:::…`."""
        resolved = cdk.Stack.of(self).resolve(arn)
        parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) and "Fn::Join" in resolved else [resolved]
        return "".join(part if isinstance(part, str) else f"<{_named(part)}>" for part in parts)


def _named(reference: Mapping[str, Any]) -> str:
    ((kind, of),) = reference.items()
    return str(of) if kind == "Ref" else ".".join(of)
