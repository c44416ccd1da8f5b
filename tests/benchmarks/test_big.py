"""The run of `big` with 1 MB: processes run out of time or are killed, and its check of the result can fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.benchmarks import big

ROWS = 600


@pytest.mark.parametrize("kind", ["csv", "fhir"])
def test_a_file_whose_invocations_are_stopped_and_killed_adds_up(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--size", "1MB", "--kind", kind, "--seconds", "1", "--seed", "3", "--kills", "0.6"]
    assert big.main(command) == 0
    said = capsys.readouterr().out
    assert "killed after" in said
    assert said.endswith("the counts add up\n")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM sent WHERE rowid = 7", "never queued"),
        ("DELETE FROM submissions WHERE rowid = 7", "the charts name"),
        ("UPDATE submissions SET row_count = 4 WHERE rowid = 7", "the submissions have"),
        (
            "UPDATE submissions SET row_list = (SELECT row_list FROM submissions WHERE rowid = 8) WHERE rowid = 7",
            "rows stand",
        ),
    ],
)
def test_what_is_lost_or_doubled_is_told(harm: str, told: str, finished: Path) -> None:
    with closing(big.KeptLedger(finished)) as ledger:
        assert not list(ledger.faults(ROWS))
    with closing(sqlite3.connect(finished, isolation_level=None)) as hand:
        assert hand.execute(harm).rowcount == 1
    with closing(big.KeptLedger(finished)) as ledger:
        assert told in " ".join(ledger.faults(ROWS))


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The ledger of a small conversion that is complete."""
    base = tmp_path / "ledger.sqlite"
    assert big.invocation(base, "csv", ROWS, 60)["adds_up"]
    return base
