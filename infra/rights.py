"""Customer-managed keys, and the rights of the functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledged import acknowledge

DECRYPT: Final = ("kms:Decrypt",)
WRITE: Final = ("kms:GenerateDataKey",)
# Key rights of a sender to an encrypted queue (SQS developer guide, "Configuring AWS KMS permissions").
SEND: Final = ("kms:Decrypt", "kms:GenerateDataKey")
# Key rights of a user of a table (DynamoDB developer guide, "Authorizing use of your customer managed key"),
# without CreateGrant: the grant is made when the table is.
TABLE_READ: Final = ("kms:Decrypt", "kms:DescribeKey")
TABLE_WRITE: Final = (*TABLE_READ, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


class OwnKey(kms.Key):
    """A customer-managed key with yearly rotation; it outlives the stack, because what it encrypted may."""

    def __init__(self, scope: Construct, construct_id: str, *, alias: str, purpose: str) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description=purpose,
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def allow_service(
        self, service: str, actions: Sequence[str], conditions: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Lets an AWS service use the key; the key policy names it, because services have no role here.

        Without conditions where AWS documents none: S3 and CloudWatch are only written to work without (S3 user guide,
        "AWS KMS key policy" under event notifications; CloudWatch user guide, encrypted SNS topics). Which bucket and
        which alarm may send is then said by the policy of the queue and of the topic.
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=list(actions),
                resources=["*"],
                conditions=conditions,
            )
        )


class Rights(iam.ManagedPolicy):
    """The rights of a function or a person: exact actions on exact resources, and a reason for each wildcard.

    A managed policy rather than the role's inline one: it exists before the role does, so nothing that uses the role
    can start before the rights are there.
    """

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        when: Mapping[str, Mapping[str, object]] | None = None,
        because: str = "",
    ) -> None:
        """Adds a statement; `because` says why its resources need their wildcards."""
        self.add_statements(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=when))
        if because:
            acknowledge(
                self, {f"AwsSolutions-IAM5[Resource::{self._as_cdk_nag_says(arn)}]": because for arn in resources}
            )

    def use_key(self, key: kms.IKey, actions: Sequence[str], *, through: str) -> None:
        """Use of a key, only by way of the service that holds what the key encrypts (kms:ViaService)."""
        service = f"{through}.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        self.allow(actions, [key.key_arn], when={"StringEquals": {"kms:ViaService": service}})

    def _as_cdk_nag_says(self, arn: str) -> str:
        """References of the template in angle brackets: `arn:<AWS::Partition>:s3:::…`."""
        resolved = cdk.Stack.of(self).resolve(arn)
        parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) and "Fn::Join" in resolved else [resolved]
        return "".join(part if isinstance(part, str) else f"<{_named(part)}>" for part in parts)


def _named(reference: Mapping[str, Any]) -> str:
    ((kind, of),) = reference.items()
    return str(of) if kind == "Ref" else ".".join(of)
