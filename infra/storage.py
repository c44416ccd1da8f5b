"""The bucket that exports arrive in and that keeps the configuration, and the bucket that records who read it."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.queues import DeliveryQueue
from infra.rights import DECRYPT, WRITE, OwnKey, Rights
from infra.stages import Stage
from shared import settings

_ABORT_UPLOADS = cdk.Duration.days(7)


class Storage(Construct):
    """One versioned, encrypted bucket; what lands under `inbox/` is announced to the intake queue.

    The bucket's name is fixed (`vaxline-<stage>-<account>-<region>`): the intake queue's policy names the bucket, and
    the bucket waits for that policy, so neither may refer to the other's resource.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, intake: DeliveryQueue) -> None:
        super().__init__(scope, construct_id)
        self.name = f"{settings.PRODUCT}-{stage.name}-{cdk.Aws.ACCOUNT_ID}-{cdk.Aws.REGION}"
        self.arn = f"arn:{cdk.Aws.PARTITION}:s3:::{self.name}"
        self.key = OwnKey(
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
            removal_policy=_removal(stage),
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
            removal_policy=_removal(stage),
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
        """Plain CloudFormation rather than the CDK's helper, which would deploy a function of its own for this."""
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
        # S3 tries the queue when the bucket is made, so the queue must know the bucket by then.
        resource.node.add_dependency(intake.queue.node.find_child("Policy"))

    def grant_read(self, to: Rights, *prefixes: str) -> None:
        """Objects under these prefixes, and the list of them.

        `IfExists`: a HEAD or GET of one key names no prefix, and without the list permission S3 answers 403 instead of
        404 for a key that is gone.
        """
        to.allow(
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{self.arn}/{prefix}*" for prefix in prefixes],
            because="Exports and versions of the configuration come and go; their prefix is what stays.",
        )
        under = {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}
        to.allow(["s3:ListBucket"], [self.arn], when={"StringLikeIfExists": under})
        to.use_key(self.key, DECRYPT, through="s3")

    def grant_list(self, to: Rights, prefix: str) -> None:
        """The names of what is and was under this prefix; not its content."""
        to.allow(["s3:ListBucketVersions"], [self.arn], when={"StringLike": {"s3:prefix": [f"{prefix}*"]}})

    def grant_write(self, to: Rights, prefix: str) -> None:
        """New objects, and new versions of those that are there, under this prefix."""
        to.allow(
            ["s3:PutObject"],
            [f"{self.arn}/{prefix}*"],
            because="Keys name versions of the configuration, or days of reports.",
        )
        to.use_key(self.key, WRITE, through="s3")


def _removal(stage: Stage) -> cdk.RemovalPolicy:
    return cdk.RemovalPolicy.RETAIN if stage.protected else cdk.RemovalPolicy.DESTROY
