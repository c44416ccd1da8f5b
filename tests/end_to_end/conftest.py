"""A local run that a module's tests share, and what a test needs that has a run of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.engine import Engine
from local.runs import LocalRun
from tests.end_to_end.rows import CLINICS
from tests.local_run import OpenRun, kept_in, open_run


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    """The configuration of the local run; a module may have another."""
    return CLINICS


@pytest.fixture(scope="module")
def shared_run(clinics_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    """A run for all tests of the module, each of which has patients of its own."""
    with open_run(clinics_toml, tmp_path_factory.mktemp("run")) as opened:
        yield opened


@pytest.fixture
def places(tmp_path: Path) -> Iterator[None]:
    """Where a run of the test's own is kept: apart from the machine's own."""
    with kept_in(tmp_path):
        yield


@pytest.fixture
def engine(run: LocalRun) -> Iterator[Engine]:
    """The functions, at work for the test's own `run`."""
    with Engine(run.cloud) as running:
        yield running
        assert running.errors == []
