"""Acknowledges cdk-nag findings on the construct that has them, with the reason why each one stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
import cdk_nag
from constructs import IConstruct

_PACKS: Final = {"AwsSolutions": "AwsSolutions", "HIPAA.Security": "HIPAA.Security"}


def add_checks(app: cdk.App) -> None:
    """Has every synthesis judged by AwsSolutions and HIPAA.Security; an unexplained finding fails it."""
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app, verbose=True), cdk_nag.HIPAASecurityChecks(app, verbose=True)
    )


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """`reasons` maps a rule, such as `AwsSolutions-IAM5[Resource::*]` or `HIPAA.Security-LambdaDLQ`, to the reason."""
    cdk.Validations.of(construct).acknowledge(
        *(
            cdk.Acknowledgment(id=f"{_PACKS[rule.split('-')[0]]}::{rule}", reason=reason)
            for rule, reason in reasons.items()
        )
    )
