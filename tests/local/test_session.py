"""What a local run did is kept, however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import session
from local.aws import snapshot
from shared.domain.lifecycle import Event, State
from tests.conftest import a_submission
from tests.end_to_end.rows import CLINICS


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")


@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_what_was_done_before_an_error_or_ctrl_c_is_there_at_the_next_look(ending: type[BaseException]) -> None:
    with session.running(CLINICS, "clinics.toml") as run:
        run.application.ledger.add(a_submission("M1", state=State.HELD))
    with pytest.raises(ending), session.opened() as application:  # noqa: PT012 - the error ends the look
        assert application.ledger.move("M1", Event.CLOSE, reason="by hand")
        raise ending
    with session.opened() as application:
        found = application.ledger.get("M1")
        assert found is not None
        assert found.state is State.CLOSED


def test_a_snapshot_that_cannot_be_finished_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with session.running(CLINICS, "clinics.toml") as run:
        run.application.ledger.add(a_submission("M1", state=State.HELD))
    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk"):  # noqa: SIM117 - one thing at a time
        with session.running(CLINICS, "clinics.toml", continued=True):
            broken.setattr(snapshot, "_file", _no_room)
    with session.opened() as application:
        assert application.ledger.get("M1") is not None


def _no_room(*_: object, **__: object) -> str:
    raise OSError("the disk is full")
