"""One clinic's backfill waits for its turn; another clinic's daily messages are answered meanwhile."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from local.session import Session
from shared.domain.lifecycle import State
from shared.usecases.backfill import Admitted
from tests.end_to_end.rows import a_csv, row

LARGE = 240


def test_a_days_messages_are_answered_while_another_clinics_backfill_waits(
    open_run: Callable[[str, bytes], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run("elm/first.csv", a_csv(row("SYN-0")))
    convert: Any = importlib.import_module("functions.convert.handler")
    monkeypatch.setattr(convert._app.convert, "backfill_from", 100)
    backfill: Any = importlib.import_module("functions.backfill.handler")
    turns = backfill._app.backfill
    # Nobody has a turn until the test says so.
    monkeypatch.setitem(backfill._app.__dict__, "backfill", lambda: Admitted(0, left=False))
    large = a_csv(*(row(f"SYN-{number}") for number in range(1, LARGE + 1)))
    open_run("elm/year.csv", large)
    open_run("yours-csv/day.csv", a_csv(row("DAY-1"), row("DAY-2")))

    files = {one.name: one for one in run.application.ledger.files()}
    daily, waits = files["inbox/yours-csv/day.csv"], files["inbox/elm/year.csv"]
    assert daily.submitted == {State.ACCEPTED: 2}
    assert waits.adds_up
    assert waits.submitted == {State.ACCEPTED: 100, State.QUEUED: LARGE - 100}

    monkeypatch.setitem(backfill._app.__dict__, "backfill", turns)
    open_run("elm/first.csv", a_csv(row("SYN-0")))
    [done] = [one for one in run.application.ledger.files() if one.name == "inbox/elm/year.csv"]
    assert done.submitted == {State.ACCEPTED: LARGE}
