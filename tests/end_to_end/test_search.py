"""What a person has in hand leads to the submission, through the indexes of a real run."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION
from tests.end_to_end.rows import WITH_ANY, a_csv, a_csv_of, row
from tests.local_run import OpenRun

MRN = "SYN-CANARY-0000000000001"
ROWS = (row("SYN-1", lot="AB123"), row(MRN, "DOSE-CANARY-2", lot="zz 77"), row("SYN-3", lot=""))


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return WITH_ANY


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    shared_run.drop("elm/a.csv", a_csv(*ROWS))
    return shared_run


def hits(run: OpenRun, *arguments: str, code: int = 0) -> list[Any]:
    return list(run.data("search", *arguments, code=code)["hits"])


def test_every_mark_of_a_dose_leads_to_its_submission_and_to_no_other(run: OpenRun) -> None:
    (one,) = hits(run, "--mrn", MRN)
    assert (one["state"], one["rows"], one["clinic"]) == ("ACCEPTED", [3], "elm")
    message = run.data("show", one["msh_10"])["vxu"]
    sent = next(segment for segment in message if segment.startswith("PID")).split("|")[3].split("^")[0]
    assert sent != MRN
    for marks in (
        ("--msh-10", one["msh_10"]),
        ("--mrn", sent),
        ("--orc-3", "DOSE-CANARY-2"),
        ("--lot", "ZZ77"),
        ("--file", "a.csv", "--row", "3"),
        ("--mrn", MRN, "--lot", "zz77", "--state", "ACCEPTED", "--clinic", "elm"),
    ):
        assert [hit["msh_10"] for hit in hits(run, *marks)] == [one["msh_10"]], marks


def test_state_code_clinic_and_day_are_found_in_the_index_of_days(run: OpenRun) -> None:
    (held,) = hits(run, "--code", "LOT-MISSING")
    assert (held["state"], held["causes"]) == ("HELD", ["LOT-MISSING"])
    assert len(hits(run, "--state", "ACCEPTED")) == 2
    assert len(hits(run, "--clinic", "elm")) == 3
    assert len(hits(run, "--clinic", "elm", "--limit", "2")) == 2
    assert hits(run, "--clinic", "harbor", code=1) == []
    assert hits(run, "--clinic", "elm", "--until", "2020-01-01", code=1) == []


def test_what_was_closed_is_found_where_it_was_held(run: OpenRun) -> None:
    run.drop("any/b.csv", a_csv_of("hilltop", row("SYN-4", birth_date="2026-03-03")))
    (held,) = hits(run, "--state", "HELD", "--clinic", "hilltop")
    run.called("close", held["msh_10"], "--reason", "reported by hand")
    assert [hit["msh_10"] for hit in hits(run, "--state", "CLOSED")] == [held["msh_10"]]


def test_no_key_of_the_table_and_no_audit_entry_holds_what_was_searched_by(run: OpenRun) -> None:
    before = len(run.data("audit"))
    run.called("search", "--mrn", MRN)
    entries = run.data("audit")[before:]
    assert [(entry["action"], entry["detail"]) for entry in entries] == [("search", "by mrn")]
    client = boto3.client("dynamodb", region_name=REGION)
    keys = [
        f"{item['pk']['S']} {item['sk']['S']}"
        for page in client.get_paginator("scan").paginate(TableName=run.cloud.runtime.table)
        for item in page["Items"]
    ]
    assert any(key.startswith("FIND#") for key in keys)
    assert not any("CANARY" in key or "ZZ77" in key for key in keys)
    assert "CANARY" not in run.log.read_text("utf-8")


@pytest.mark.parametrize("arguments", [(), ("--row", "3")])
def test_a_search_by_nothing_is_a_wrong_call(run: OpenRun, arguments: tuple[str, ...]) -> None:
    run.called("search", *arguments, code=2)
