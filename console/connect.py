"""From the name of a stage to the application of that stage, with the operator's own AWS identity.

The local stage is what `make demo` left behind; moto is imported only where that stage is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, TokenRetrievalError

from shared import settings
from shared.bootstrap import Application
from shared.settings import LOCAL_STAGE, Runtime


@contextmanager
def to_stage(stage: str) -> Iterator[Application]:
    """The application of a stage; for the local one, what is changed is delivered and kept when the context ends.

    Raises:
        LookupError: there is no such stage, or nothing is deployed under it.
    """
    if stage == LOCAL_STAGE:
        from local.session import opened  # noqa: PLC0415 - moto loads only for the local stage

        with opened() as application:
            yield application
    elif stage in settings.STAGES:
        yield Application(_runtime(stage))
    else:
        raise LookupError(f"there is no stage {stage!r}; it is one of {', '.join((LOCAL_STAGE, *settings.STAGES))}")


@contextmanager
def staying_at(stage: str) -> Iterator[Application]:
    """As `to_stage`, for who stays: at the local stage everything goes on running meanwhile.

    Raises:
        LookupError: as `to_stage`.
    """
    if stage == LOCAL_STAGE:
        from local.session import kept  # noqa: PLC0415 - as above

        with kept() as session:
            yield session.application
    else:
        with to_stage(stage) as application:
            yield application


def explained(error: LookupError | BotoCoreError | ClientError) -> str:
    """What ended a command: a missing stage or configuration, or an AWS that refuses."""
    return str(error) if isinstance(error, LookupError) else refusal(error)


def refusal(error: BotoCoreError | ClientError) -> str:
    """What AWS would not do, and what to do about it; never AWS's own text, which may quote what was asked."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "an error"))
        if "Expired" in code:
            return f"AWS: {code}. Sign in again (`aws sso login`)."
        return f"AWS refused {error.operation_name}: {code}. Check whose credentials these are, and their rights."
    if isinstance(error, (NoCredentialsError, TokenRetrievalError)):
        return "AWS knows nobody here: sign in (`aws sso login`), or name a profile in AWS_PROFILE."
    return f"AWS could not be asked: {type(error).__name__}. Check network, region and credentials."


def _runtime(stage: str) -> Runtime:
    session = boto3.Session()
    region = session.region_name or "us-east-1"
    outputs = _outputs(session.client("cloudformation", region_name=region), stage)
    return Runtime(
        stage=stage,
        table=outputs["Table"],
        bucket=outputs["Bucket"],
        outbox_url=outputs["OutboxUrl"],
        resubmission_url=outputs["ResubmissionUrl"],
        region=region,
        intake_url=outputs["IntakeUrl"],
    )


def _outputs(client: Any, stage: str) -> dict[str, str]:
    name = settings.stack_name(stage)
    try:
        stacks = client.describe_stacks(StackName=name)["Stacks"]
    except client.exceptions.ClientError as error:
        raise LookupError(f"no stack {name} in this account and region: {error}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
