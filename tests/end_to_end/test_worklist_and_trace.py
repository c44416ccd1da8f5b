"""From a morning's failures to one line per cause, and from one row of a file to where it is."""

from __future__ import annotations

import getpass

import pytest

from tests.end_to_end.rows import WITH_ANY, a_csv, a_csv_of, row
from tests.local_run import OpenRun

ROWS = (row("SYN-1"), row("SYN-2", lot=""), row("SYN-3", lot=""), row("SYN-4", birth_date="05061990x"))


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return WITH_ANY


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    """One accepted row, three held; the same file again."""
    for name in ("a.csv", "b.csv"):
        shared_run.drop(f"elm/{name}", a_csv(*ROWS))
    return shared_run


def held(run: OpenRun, patient: str) -> str:
    """A submission of the test's own, at another clinic, that is held for its lot."""
    run.drop(f"any/{patient}.csv", a_csv_of("harbor", row(patient, lot="")))
    return str(run.data("trace", f"{patient}.csv", "2")[0]["steps"][-1]["msh_10"])


def test_failures_of_one_cause_are_one_line_with_the_fix_and_the_next_command(run: OpenRun) -> None:
    groups = run.data("worklist")
    lots = next(group for group in groups if group["cause"] == "LOT-MISSING")
    assert (lots["clinic"], lots["field"], lots["submissions"], lots["rows"]) == ("elm", "RXA-15", 2, 2)
    assert lots["explained"]["who"] == "clinic EHR"
    births = next(group for group in groups if group["values"] == [["05061990x", 1]])
    assert births["submissions"] == 1
    said = run.called("worklist").stdout
    assert "vaxline remedy LOT-MISSING --clinic elm --set lot=VALUE" in said
    assert lots["explained"]["fix"] in said
    assert run.called("resubmit", "--cause", "LOT-MISSING", "--clinic", "elm", "--dry-run").stdout.count("HELD") == 2
    assert run.data("worklist", "--clinic", "hilltop") == []


def test_the_way_of_a_row_is_told_from_its_file_to_where_it_is(run: OpenRun) -> None:
    (accepted,) = run.data("trace", "a.csv", "2")
    assert accepted["state"] == "ACCEPTED"
    assert [step["what"].split(",")[0] for step in accepted["steps"]] == [
        "arrived in elm/a.csv",
        "became a VXU",
        "attempt 1",
    ]
    (waits,) = run.data("trace", "elm/a.csv", "3")
    assert waits["state"] == "HELD"
    assert "LOT-MISSING" in waits["steps"][-1]["what"]
    (again,) = run.data("trace", "b.csv", "2")
    assert (again["state"], again["steps"][-1]["what"]) == (None, "unchanged: the ledger had it already")


def test_a_corrected_row_is_traced_through_its_correction(run: OpenRun) -> None:
    msh_10 = held(run, "SYN-5")
    (new,) = run.data("resubmit", msh_10, "--set", "lot=ZZ9")
    (way,) = run.data("trace", "SYN-5.csv", "2")
    assert {step["msh_10"] for step in way["steps"]} == {"", msh_10, new["msh_10"]}
    assert any(f"a correction of {msh_10}" in step["what"] for step in way["steps"])


@pytest.mark.parametrize(("arguments", "words"), [(("a.csv", "9"), "has no row 9"), (("c.csv", "1"), "no file c.csv")])
def test_what_is_not_there_is_said(run: OpenRun, arguments: tuple[str, str], words: str) -> None:
    assert words in run.called("trace", *arguments, code=1).stderr


def test_reads_and_actions_are_written_down_without_a_value_of_the_message(run: OpenRun) -> None:
    msh_10 = held(run, "SYN-6")
    before = len(run.data("audit"))
    run.called("show", msh_10)
    run.called("resubmit", msh_10, "--set", "lot=ZZ9CANARY", "--dry-run")
    run.called("worklist", "--clinic", "elm")
    run.called("close", msh_10, "--reason", "reported by hand")
    entries = run.data("audit")[before:]
    assert [(one["action"], one["subject"], one["detail"]) for one in entries] == [
        ("show", msh_10, ""),
        ("resubmit --dry-run", msh_10, "lot"),
        ("worklist", "elm", "3 lines"),
        ("close", msh_10, ""),
    ]
    assert {entry["who"] for entry in entries} == {getpass.getuser()}
    assert "ZZ9CANARY" not in run.called("audit").stdout
    assert len(run.data("audit", "--subject", "elm")) == 1


def test_a_page_instead_of_an_export_is_one_task_until_the_right_file_comes_or_a_person_closes_it(run: OpenRun) -> None:
    page = b"<!DOCTYPE html><html><body>" + b"<p>502 Bad Gateway</p>\n" * 300
    failed = run.drop("harbor/page.csv", page)
    assert (failed.rows, failed.places) == (0, ())

    def tasks() -> list[dict[str, object]]:
        return [task for task in run.data("worklist", "--clinic", "harbor") if task["files"]]

    (task,) = tasks()
    assert (task["cause"], task["clinic"], task["submissions"]) == ("FILE-WRONG-KIND", "harbor", 0)
    assert task["files"] == [[failed.file_id, "inbox/harbor/page.csv"]]
    listed = " ".join(run.called("files").stdout.split())
    assert "harbor/page.csv failed: FILE-WRONG-KIND" in listed
    words = " ".join(run.called("worklist", "--clinic", "harbor").stdout.split())
    for said in (listed, words):
        assert "This is an HTML page, not CSV." in said
        assert "Store the right file" in said
    assert f"vaxline close {failed.file_id} --reason WHY" in words
    run.called("close", failed.file_id, "--reason", "the export job signs in again")
    assert tasks() == []
    run.called("close", failed.file_id, "--reason", "again", code=1)
