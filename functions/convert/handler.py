"""convert: converts the exports that S3 notifications in the intake queue name."""

from __future__ import annotations

import json
from typing import Any, Protocol
from urllib.parse import unquote_plus

from functions import logs, metrics
from functions.convert import telemetry
from shared.bootstrap import application
from shared.usecases.intake.convert import Unfinished

_app = application()


class LambdaContext(Protocol):
    """The part of Lambda's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int: ...


@logs.guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle an SQS event of S3 notifications (AWS: S3 event message structure).

    Returns:
        A partial batch response: SQS delivers the messages that failed again.
    """
    failures = []
    for message in event["Records"]:
        try:
            body = json.loads(message["body"])
            replayed = "replayed" in body
            for key, version_id in arrivals(body):
                converted = _app.convert(
                    key, version_id, lambda: context.get_remaining_time_in_millis() / 1000, replayed=replayed
                )
                telemetry.log(converted)
                metrics.put(telemetry.measured(converted))
                if isinstance(converted, Unfinished):
                    # The message is queued anew as a whole; its objects that are converted are ignored then.
                    _app.intake.send_again(message["body"])
                    break
        except Exception as error:  # noqa: BLE001 - a failure must not fail the other messages of the batch
            logs.failure("an export could not be converted; the queue brings it again", error)
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def arrivals(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the (key, version id) of the objects of an S3 notification, none for a test notification.

    Keys are URL-encoded in a notification.
    """
    objects = [record["s3"]["object"] for record in body.get("Records", [])]
    return [(unquote_plus(item["key"]), item.get("versionId", "")) for item in objects]
