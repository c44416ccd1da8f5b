"""Where AWS refuses, the operator reads a sentence that says what to do, and nothing of what was asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

from console.connect import describe_aws_error


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "SYN-1 is not yours"}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (_refused("AccessDeniedException"), "AWS refused GetItem: AccessDeniedException"),
        (_refused("ExpiredTokenException"), "Sign in again"),
        (NoCredentialsError(), "Sign in"),
        (EndpointConnectionError(endpoint_url="https://SYN-1.example"), "EndpointConnectionError"),
    ],
)
def test_every_refusal_of_aws_says_what_to_do(error: BotoCoreError | ClientError, says: str) -> None:
    words = describe_aws_error(error)
    assert says in words
    assert "SYN-1" not in words


def test_a_command_without_credentials_ends_with_a_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "HOME": "/nowhere"}
    ended = subprocess.run(
        [sys.executable, "-m", "console", "worklist", "--stage", "test"],
        capture_output=True,
        text=True,
        env=environment | nowhere,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "Sign in" in ended.stderr
    assert "Traceback" not in ended.stderr
