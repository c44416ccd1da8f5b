"""The bucket for exports, configuration, query files and reports, and the bucket for its access logs."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge
from infra.permissions import DECRYPT, WRITE, CustomerManagedKey, Permissions
from infra.queues import DeliveryQueue
from infra.removal import removal_policy
from infra.stages import Stage
from shared import settings

_ABORT_UPLOADS = cdk.Duration.days(7)


class Storage(Construct):
    """One versioned, encrypted bucket. Objects under `inbox/` cause events for the intake queue.

    The bucket's name is fixed (`vaxline-<stage>-<account>-<region>`), because the queue's policy names the bucket and
    the bucket depends on that policy, so neither can refer to the other's resource.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, intake: DeliveryQueue) -> None:
        super().__init__(scope, construct_id)
        self.name = f"{settings.PRODUCT}-{stage.name}-{cdk.Aws.ACCOUNT_ID}-{cdk.Aws.REGION}"
        self.arn = f"arn:{cdk.Aws.PARTITION}:s3:::{self.name}"
        self.key = CustomerManagedKey(
            self, "Key", alias=f"alias/{settings.PRODUCT}-{stage.name}-exports", purpose="vaxline: exports"
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=self.name,
            versioned=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self._access_logs(stage),
            removal_policy=removal_policy(stage),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget-what-was-overwritten",
                    noncurrent_version_expiration=cdk.Duration.days(stage.noncurrent_days),
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=_ABORT_UPLOADS,
                ),
                s3.LifecycleRule(
                    id="forget-queries",
                    prefix=settings.QUERY_FILES_PREFIX,
                    expiration=cdk.Duration.days(settings.QUERY_FILES_KEPT_DAYS),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                ),
            ],
        )
        self._announce(intake)
        acknowledge(
            self.bucket,
            {
                "HIPAA.Security-S3BucketReplicationEnabled": "The EHR keeps the exports' originals and can write them "
                "again, and what was reported is in the ledger, which has point-in-time recovery."
            },
        )

    def _access_logs(self, stage: Stage) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy(stage),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget-old-logs",
                    expiration=cdk.Duration.days(stage.log_days),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=_ABORT_UPLOADS,
                )
            ],
        )
        itself = "This is the bucket that access logs go to; logging it to itself would never end."
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": itself,
                "HIPAA.Security-S3BucketLoggingEnabled": itself,
                "HIPAA.Security-S3BucketReplicationEnabled": "Access logs hold no exports and expire.",
                "HIPAA.Security-S3DefaultEncryptionKMS": "S3 delivers access logs only to buckets that are encrypted "
                "with S3's own keys (S3 user guide, Enabling server access logging).",
            },
        )
        return bucket

    def _announce(self, intake: DeliveryQueue) -> None:
        """Send events to the intake queue, in plain CloudFormation, since the CDK's helper would deploy a function."""
        intake.allow_service(
            "s3.amazonaws.com",
            {
                "ArnEquals": {"aws:SourceArn": self.arn},
                "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
            },
        )
        resource = cast(s3.CfnBucket, self.bucket.node.default_child)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=intake.queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=settings.INBOX_PREFIX)]
                        )
                    ),
                )
            ]
        )
        # S3 sends a test event when the bucket is created, so the queue's policy must exist by then.
        resource.node.add_dependency(intake.queue.node.find_child("Policy"))

    def grant_read(self, permissions: Permissions, *prefixes: str) -> None:
        """Allow reading and listing objects under these prefixes.

        The condition is `IfExists`, because a HEAD or GET of a missing key names no prefix, and without the permission
        to list, S3 would answer 403 instead of 404.
        """
        permissions.allow(
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{self.arn}/{prefix}*" for prefix in prefixes],
            because="Exports and versions of the configuration come and go; their prefix is what stays.",
        )
        under = {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}
        permissions.allow(["s3:ListBucket"], [self.arn], when={"StringLikeIfExists": under})
        permissions.use_key(self.key, DECRYPT, through="s3")

    def grant_list(self, permissions: Permissions, prefix: str) -> None:
        """Allow listing the object versions under a prefix, without their content."""
        permissions.allow(["s3:ListBucketVersions"], [self.arn], when={"StringLike": {"s3:prefix": [f"{prefix}*"]}})

    def grant_write(self, permissions: Permissions, prefix: str) -> None:
        """Allow writing objects under a prefix."""
        permissions.allow(
            ["s3:PutObject"],
            [f"{self.arn}/{prefix}*"],
            because="Keys name versions of the configuration, or days of reports.",
        )
        permissions.use_key(self.key, WRITE, through="s3")
