"""cdk-nag: check every synthesis, and acknowledge findings with the reason why they stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
import cdk_nag
from constructs import IConstruct

_PACKS: Final = {"AwsSolutions": "AwsSolutions", "HIPAA.Security": "HIPAA.Security"}


def add_checks(app: cdk.App) -> None:
    """Check every synthesis with AwsSolutions and HIPAA.Security; a finding that is not acknowledged fails it."""
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app, verbose=True), cdk_nag.HIPAASecurityChecks(app, verbose=True)
    )


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings of a construct.

    Args:
        construct: the construct that has the findings.
        reasons: rule, such as `AwsSolutions-IAM5[Resource::*]` or `HIPAA.Security-LambdaDLQ` → reason.
    """
    cdk.Validations.of(construct).acknowledge(
        *(
            cdk.Acknowledgment(id=f"{_PACKS[rule.split('-')[0]]}::{rule}", reason=reason)
            for rule, reason in reasons.items()
        )
    )
