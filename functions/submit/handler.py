"""submit: delivers the messages that the outbox refers to, and writes their outcomes to the ledger."""

from __future__ import annotations

from typing import Any, Protocol

from functions import deliveries, logs, metrics
from shared.adapters.aws.sqs import received
from shared.bootstrap import application
from shared.usecases.delivery.delivered import Later

_app = application()
_iis = _app.iis  # Loads zeep and the WSDL at the cold start, not in the first batch.


class LambdaContext(Protocol):
    """The part of Lambda's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int: ...


@logs.guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver a batch of the outbox, a FIFO queue. A message that must wait keeps its place in its patient's group.

    Returns:
        A partial batch response (Lambda developer guide, "Reporting batch item failures").
    """
    readable = []
    failed = []
    for record in event["Records"]:
        message = received(record["body"], record["attributes"]["MessageGroupId"], record["receiptHandle"])
        if message is None:
            logs.line("a message of the outbox is no reference; the queue brings it again")
            failed.append(record)
        else:
            readable.append((record, message))
    brought = [message for _, message in readable]
    settled = _app.deliver(brought, lambda: context.get_remaining_time_in_millis() / 1000)
    results = [result for _, result in settled]
    deliveries.log(results)
    metrics.put([*deliveries.measured(results), *deliveries.expiring(_certificate_days(deliveries.called(results)))])
    # The results after those of the event are of messages that `Deliver` fetched itself and has settled.
    failed += [record for (record, _), result in zip(readable, results, strict=False) if isinstance(result, Later)]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _certificate_days(clinics: frozenset[str]) -> int | None:
    """Return the days until the first certificate of these clinics expires; None without one, or if it is not known."""
    try:
        return _app.certificate_days(clinics)
    except Exception as error:  # noqa: BLE001 - the batch is delivered: a number for an alarm must not bring it back
        logs.line("certificates not looked at", error=type(error).__name__)
        return None
