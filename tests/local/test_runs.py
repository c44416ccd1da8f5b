"""What a local run did is kept, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import runs
from local.aws import snapshot
from local.aws.engine import Engine
from shared.domain.lifecycle import Event, State
from shared.usecases.correction.correct import Resubmitted
from tests.conftest import a_submission
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import kept_in


@pytest.fixture(autouse=True)
def places(tmp_path: Path) -> Iterator[None]:
    with kept_in(tmp_path):
        yield


@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_what_was_done_before_an_error_or_ctrl_c_is_there_at_the_next_look(ending: type[BaseException]) -> None:
    with runs.start(CLINICS, "clinics.toml") as run:
        run.application.ledger.submissions.add(a_submission("M1", state=State.HELD))
    with pytest.raises(ending), runs.open_last() as application:  # noqa: PT012 - the error ends the look
        assert application.ledger.states.move("M1", Event.CLOSE, reason="by hand")
        raise ending
    with runs.open_last() as application:
        found = application.ledger.submissions.get("M1")
        assert found is not None
        assert found.state is State.CLOSED


def test_a_run_that_is_opened_again_goes_on() -> None:
    with runs.start(CLINICS, "clinics.toml") as first, Engine(first.cloud) as engine:
        body = a_csv(row("SYN-1", lot=""))
        first.cloud.s3.put_object(Bucket=first.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=body)
        assert engine.wait_until_idle(timeout=60)
        (held,) = (entry.msh_10 for entry in first.application.ledger.worklist.entries())
    with runs.open_last() as application:
        result = application.correct(held, {"lot": "AB123"})
        assert isinstance(result, Resubmitted)
    with runs.open_last() as application:
        found = application.ledger.submissions.get(result.msh_10)
        assert found is not None
        assert found.state is State.ACCEPTED
        assert not application.ledger.states.move(held, Event.CLOSE)


def test_a_snapshot_that_cannot_be_finished_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with runs.start(CLINICS, "clinics.toml") as run:
        run.application.ledger.submissions.add(a_submission("M1", state=State.HELD))
    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk"):  # noqa: SIM117 - one thing at a time
        with runs.start(CLINICS, "clinics.toml", continued=True):
            broken.setattr(snapshot, "_member", _no_room)
    with runs.open_last() as application:
        assert application.ledger.submissions.get("M1") is not None


def _no_room(*_: object, **__: object) -> str:
    raise OSError("the disk is full")
