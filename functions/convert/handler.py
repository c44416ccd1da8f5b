"""convert: an S3 notification, through the intake queue, becomes submissions in the ledger."""

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
    def get_remaining_time_in_millis(self) -> int: ...


@logs.guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """SQS event of S3 notifications (AWS: S3 event message structure) → partial batch response."""
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
                    # What the message names besides is converted by then, or comes to its turn.
                    _app.intake.send_again(message["body"])
                    break
        except Exception as error:  # noqa: BLE001 - one export's trouble must not fail the others of its batch
            logs.failure("an export could not be converted; the queue brings it again", error)
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def arrivals(body: dict[str, Any]) -> list[tuple[str, str]]:
    """(key, version id) of an S3 notification; keys are URL-encoded there. A test notification of S3 names none."""
    objects = [record["s3"]["object"] for record in body.get("Records", [])]
    return [(unquote_plus(item["key"]), item.get("versionId", "")) for item in objects]
