"""triage: queues held, refused and unknown submissions again, or enters them into the worklist."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from shared.adapters.aws.sqs import msh_10_in
from shared.bootstrap import application
from shared.metrics import WORKLIST, Measured

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Triage a batch of the resubmission queue.

    Returns:
        A partial batch response (Lambda developer guide, "Reporting batch item failures").
    """
    failures = []
    measured = []
    for message in event["Records"]:
        msh_10 = ""
        try:
            msh_10 = msh_10_in(message["body"])
            triaged = _app.triage(msh_10)
            if triaged.outcome == "worklist":
                measured.append(Measured(WORKLIST, 1, triaged.clinic))
                _app.notices.request(triaged.clinic, triaged.causes)
        except Exception as error:  # noqa: BLE001 - one broken message must not fail the batch
            logs.failure("a submission could not be triaged; the queue brings it again", error, msh_10=msh_10)
            failures.append({"itemIdentifier": message["messageId"]})
    metrics.put(measured)
    return {"batchItemFailures": failures}
