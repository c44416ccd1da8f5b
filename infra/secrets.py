"""The key and permissions for the clinics' credentials.

The stack does not know the clinics. Operators create one secret per clinic under a common name prefix (docs/deploy.md),
encrypted with this key.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.permissions import DECRYPT, CustomerManagedKey, Permissions
from infra.stages import Stage
from shared import settings


class ClinicSecrets(Construct):
    """The key, and the permission to read secrets under `vaxline/<stage>/`."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.prefix = f"{settings.PRODUCT}/{stage.name}/"
        self.arns = (
            f"arn:{cdk.Aws.PARTITION}:secretsmanager:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:secret:{self.prefix}*"
        )
        self.key = CustomerManagedKey(
            self,
            "Key",
            alias=f"alias/{settings.PRODUCT}-{stage.name}-secrets",
            purpose="vaxline: the clinics' credentials at the IIS",
        )

    def grant_read(self, permissions: Permissions) -> None:
        """Allow reading the secrets."""
        permissions.allow(
            ["secretsmanager:GetSecretValue"],
            [self.arns],
            because="Operators make the clinics' secrets, and each ARN ends with random characters; the prefix is this "
            "stage's own.",
        )
        permissions.use_key(self.key, DECRYPT, through="secretsmanager")
