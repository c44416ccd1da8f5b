"""For CT WiZ's two clean weeks a source can be strict: what would be sent with a warning waits in the worklist."""

from __future__ import annotations

import pytest

from shared.domain.lifecycle import State
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import OpenRun


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return f'{CLINICS}\n[sources.strict]\nformat = "csv"\nclinic = "elm"\nid_prefix = "S-"\nstrict = true\n'


@pytest.mark.parametrize(("source", "state"), [("elm", State.ACCEPTED), ("strict", State.HELD)])
def test_a_warning_holds_a_submission_where_its_source_is_strict(
    shared_run: OpenRun, source: str, state: State
) -> None:
    file = shared_run.drop(f"{source}/a.csv", a_csv(row(f"SYN-{source}", route="")))
    assert [place[1] for place in file.places] == [state]
    causes = [entry.causes for entry in shared_run.ledger.worklist.entries() if entry.file_id == file.file_id]
    assert causes == ([("ROUTE-MISSING",)] if source == "strict" else [])
