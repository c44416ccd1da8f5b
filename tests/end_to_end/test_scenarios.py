"""A bad day at the IIS, with the mix that was measured: every row in its place, nothing sent a third time."""

from __future__ import annotations

from collections import Counter

import pytest

from local import runs
from local.aws.engine import Engine
from local.ctwiz.scenarios import run_scenario
from shared.domain.lifecycle import State
from shared.domain.outcome import may_have_arrived
from tests import places
from tests.end_to_end.rows import a_csv, row

CLINICS = places.CLINICS.read_text("utf-8")


@pytest.mark.parametrize("name", ["repeated-failures", "regional-outage"])
def test_a_bad_day_ends_with_every_row_accepted_or_with_a_person(places: None, name: str) -> None:
    rows = [row(f"SYN-{number}", f"D{number}") for number in range(60)]
    with (
        runs.start(CLINICS, "clinics.toml", scenario=run_scenario(name, seed=3, pace=0.0)) as run,
        Engine(run.cloud) as engine,
    ):
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=120)
        (file,) = run.application.ledger.files.all()
        assert file.adds_up
        assert file.submitted.keys() <= {State.ACCEPTED, State.UNKNOWN}
        assert file.submitted[State.ACCEPTED] >= 50
        received = Counter(one.msh_10 for one in run.simulator.received)
        for msh_10, count in received.items():
            kept = run.application.ledger.submissions.get(msh_10)
            assert kept is not None
            lost = sum(attempt.state is State.UNKNOWN and may_have_arrived(attempt) for attempt in kept.attempts)
            assert lost <= 2
            assert count == len(kept.attempts), "every coming is an attempt that was kept"
