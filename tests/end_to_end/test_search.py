"""What a person has in hand leads to the submission, through the indexes of a real run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from console.main import app
from local.aws import snapshot
from local.aws.cloud import REGION
from local.session import Session
from tests.end_to_end.rows import a_csv, row

MRN = "SYN-CANARY-0000000000001"
ROWS = (row("SYN-1", lot="AB123"), row(MRN, "DOSE-CANARY-2", lot="zz 77"), row("SYN-3", lot=""))


@pytest.fixture
def run(open_run: Callable[[str, bytes], Session]) -> Session:
    return open_run("elm/a.csv", a_csv(*ROWS))


def called(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def hits(*arguments: str, code: int = 0) -> list[Any]:
    return list(json.loads(called("search", *arguments, "--json", code=code).stdout)["hits"])


@pytest.mark.usefixtures("run")
def test_every_mark_of_a_dose_leads_to_its_submission_and_to_no_other() -> None:
    (one,) = hits("--mrn", MRN)
    assert (one["state"], one["rows"], one["clinic"]) == ("ACCEPTED", [2], "elm")
    message = json.loads(called("show", one["msh_10"], "--json").stdout)["vxu"]
    sent = next(segment for segment in message if segment.startswith("PID")).split("|")[3].split("^")[0]
    assert sent != MRN
    for marks in (
        ("--msh-10", one["msh_10"]),
        ("--mrn", sent),
        ("--orc-3", "DOSE-CANARY-2"),
        ("--lot", "ZZ77"),
        ("--file", "a.csv", "--row", "2"),
        ("--mrn", MRN, "--lot", "zz77", "--state", "ACCEPTED", "--clinic", "elm"),
    ):
        assert [hit["msh_10"] for hit in hits(*marks)] == [one["msh_10"]], marks


@pytest.mark.usefixtures("run")
def test_state_code_clinic_and_day_are_found_in_the_index_of_days() -> None:
    (held,) = hits("--code", "LOT-MISSING")
    assert (held["state"], held["causes"]) == ("HELD", ["LOT-MISSING"])
    assert len(hits("--state", "ACCEPTED")) == 2
    assert len(hits("--clinic", "elm")) == 3
    assert len(hits("--clinic", "elm", "--limit", "2")) == 2
    assert hits("--clinic", "harbor", code=1) == []
    assert hits("--clinic", "elm", "--until", "2020-01-01", code=1) == []


@pytest.mark.usefixtures("run")
def test_what_was_closed_is_found_where_it_was_held() -> None:
    (held,) = hits("--state", "HELD")
    called("close", held["msh_10"], "--reason", "reported by hand")
    assert [hit["msh_10"] for hit in hits("--state", "CLOSED")] == [held["msh_10"]]


def test_no_key_of_the_table_and_no_audit_entry_holds_what_was_searched_by(run: Session) -> None:
    called("search", "--mrn", MRN)
    entries = json.loads(called("audit", "--json").stdout)
    assert [(entry["action"], entry["detail"]) for entry in entries] == [("search", "by mrn")]
    client = boto3.client("dynamodb", region_name=REGION)
    keys = [
        f"{item['pk']['S']} {item['sk']['S']}"
        for page in client.get_paginator("scan").paginate(TableName=run.cloud.runtime.table)
        for item in page["Items"]
    ]
    assert any(key.startswith("FIND#") for key in keys)
    assert not any("CANARY" in key or "ZZ77" in key for key in keys)
    assert "CANARY" not in (snapshot.FOLDER.parent / "functions.log").read_text("utf-8")


@pytest.mark.parametrize("arguments", [(), ("--row", "3")])
def test_a_search_by_nothing_is_a_wrong_call(arguments: tuple[str, ...]) -> None:
    called("search", *arguments, code=2)
