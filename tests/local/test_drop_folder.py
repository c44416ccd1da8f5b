"""The drop folder of a local run: which files it takes, when, and what it says of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.drop_folder import DropFolder, Sighting
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import OpenRun, open_run

ROWS = a_csv(row("SYN-1"), row("SYN-2"), row("SYN-3", lot=""))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    with open_run(CLINICS, tmp_path_factory.mktemp("run")) as opened:
        yield opened


def until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_file_that_grows_is_not_taken_before_it_is_whole(run: OpenRun, tmp_path: Path) -> None:
    now = [0.0]
    drop = DropFolder(run.session, tmp_path, lambda _: None, settle_seconds=2.0, clock=lambda: now[0])
    path = tmp_path / "elm" / "slow.csv"
    path.parent.mkdir()
    seen: dict[Path, Sighting] = {}
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(ROWS), 100):
            file.write(ROWS[start : start + 100])
            seen = drop.check(seen)
            now[0] += 1.5
            seen = drop.check(seen)
            assert path.exists()
    now[0] += 0.5
    assert drop.check(seen) == {}
    run.settle()
    assert run.file("elm/slow.csv").rows == 3
    assert drop.check({}) == {}, "it is not taken twice"
    assert len([file for file in run.ledger.files.all() if file.name == "inbox/elm/slow.csv"]) == 1


def test_a_file_of_no_source_is_told_and_left_where_it_is(run: OpenRun, tmp_path: Path) -> None:
    told: list[str] = []
    with DropFolder(run.session, tmp_path, told.append, settle_seconds=0.1) as drop:
        (drop.folder / "a.csv").write_bytes(ROWS)
        (drop.folder / "nobody").mkdir()
        (drop.folder / "nobody" / "b.csv").write_bytes(ROWS)
        # A link to nowhere stops nobody else.
        (drop.folder / "elm" / "gone.csv").symlink_to("/nowhere/at/all.csv")
        (drop.folder / "elm" / "c.csv").write_bytes(ROWS)
        until(lambda: any(line.startswith("elm/c.csv: 3 rows") for line in told))
        until(lambda: sum("left where it is" in line for line in told) == 2)
    assert any("a.csv: left where it is" in line and "elm, harbor" in line for line in told)
    assert any("nobody/b.csv: left where it is" in line for line in told)
    assert (drop.folder / "taken" / "elm" / "c.csv").read_bytes() == ROWS
    assert not (drop.folder / "elm" / "c.csv").exists()
    assert (drop.folder / "a.csv").exists()
    assert (drop.folder / "nobody" / "b.csv").exists()
