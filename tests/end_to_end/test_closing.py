"""Failures closed together and reopened, and two sets of data that are one person, by commands on a local run."""

from __future__ import annotations

import pytest

from tests.end_to_end.rows import a_csv, row
from tests.local_run import OpenRun


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    shared_run.drop("elm/a.csv", a_csv(*(row(f"SYN-{number}", lot="") for number in range(1, 4))))
    shared_run.drop("elm/b.csv", a_csv(row("SYN-4", lot=""), row("SYN-5", birth_date="2026-03-03")))
    return shared_run


def open_rows(run: OpenRun) -> dict[str, int]:
    return {group["cause"]: group["submissions"] for group in run.data("worklist")}


def test_a_file_s_failures_are_counted_closed_together_and_reopened(run: OpenRun) -> None:
    before = open_rows(run)
    criteria = ("close", "--file", "a.csv", "--cause", "LOT-MISSING", "--reason", "sent on paper")
    preview = run.data(*criteria)
    assert (preview["submissions"], preview["rows"], preview["causes"]) == (3, 3, [["LOT-MISSING", 3]])
    assert "3 submissions of 3 rows would be closed." in run.called(*criteria).stdout
    assert open_rows(run) == before

    closed = run.data(*criteria, "--apply")
    assert [result["closed"] for result in closed] == [True, True, True]
    assert open_rows(run) == before | {"LOT-MISSING": 1}
    msh_10s = [result["msh_10"] for result in closed]
    assert run.data("show", msh_10s[0])["closed_reason"] == "sent on paper"
    assert f"vaxline reopen {msh_10s[0]}" in run.called("show", msh_10s[0]).stdout
    run.called(*criteria, "--apply", code=1)

    assert [one["state"] for one in run.data("reopen", *msh_10s)] == ["HELD", "HELD", "HELD"]
    assert open_rows(run) == before
    run.called("resubmit", msh_10s[0], "--set", "lot=AB1")
    assert run.data("show", run.data("show", msh_10s[0])["replaced_by"])["state"] == "ACCEPTED"
    actions = [(one["action"], one["subject"], one["detail"]) for one in run.data("audit")]
    assert actions.count(("close", msh_10s[0], "LOT-MISSING, one file")) == 2 - 1
    assert ("reopen", msh_10s[2], "") in actions


def test_a_clinic_s_failures_of_a_cause_are_closed_together(run: OpenRun) -> None:
    run.called("close", "--clinic", "elm", "--cause", "DOSE-BEFORE-BIRTH", "--reason", "test data", "--apply")
    assert "DOSE-BEFORE-BIRTH" not in open_rows(run)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--cause", "LOT-MISSING"), 2),
        (("--reason", "x"), 2),
        (("MSH", "--cause", "LOT-MISSING", "--reason", "x"), 2),
        (("--clinic", "elmo", "--reason", "x"), 2),
        (("--cause", "NO-SUCH", "--reason", "x"), 1),
        (("--file", "no.csv", "--reason", "x"), 1),
        (("NEVER", "--reason", "x"), 1),
    ],
)
def test_a_call_that_is_wrong_or_means_nothing_closes_nothing(
    run: OpenRun, arguments: tuple[str, ...], code: int
) -> None:
    before = open_rows(run)
    run.called("close", *arguments, code=code)
    assert open_rows(run) == before


def test_what_is_one_person_is_said_where_two_are_shown_and_sent(run: OpenRun) -> None:
    run.drop("elm/c.csv", a_csv(row("SYN-9", "D-9A")))
    run.drop("elm/d.csv", a_csv(row("SYN-9", "D-9B", birth_date="1990-05-07")))
    (group,) = [group for group in run.data("worklist") if group["cause"] == "PATIENT-ANOTHER"]
    (held,) = group["msh_10s"]
    command = f"vaxline resubmit {held} --set same_person=yes"
    assert command in run.called("show", held).stdout
    words = run.called("worklist").stdout
    assert "--set same_person=yes" in words
    assert "remedy PATIENT-ANOTHER" not in words
    (new,) = run.data(*command.split()[1:])
    assert run.data("show", new["msh_10"])["state"] == "ACCEPTED"
    again = run.drop(
        "elm/e.csv", a_csv(row("SYN-9", "D-9A", route="SC"), row("SYN-9", "D-9B", birth_date="1990-05-07"))
    )
    assert (again.rows, again.held) == (2, 0)


def test_the_doses_that_a_correction_leaves_out_are_named_by_the_command(run: OpenRun) -> None:
    run.drop("elm/f.csv", a_csv(row("SYN-10", "D-A", lot=""), row("SYN-10", "D-B", lot="")))
    (held,) = [hit["msh_10"] for hit in run.data("search", "--mrn", "SYN-10")["hits"]]
    run.drop("elm/g.csv", a_csv(row("SYN-10", "D-B")))
    said = run.called("resubmit", held, "--set", "lot[1]=AB1").stdout
    assert "left out: dose 2 (D-B) is reported by" in said
