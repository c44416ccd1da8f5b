"""Open the application of a stage with the operator's own AWS identity.

The local stage is what `make demo` left behind. moto is imported only for that stage.
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
def open_stage(stage: str) -> Iterator[Application]:
    """Yield the application of a stage, for one command.

    At the local stage, everything that the command queued is delivered and the snapshot is saved when the context ends.

    Raises:
        LookupError: there is no such stage, or nothing is deployed under it.
    """
    if stage == LOCAL_STAGE:
        from local.runs import open_last  # moto loads only for the local stage

        with open_last() as application:
            yield application
    elif stage in settings.STAGES:
        yield Application(_runtime(stage))
    else:
        raise LookupError(f"there is no stage {stage!r}; it is one of {', '.join((LOCAL_STAGE, *settings.STAGES))}")


@contextmanager
def open_running_stage(stage: str) -> Iterator[Application]:
    """Yield the application of a stage, for a program that stays; at the local stage the functions run meanwhile.

    Raises:
        LookupError: as `open_stage`.
    """
    if stage == LOCAL_STAGE:
        from local.runs import keep_running

        with keep_running() as run:
            yield run.application
    else:
        with open_stage(stage) as application:
            yield application


def describe_error(error: LookupError | BotoCoreError | ClientError) -> str:
    """Say what ended a command: a missing stage or configuration, or an error of AWS."""
    return str(error) if isinstance(error, LookupError) else describe_aws_error(error)


def describe_aws_error(error: BotoCoreError | ClientError) -> str:
    """Say what AWS refused and what to do, without AWS's own text, which may quote the request."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "an error"))
        if "Expired" in code:
            return f"AWS: {code}. Sign in again (`aws sso login`)."
        return f"AWS refused {error.operation_name}: {code}. Check which credentials are in use and what they may do."
    if isinstance(error, (NoCredentialsError, TokenRetrievalError)):
        return "No AWS credentials found. Sign in (`aws sso login`), or set AWS_PROFILE."
    return f"AWS could not be reached: {type(error).__name__}. Check network, region and credentials."


def _runtime(stage: str) -> Runtime:
    session = boto3.Session()
    region = session.region_name or "us-east-1"
    outputs = _stack_outputs(session.client("cloudformation", region_name=region), stage)
    return Runtime(
        stage=stage,
        table=outputs["Table"],
        bucket=outputs["Bucket"],
        outbox_url=outputs["OutboxUrl"],
        resubmission_url=outputs["ResubmissionUrl"],
        region=region,
        intake_url=outputs["IntakeUrl"],
    )


def _stack_outputs(client: Any, stage: str) -> dict[str, str]:
    name = settings.stack_name(stage)
    try:
        stacks = client.describe_stacks(StackName=name)["Stacks"]
    except client.exceptions.ClientError as error:
        raise LookupError(f"no stack {name} in this account and region: {error}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
