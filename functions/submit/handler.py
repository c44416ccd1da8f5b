"""submit: references from the outbox become calls to the IIS and outcomes in the ledger."""

from __future__ import annotations

import json
from typing import Any, Protocol

from functions import metrics
from functions.submit import report
from shared.bootstrap import application
from shared.ports import OutboxMessage
from shared.usecases.submit import Later

_app = application()
_iis = _app.iis  # zeep and the WSDL load at the cold start, not in the first batch


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """SQS FIFO event of references → partial batch response; what must wait keeps its place in its group."""
    records = event["Records"]
    messages = [_message(record) for record in records]
    results = _app.submit(messages, lambda: context.get_remaining_time_in_millis() / 1000)
    report.log(results)
    metrics.put(report.measured(results))
    failures = [(record, result) for record, result in zip(records, results, strict=True) if isinstance(result, Later)]
    for record, result in failures:
        if result.wait is not None:
            _app.outbox.delay(record["receiptHandle"], result.wait)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in failures]}


def _message(record: dict[str, Any]) -> OutboxMessage:
    body = json.loads(record["body"])
    return OutboxMessage(body["msh_10"], body["clinic"], record["attributes"]["MessageGroupId"])
