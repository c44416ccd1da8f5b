"""The clinics' credentials. The stack does not know the clinics: operators make one secret for each under a common
name prefix (docs/deploy.md), and this construct gives them the key to encrypt it with.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.rights import DECRYPT, OwnKey, Rights
from infra.stages import Stage
from shared import settings


class ClinicSecrets(Construct):
    """The key, and the right to read what is under `vaxline/<stage>/`."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.prefix = f"{settings.PRODUCT}/{stage.name}/"
        self.arns = (
            f"arn:{cdk.Aws.PARTITION}:secretsmanager:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:secret:{self.prefix}*"
        )
        self.key = OwnKey(
            self,
            "Key",
            alias=f"alias/{settings.PRODUCT}-{stage.name}-secrets",
            purpose="vaxline: the clinics' credentials at the IIS",
        )

    def grant_read(self, to: Rights) -> None:
        to.allow(
            ["secretsmanager:GetSecretValue"],
            [self.arns],
            because="Operators make the clinics' secrets, and each ARN ends with random characters; the prefix is this "
            "stage's own.",
        )
        to.use_key(self.key, DECRYPT, through="secretsmanager")
