"""Requests of many entries, written in one step.

botocore walks through every value of a request by its service model before it writes the JSON, which is a third of what
a batch costs. The JSON of these operations is the parameters as they are (AWS JSON 1.0: binary values in base64), so
msgspec writes it, and botocore signs, sends and tries again as ever. It is given what its choice of an endpoint looks
at, with nothing in it.

botocore: "Extensibility guide", events `provide-client-params` and `before-call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from boto3 import Session

_WRITTEN: Final = "written"
_Request = dict[str, Any]

_OPERATIONS: Final[Mapping[str, Callable[[_Request], _Request]]] = {
    "dynamodb.BatchExecuteStatement": lambda _: {},
    "dynamodb.BatchGetItem": lambda request: {"RequestItems": {table: {} for table in request["RequestItems"]}},
    "dynamodb.BatchWriteItem": lambda request: {"RequestItems": dict.fromkeys(request["RequestItems"], ())},
    "sqs.SendMessageBatch": lambda request: {"QueueUrl": request["QueueUrl"]},
}
"""The operations, and what is left of each one's request for botocore to walk through."""


def write_at_once(session: Session) -> None:
    """Has the batches of the clients that this session makes from now on written by msgspec."""
    events: Any = session.events
    for operation, shell in _OPERATIONS.items():
        events.register(f"provide-client-params.{operation}", partial(_write, shell))
        events.register(f"before-call.{operation}", _put_in)


def _write(shell: Callable[[_Request], _Request], params: _Request, context: _Request, **_: object) -> _Request:
    """Writes a request down, and gives botocore its shell instead."""
    context[_WRITTEN] = msgspec.json.encode(params)
    return shell(params)


def _put_in(params: _Request, context: _Request, **_: object) -> None:
    params["body"] = context[_WRITTEN]
