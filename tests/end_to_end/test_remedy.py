"""One remedy for a group: what it would do is shown, then done, and the old submissions are superseded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.rows import WITH_ANY, a_csv, a_csv_of, row
from tests.local_run import OpenRun

ROWS = (
    row("SYN-1", lot=""),
    row("SYN-2", lot=""),
    # One visit of two doses, one of them without its lot.
    row("SYN-3", "D-3A"),
    row("SYN-3", "D-3B", cvx="20", lot=""),
    row("SYN-4", cvx="Boostrix-A"),
    # A second reason, which the remedy leaves.
    row("SYN-6", lot="", birth_date="2026-03-03"),
)


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return WITH_ANY


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    """What waits at elm, and at harbor two without a lot that no test corrects."""
    shared_run.drop("elm/a.csv", a_csv(*ROWS))
    shared_run.drop("any/b.csv", a_csv_of("harbor", row("SYN-7", lot=""), row("SYN-8", lot="")))
    return shared_run


def test_a_corrected_value_is_previewed_and_applied_to_the_doses_that_lack_it(run: OpenRun) -> None:
    before = run.data("worklist")
    preview = run.data("remedy", "LOT-MISSING", "--clinic", "elm", "--set", "lot=ZZ9")
    assert (preview["submissions"], preview["released"], preview["refused"]) == (4, 3, [])
    assert preview["held"] == [["DOSE-BEFORE-BIRTH", 1]]
    assert len(preview["examples"]) == 2
    assert all("|ZZ9|" in example["after"] for example in preview["examples"])
    assert run.data("worklist") == before

    results = run.data("remedy", "LOT-MISSING", "--clinic", "elm", "--set", "lot=ZZ9", "--apply")
    assert sorted(result["state"] for result in results) == ["HELD", "QUEUED", "QUEUED", "QUEUED"]
    for result in results:
        if result["state"] == "QUEUED":
            assert run.data("show", result["replaces"])["state"] == "SUPERSEDED"
            new = run.data("show", result["msh_10"])
            assert (new["state"], new["replaces"]) == ("ACCEPTED", result["replaces"])
            lots = [segment.split("|")[15] for segment in new["vxu"] if segment.startswith("RXA")]
            assert lots in (["ZZ9"], ["AB123", "ZZ9"])
    actions = [(entry["action"], entry["detail"]) for entry in run.data("audit") if entry["action"] != "show"]
    assert actions.count(("resubmit", "lot")) == 4
    assert ("remedy", "4 submissions, lot") in actions
    assert "ZZ9" not in run.called("audit").stdout


def test_a_code_s_meaning_is_previewed_before_it_comes_into_force(run: OpenRun) -> None:
    (unmapped,) = run.data("codes", "unmapped")
    preview = run.data("remedy", unmapped["cause"], "--map", "115")
    assert (preview["submissions"], preview["released"]) == (1, 1)
    assert run.data("codes", "unmapped") == [unmapped]
    (result,) = run.data("remedy", unmapped["cause"], "--map", "115", "--apply")
    assert run.data("show", result["msh_10"])["state"] == "ACCEPTED"
    assert run.data("codes", "unmapped") == []


def test_a_facility_code_is_previewed_in_the_messages_to_come(run: OpenRun) -> None:
    said = run.called("remedy", "LOT-MISSING", "--clinic", "harbor", "--set", "lot=ZZ9", "--facility", "CT7777").stdout
    assert "CT7777" in said
    assert "Nothing was changed" in said


def test_what_cannot_be_done_is_said(run: OpenRun, tmp_path: Path) -> None:
    assert "nothing waits" in run.called("remedy", "NO-SUCH-CAUSE", code=1).stderr
    run.called("remedy", "LOT-MISSING", "--map", "115", code=2)
    run.called("remedy", "LOT-MISSING", "--facility", "CT1", code=2)
    run.called("remedy", "LOT-MISSING", "--as-clinic", "elm", code=2)
    wrong = tmp_path / "clinics.toml"
    wrong.write_text("clinics = 3", "utf-8")
    assert "clinics" in run.called("remedy", "LOT-MISSING", "--config", str(wrong), code=1).stderr
