"""Queries through the stage's function `query`, which has the credentials and the network path to the IIS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from shared.domain.hl7.qbp import Request
from shared.usecases.registry.query import Asked, columns_of

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient


class LambdaQuery:
    """Invokes the function `query` and waits for its answer."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, request: Request, clinic: str) -> Asked:
        """Ask once, in the name of a clinic.

        Raises:
            RuntimeError: The function failed; its log has the type of the exception.
        """
        event = {
            "clinic": clinic,
            "profile": request.profile.value,
            "source": request.source,
            "patient": columns_of(request.patient),
        }
        answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
        payload = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise RuntimeError(f"the function {self._function} failed: {answer['FunctionError']}")
        return msgspec.json.decode(payload, type=Asked)
