"""For CT WiZ's two clean weeks a source can be strict: what would be sent with a warning waits in the worklist."""

from __future__ import annotations

import pytest

from local import session
from local.aws.engine import Engine
from shared.domain.lifecycle import State
from tests.end_to_end.rows import CLINICS, a_csv, row

ROWS = a_csv(row("SYN-1", route=""))


@pytest.mark.parametrize(("strict", "state"), [(False, State.ACCEPTED), (True, State.HELD)])
def test_a_warning_holds_a_submission_where_its_source_is_strict(places: None, strict: bool, state: State) -> None:
    clinics = CLINICS.replace("[sources.elm]\n", "[sources.elm]\nstrict = true\n") if strict else CLINICS
    with session.running(clinics, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=ROWS)
        assert engine.wait_until_idle(timeout=60)
        (summary,) = run.application.ledger.files.all()
        worklist = list(run.application.ledger.worklist.entries())
    assert summary.adds_up
    assert [place[1] for place in summary.places] == [state]
    assert [entry.causes for entry in worklist] == ([("ROUTE-MISSING",)] if strict else [])
