"""submit: references from the outbox become calls to the IIS and outcomes in the ledger."""

from __future__ import annotations

from typing import Any, Protocol

from functions import logs, metrics
from functions.submit import telemetry
from shared.adapters.aws.sqs import received
from shared.bootstrap import application
from shared.usecases.delivery.submit import Later

_app = application()
_iis = _app.iis  # zeep and the WSDL load at the cold start, not in the first batch


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


@logs.guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """SQS FIFO event of references → partial batch response; what must wait keeps its place in its group."""
    records = event["Records"]
    brought = [
        received(record["body"], record["attributes"]["MessageGroupId"], record["receiptHandle"]) for record in records
    ]
    settled = _app.deliver(brought, lambda: context.get_remaining_time_in_millis() / 1000)
    results = [result for _, result in settled]
    telemetry.log(results)
    metrics.put(telemetry.measured(results))
    # What was fetched besides is settled already, and Lambda does not know of it.
    failed = [record for record, result in zip(records, results, strict=False) if isinstance(result, Later)]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}
