"""convert: an S3 notification, through the intake queue, becomes submissions in the ledger."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from functions import logs
from shared.bootstrap import application
from shared.domain.submission import FileSummary

_app = application()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS event of S3 notifications (AWS: S3 event message structure) → partial batch response."""
    failures = []
    for message in event["Records"]:
        try:
            for key in object_keys(message["body"]):
                _report(_app.convert(key))
        except Exception as error:  # noqa: BLE001 - one export's trouble must not fail the others of its batch
            logs.failure("an export could not be converted; the queue brings it again", error)
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def object_keys(body: str) -> list[str]:
    """The keys of an S3 notification; they are URL-encoded there. A test notification of S3 names none."""
    return [unquote_plus(record["s3"]["object"]["key"]) for record in json.loads(body).get("Records", [])]


def _report(converted: object) -> None:
    if isinstance(converted, FileSummary):
        logs.line(
            "converted",
            file_id=converted.file_id,
            source=converted.source,
            rows=converted.rows,
            unchanged=converted.unchanged,
            held=converted.held,
        )
    else:
        logs.line("nothing to convert yet", outcome=type(converted).__name__)
