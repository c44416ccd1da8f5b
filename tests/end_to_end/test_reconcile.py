"""Two submissions whose answers never came: one the IIS stored, one it did not. A query tells them apart."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from console.main import app
from local import session
from local.aws.engine import Engine
from local.ctwiz.faults import Planned
from shared.domain.lifecycle import State
from shared.domain.outcome import outcome_of
from shared.replaced import replace
from tests.end_to_end.rows import CLINICS, a_csv, row


def called(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def _states() -> Counter[str]:
    """What reports count by state, held against the ledger's own."""
    with session.opened() as application:
        today = datetime.now(UTC).date()
        counted = list(application.ledger.outcomes.of_day(today - timedelta(days=1))) + list(
            application.ledger.outcomes.of_day(today)
        )
        assert {one.msh_10: one.state for one in counted} == {
            one.msh_10: one.state for one in application.ledger.submissions.many(one.msh_10 for one in counted)
        }
        assert all(not one.causes for one in counted if one.state is State.ACCEPTED)
    return Counter(one.state.value for one in counted)


@pytest.mark.usefixtures("places")
def test_what_the_iis_proves_is_accepted_and_what_it_does_not_have_stays_unknown() -> None:
    rows = (row("SYN-1"), row("SYN-2", first_name="Grace"), row("SYN-3", first_name="Mary"))
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.simulator.play(Planned("eof", patient="SYN-1", times=2), Planned("reset", patient="SYN-2", times=2))
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=60)
    of = {mrn: called("search", "--mrn", mrn)["hits"][0] for mrn in ("SYN-1", "SYN-2", "SYN-3")}
    assert [hit["state"] for hit in of.values()] == ["UNKNOWN", "UNKNOWN", "ACCEPTED"]

    tried = called("reconcile", "--unknown", "--dry-run", code=1)
    assert sorted(one["proven"] for one in tried) == [[], [of["SYN-1"]["msh_10"]]]
    assert called("show", of["SYN-1"]["msh_10"])["state"] == "UNKNOWN"

    assert _states() == {"ACCEPTED": 1, "UNKNOWN": 2}, "a dry run counts nothing anew"
    called("reconcile", "--unknown", code=1)
    assert _states() == {"ACCEPTED": 2, "UNKNOWN": 1}, "reports count what is proven as accepted"
    proven = called("show", of["SYN-1"]["msh_10"])
    assert (proven["state"], "query" in proven["closed_reason"]) == ("ACCEPTED", True)
    assert [entry["msh_10"] for entry in called("failures")] == [of["SYN-2"]["msh_10"]]
    (missing,) = called("reconcile", "--unknown", code=1)
    assert (missing["asked"]["response"]["match"], missing["proven"]) == ("NOT_FOUND", [])

    with session.opened() as application:
        stored = next(application.ledger.submissions.many([of["SYN-1"]["msh_10"]]))
        noted = outcome_of(replace(stored, state=State.UNKNOWN), ("NO-ANSWER",))
        assert noted is not None
        application.ledger.outcomes.note(noted, application.clock.now())
    called("reconcile", "--mrn", "SYN-1")
    assert _states() == {"ACCEPTED": 2, "UNKNOWN": 1}, "who was cut off before counting is made up for"

    (same,) = called("reconcile", "--mrn", "SYN-3")
    assert [(line["kind"], line["ours"]["cvx"]) for line in same["lines"]] == [("same", "115")]
    assert len(called("reconcile", "--sample", "1")) == 1
