"""resubmit: held, refused and unknown submissions go back to the outbox or into the worklist."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS event of references → partial batch response."""
    failures = []
    outcomes: Counter[str] = Counter()
    for message in event["Records"]:
        msh_10 = json.loads(message["body"])["msh_10"]
        try:
            triaged = _app.resubmit(msh_10)
            outcomes[triaged.outcome] += 1
        except Exception as error:  # noqa: BLE001 - one message's trouble must not fail the others of its batch
            logs.failure("a submission could not be triaged; the queue brings it again", error, msh_10=msh_10)
            failures.append({"itemIdentifier": message["messageId"]})
    logs.line("batch", count=len(event["Records"]), outcome=dict(outcomes))
    return {"batchItemFailures": failures}
