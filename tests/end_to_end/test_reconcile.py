"""Two submissions whose answers never came: one the IIS stored, one it did not. A query tells them apart."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from local.ctwiz.faults import PlannedFault
from shared.domain.lifecycle import State
from shared.domain.outcome import outcome_of
from shared.replaced import replace
from tests.end_to_end.rows import a_csv, row
from tests.local_run import OpenRun


def _states(run: OpenRun) -> Counter[str]:
    """What reports count by state, held against the ledger's own."""
    today = datetime.now(UTC).date()
    counted = [one for day in (today - timedelta(days=1), today) for one in run.ledger.outcomes.of_day(day)]
    assert {one.msh_10: one.state for one in counted} == {
        one.msh_10: one.state for one in run.ledger.submissions.many(one.msh_10 for one in counted)
    }
    assert all(not one.causes for one in counted if one.state is State.ACCEPTED)
    return Counter(one.state.value for one in counted)


def test_what_the_iis_proves_is_accepted_and_what_it_does_not_have_stays_unknown(shared_run: OpenRun) -> None:
    rows = (row("SYN-1"), row("SYN-2", first_name="Grace"), row("SYN-3", first_name="Mary"))
    shared_run.simulator.play(
        PlannedFault("eof", patient="SYN-1", times=2), PlannedFault("reset", patient="SYN-2", times=2)
    )
    shared_run.drop("elm/a.csv", a_csv(*rows))
    of = {mrn: shared_run.data("search", "--mrn", mrn)["hits"][0] for mrn in ("SYN-1", "SYN-2", "SYN-3")}
    assert [hit["state"] for hit in of.values()] == ["UNKNOWN", "UNKNOWN", "ACCEPTED"]

    tried = shared_run.data("reconcile", "--unknown", "--dry-run", code=1)
    assert sorted(one["proven"] for one in tried) == [[], [of["SYN-1"]["msh_10"]]]
    assert shared_run.data("show", of["SYN-1"]["msh_10"])["state"] == "UNKNOWN"

    assert _states(shared_run) == {"ACCEPTED": 1, "UNKNOWN": 2}, "a dry run counts nothing anew"
    shared_run.data("reconcile", "--unknown", code=1)
    assert _states(shared_run) == {"ACCEPTED": 2, "UNKNOWN": 1}, "reports count what is proven as accepted"
    proven = shared_run.data("show", of["SYN-1"]["msh_10"])
    assert (proven["state"], "query" in proven["closed_reason"]) == ("ACCEPTED", True)
    assert [entry["msh_10"] for entry in shared_run.data("failures")] == [of["SYN-2"]["msh_10"]]
    (missing,) = shared_run.data("reconcile", "--unknown", code=1)
    assert (missing["asked"]["response"]["match"], missing["proven"]) == ("NOT_FOUND", [])

    stored = next(shared_run.ledger.submissions.many([of["SYN-1"]["msh_10"]]))
    noted = outcome_of(replace(stored, state=State.UNKNOWN), ("NO-ANSWER",))
    assert noted is not None
    shared_run.ledger.outcomes.note(noted, shared_run.application.clock.now())
    shared_run.data("reconcile", "--mrn", "SYN-1")
    assert _states(shared_run) == {"ACCEPTED": 2, "UNKNOWN": 1}, "who was cut off before counting is made up for"

    (same,) = shared_run.data("reconcile", "--mrn", "SYN-3")
    assert [(line["kind"], line["ours"]["cvx"]) for line in same["lines"]] == [("same", "115")]
    assert len(shared_run.data("reconcile", "--sample", "1")) == 1
