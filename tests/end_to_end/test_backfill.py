"""One clinic's backfill waits for its turn; other clinics' daily messages are answered meanwhile, of its source too."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from shared.domain.lifecycle import State
from shared.usecases.delivery.backfill import Admitted
from tests.end_to_end.rows import CLINICS, HEADER, a_csv, row
from tests.local_run import OpenRun

SHARE, LARGE, PART = 6, 24, 4
_BOTH = '\n[sources.both]\nformat = "csv"\nid_prefix = "B-"\n'


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return CLINICS.replace("[iis]\n", f"[iis]\nbackfill_from = {SHARE}\n", 1) + _BOTH


def of_both(patients: dict[str, range]) -> bytes:
    """An export of the source that serves several clinics, by the names that it has for them."""
    rows = [f"{row(f'SYN-{clinic}-{one}')},{clinic}" for clinic, numbers in patients.items() for one in numbers]
    return "\n".join((f"{HEADER},clinic", *rows)).encode()


def test_a_days_messages_are_answered_while_another_clinics_backfill_waits(
    shared_run: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_run.drop("elm/first.csv", a_csv(row("SYN-0")))
    backfill: Any = importlib.import_module("functions.backfill.handler")
    turns = backfill._app.backfill
    # Nobody has a turn until the test says so.
    monkeypatch.setitem(backfill._app.__dict__, "backfill", lambda: Admitted(0, left=False))

    # In one file and in many, more than a day's share is more than a day's share.
    shared_run.drop("both/years.csv", of_both({"ELM01": range(LARGE)}))
    assert shared_run.file("both/years.csv").submitted == {State.QUEUED: LARGE}
    for part in range(0, LARGE, PART):
        shared_run.drop(f"elm/part{part}.csv", a_csv(*(row(f"SYN-{number}") for number in range(part, part + PART))))
    waits = [shared_run.file(f"elm/part{part}.csv").submitted for part in range(0, LARGE, PART)]
    # SYN-0 is known already.
    assert waits == [{State.ACCEPTED: PART - 1}, *[{State.QUEUED: PART}] * 5]

    shared_run.drop("yours-csv/day.csv", a_csv(row("DAY-1"), row("DAY-2")))
    assert shared_run.file("yours-csv/day.csv").submitted == {State.ACCEPTED: 2}
    shared_run.drop("both/day.csv", of_both({"ELM01": range(LARGE, LARGE + 1), "Harbor Main": range(1)}))
    assert shared_run.file("both/day.csv").submitted == {State.ACCEPTED: 1, State.QUEUED: 1}

    monkeypatch.setitem(backfill._app.__dict__, "backfill", turns)
    shared_run.drop("elm/last.csv", a_csv(row("SYN-0")))
    assert {state for one in shared_run.application.ledger.files.all() for state in one.submitted} == {State.ACCEPTED}
