"""The removal policy of every resource that keeps data, in one place."""

from __future__ import annotations

import aws_cdk as cdk

from infra.stages import Stage

KEPT = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""It outlives the stack, unless the very deployment that created it fails. CloudFormation then deletes it, so that the
next deployment finds its name free (CloudFormation template reference, DeletionPolicy: RetainExceptOnCreate)."""


def removal_policy(stage: Stage) -> cdk.RemovalPolicy:
    """Return the policy of what holds the stage's data: kept in a protected stage."""
    return KEPT if stage.protected else cdk.RemovalPolicy.DESTROY
