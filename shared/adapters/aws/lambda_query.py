"""Queries through the stage's function `query`, which has the credentials and the network path to the IIS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.hl7.qbp import Request
from shared.usecases.registry.connection import TEST_CONNECTION, Tested
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
        return msgspec.json.decode(self._invoke(event), type=Asked)

    def test_connection(self, clinic: str = "") -> Tested:
        """Test the connection to the IIS from the function, whose way out is that of delivery.

        Args:
            clinic: Key of the clinic whose client certificate is shown; empty for none.

        Raises:
            LookupError: There is no such clinic, or the function is of a version that cannot test.
            RuntimeError: The function failed; its log has the type of the exception.
        """
        answer = msgspec.json.decode(self._invoke({"operation": TEST_CONNECTION, "clinic": clinic}))
        if "refused" in answer:
            raise LookupError(answer["refused"])
        if "spoken_from" not in answer:
            raise LookupError(f"the function {self._function} is of an earlier version: deploy the stage first")
        return msgspec.convert(answer, Tested)

    def _invoke(self, event: dict[str, Any]) -> bytes:
        answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
        payload: bytes = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise RuntimeError(f"the function {self._function} failed: {answer['FunctionError']}")
        return payload
