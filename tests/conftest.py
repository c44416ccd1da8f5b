"""Fixtures that several parts of the tree share."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
import typer.testing

import functions.metrics
from local.aws.cloud import LocalCloud
from shared.domain.lifecycle import State
from shared.domain.model import Dose, Name, Patient, Visit
from shared.domain.submission import Submission
from tests.emf import violations
from tests.places import SHARED

# A busy machine fails no property: an example may take as long as it does.
hypothesis.settings.register_profile("vaxline", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("vaxline")

# typer's runner builds all commands anew for each call, which takes longer than most commands do.
typer.testing._get_command = functools.cache(typer.testing._get_command)

_metric_documents: Final = functions.metrics.documents
_violations: Final[list[str]] = []


def _validated(*arguments: Any) -> list[dict[str, Any]]:
    made = _metric_documents(*arguments)
    _violations.extend(broken for document in made for broken in violations(document))
    return made


functions.metrics.documents = _validated  # also where a thread writes metrics between two tests


@pytest.fixture(autouse=True)
def metrics_are_valid() -> Iterator[None]:
    """Every document of metrics that a test writes keeps CloudWatch's rules."""
    yield
    found = list(_violations)
    _violations.clear()
    assert found == []


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """moto with every resource of the local stage."""
    with LocalCloud() as running:
        yield running


@pytest.fixture(scope="session")
def shared_material() -> Path:
    """The folder of facts and samples that nobody here wrote; tests that need it skip where it is absent."""
    folder = SHARED
    if not (folder / "samples").is_dir():
        pytest.skip(f"{folder} is not there: it holds real samples that the repository does not carry")
    return folder


def a_visit(mrn: str = "SYN-1", *, lot: str = "LOT1", date: str = "20260301", rows: tuple[int, ...] = (1,)) -> Visit:
    patient = Patient(mrn=mrn, name=Name("Sampleton", "Ada"), birth_date="20200102", sex="F")
    doses = tuple(Dose(id=f"{mrn}-{row}", date=date, lot=lot, row=row) for row in rows)
    return Visit("demo", patient, date, doses=doses, rows=tuple(("a.csv", row) for row in rows))


def a_submission(msh_10: str = "MSG1", *, state: State = State.QUEUED, replaces: str = "") -> Submission:
    return Submission(
        msh_10=msh_10,
        state=state,
        source="demo",
        clinic="elm",
        chart="demo#SYN-1",
        patient_group="GROUP",
        file_id="FILE1",
        file_name="inbox/demo/a.csv",
        row_count=1,
        config_version="v1",
        created=NOON,
        visit=a_visit(),
        vxu="MSH|^~\\&|\r",
        replaces=replaces,
        waiting_since=NOON if state is State.QUEUED else None,
    )
