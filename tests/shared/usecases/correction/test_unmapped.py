"""Unmapped codes: submissions are held, listed, and released once the code is mapped."""

from __future__ import annotations

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.configuration.reader import parse_configuration
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Submission
from shared.usecases.correction.correct import Resubmitted
from shared.usecases.correction.unmapped import unmapped

CLINICS = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"

[iis]
endpoint = "http://127.0.0.1:9/"

[clinics.elm]
name = "Elm"
facility = "CT9001"

[clinics.oak]
name = "Oak"
facility = "CT9002"

[sources.feed]
format = "csv"
clinic = "elm"
"""
HEADER = (
    "patient_id,last_name,first_name,birth_date,sex,clinic,dose_id,dose_date,cvx,mvx,lot,eligibility,funding_source"
)


def row(patient: str, *, clinic: str = "elm", vaccine: str = "115", eligibility: str = "V01") -> str:
    return (
        f"{patient},Sampleton,Ada,1990-05-06,F,{clinic},D-{patient},2026-03-02,{vaccine},SKB,AB123,{eligibility},PHC70"
    )


class Setup:
    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self.application = Application(cloud.runtime)
        self.configure("")

    def configure(self, more: str) -> None:
        parsed = parse_configuration(CLINICS + more)
        assert isinstance(parsed, Configuration), parsed
        self.application.configurations.push(CLINICS + more, parsed.version)

    def drop(self, *rows: str, key: str = "inbox/feed/a.csv") -> FileSummary:
        body = "\n".join((HEADER, *rows)).encode()
        self._cloud.s3.put_object(Bucket=self._cloud.runtime.bucket, Key=key, Body=body)
        summary = self.application.convert(key)
        assert isinstance(summary, FileSummary)
        assert summary.adds_up
        for msh_10 in self.held(summary.file_id):
            self.application.triage(msh_10)
        return summary

    def held(self, file_id: str) -> list[str]:
        items = boto3.client("dynamodb", region_name=REGION).scan(TableName=self._cloud.runtime.table)["Items"]
        return [
            item["pk"]["S"].removeprefix("SUB#")
            for item in items
            if item.get("file_id", {}).get("S") == file_id and item["state"]["S"] == State.HELD
        ]

    def release(self, cause: str) -> list[Submission]:
        """Do what `vaxline resubmit --cause` does."""
        ledger = self.application.ledger
        results = [self.application.correct(entry.msh_10, {}) for entry in list(ledger.worklist.entries(cause=cause))]
        new = [ledger.submissions.get(result.msh_10) for result in results if isinstance(result, Resubmitted)]
        for submission in new:
            if submission is not None and submission.state is State.HELD:
                self.application.triage(submission.msh_10)
        return [submission for submission in new if submission is not None]


@pytest.fixture
def setup(cloud: LocalCloud) -> Setup:
    return Setup(cloud)


def test_an_unmapped_code_is_one_cause_over_all_rows_and_clinics(setup: Setup) -> None:
    setup.drop(row("A", vaccine="Flu-HD"), row("B", clinic="oak", vaccine=" flu-hd"), row("C", eligibility="CVP 7"))
    first, second = unmapped(setup.application.ledger.submissions, setup.application.ledger.worklist)
    assert (first.cause, first.rows, first.submissions, first.clinics) == (
        "UNMAPPED vaccine FLU-HD", 2, 2, ("elm", "oak"),
    )  # fmt: skip
    assert (second.cause, second.line) == ("UNMAPPED eligibility CVP 7", '"CVP 7" = "?"')
    assert [
        one.rows for one in unmapped(setup.application.ledger.submissions, setup.application.ledger.worklist, "oak")
    ] == [1]


def test_a_later_map_applies_to_the_stored_raw_code(setup: Setup) -> None:
    setup.drop(row("A", vaccine="Flu-HD"), row("B", clinic="oak", vaccine="FLU-HD"))
    setup.configure('[sources.feed.codes.vaccine]\n"flu-hd" = "135"\n[clinics.oak.codes.vaccine]\n"flu-hd" = "197"\n')
    released = setup.release("UNMAPPED vaccine FLU-HD")
    assert {submission.state for submission in released} == {State.QUEUED}
    sent = {submission.clinic: submission.vxu for submission in released}
    assert "|135^Influenza, high-dose, trivalent, PF^CVX^Flu-HD^^L|" in sent["elm"]
    assert "|197^" in sent["oak"]
    assert unmapped(setup.application.ledger.submissions, setup.application.ledger.worklist) == ()


def test_a_visit_with_two_unmapped_codes_waits_for_both(setup: Setup) -> None:
    setup.drop(row("A", vaccine="Flu-HD", eligibility="CVP 7"))
    setup.configure('[sources.feed.codes.vaccine]\n"flu-hd" = "135"\n')
    (still,) = setup.release("UNMAPPED vaccine FLU-HD")
    assert still.state is State.HELD
    (left,) = unmapped(setup.application.ledger.submissions, setup.application.ledger.worklist)
    assert (left.cause, left.rows) == ("UNMAPPED eligibility CVP 7", 1)


def test_the_same_file_again_releases_only_what_is_mapped_now(setup: Setup) -> None:
    rows = (row("A", vaccine="Flu-HD"), row("B"))
    assert setup.drop(*rows).held == 1
    setup.configure('[sources.feed.codes.vaccine]\n"flu-hd" = "135"\n')
    again = setup.drop(*rows, key="inbox/feed/b.csv")
    assert (again.submitted, again.unchanged) == ({State.QUEUED: 1}, 1)
    setup.configure('[sources.feed.codes.vaccine]\n"flu-hd" = "197"\n')
    assert setup.drop(*rows, key="inbox/feed/c.csv").unchanged == 2


def test_another_local_code_in_the_same_row_is_a_change(setup: Setup) -> None:
    setup.drop(row("A", vaccine="Flu-HD"))
    assert setup.drop(row("A", vaccine="Flu-SD"), key="inbox/feed/b.csv").held == 1
    assert [one.cause for one in unmapped(setup.application.ledger.submissions, setup.application.ledger.worklist)] == [
        "UNMAPPED vaccine FLU-SD"
    ]
