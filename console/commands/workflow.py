"""`vaxline workflow-test`: CT WiZ's bi-directional workflow test (onboarding, phase 3) against the stage's IIS.

connectivityTest ─► an export is uploaded, every row accepted ─► every record queried: exact match and forecast
                 ─► the IIS's own scenarios ─► an export of updates, every row accepted
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from console import audit_trail, terminal
from console.commands.query import require_query_hours
from console.commands.workflow_export import UploadRefusedError, export_result, stored_submissions, upload_and_wait
from console.commands.workflow_steps import CONNECTION_ANSWERED, EXPORT_ACCEPTED, FOUND_WITH_FORECAST, Step, phases_of
from console.connect import open_running_stage
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import STORED_BY_IIS
from shared.domain.readiness import Phase
from shared.domain.submission import FileSummary
from shared.settings import LOCAL_STAGE
from shared.usecases.registry.connection import Tested
from shared.usecases.registry.query import COLUMNS, Asked, patient_of
from shared.usecases.reporting.pages import bidirectional

_RECENT_DAYS: Final = 28
"""Days whose accepted submissions are queried where no export is uploaded."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("workflow-test")(workflow_test)


def workflow_test(
    records: Annotated[int, typer.Option(min=1, max=50, help="records to query; CT WiZ wants 25 to 50")] = 25,
    scenarios: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV of the IIS's own patients: name, expect, clinic, columns"),
    ] = None,
    evidence: Annotated[Path, typer.Option(help="where the evidence is written, as JSON without PHI")] = Path(
        "workflow-test.json"
    ),
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="write phases and steps as a page to print, for CT DPH")
    ] = None,
    clinic: Annotated[str, typer.Option(help="only records of this clinic")] = "",
    export: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="upload this export first, and query its records"),
    ] = None,
    update: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="upload this export afterwards: updates of them")
    ] = None,
    source: Annotated[str, typer.Option(help="with --export and --update: the source of the exports")] = "",
    patience: Annotated[int, typer.Option(min=1, help="minutes to wait until an export is answered")] = 15,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Runs CT WiZ's query workflow test and keeps the evidence; exit code 1 unless all passed.

    On a deployed stage its functions call the IIS, by the way out of delivery.

    Example: vaxline workflow-test --export records.csv --source elm --stage test
    """
    with open_running_stage(stage) as application:
        require_query_hours(application)
        configuration = application.configurations.current()
        tested = application.test_connection(clinic)
        steps = [_test_connection(tested)]
        if steps[0].passed:
            uploaded = None
            if export is not None:
                uploaded = _upload(application, export, source, patience, steps)
            msh_10s = stored_submissions(application, uploaded) if uploaded else _recently_stored(application, clinic)
            steps += _query_records(application, records, msh_10s)
            steps += _run_scenarios(application, scenarios) if scenarios is not None else ()
            if update is not None:
                _upload(application, update, source, patience, steps)
    phases = phases_of(steps, records)
    result = {
        "stage": stage,
        "called_from": tested.spoken_from,
        "records_wanted": records,
        "phases": msgspec.to_builtins(phases),
        "steps": [msgspec.to_builtins(step) | {"passed": step.passed} for step in steps],
    }
    evidence.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if html is not None:
        html.write_text(_page(phases, steps, configuration, stage), "utf-8")
    queried = sum(step.expected == FOUND_WITH_FORECAST for step in steps)
    if json:
        terminal.print_json(result)
    else:
        _print(phases, steps)
        passed = sum(step.passed for step in steps)
        terminal.print_text(
            f"{passed} of {len(steps)} steps passed; {queried} of {records} records queried; evidence: {evidence}\n"
            f"The IIS was called from {tested.spoken_from}."
        )
    if queried < records or not all(step.passed for step in steps):
        raise typer.Exit(1)


def _print(phases: Sequence[Phase], steps: Sequence[Step]) -> None:
    terminal.print_table(
        "Phases of bi-directional onboarding",
        ("phase", "", "what the test shows"),
        ((phase.title, "passed" if phase.is_passed else "not yet", phase.evidence) for phase in phases),
    )
    terminal.print_table(
        "Workflow test",
        ("about", "expected", "got", "result"),
        ((step.about, step.expected, step.got, step.result) for step in steps),
    )


def _page(phases: Sequence[Phase], steps: Sequence[Step], configuration: Configuration, stage: str) -> str:
    iis = configuration.iis
    hours = ", ".join(window.text for window in iis.query_hours)
    return bidirectional.page(
        phases,
        {
            "iis.query_limit": str(iis.query_limit),
            "iis.query_pause": f"{iis.query_pause} s",
            "iis.query_hours": f"{hours}, {iis.time_zone}" if hours else "any time",
        },
        [(step.about, step.expected, step.got, step.result, step.query, step.when) for step in steps],
        organization=configuration.organization,
        stage=stage,
        made=datetime.now(UTC),
    )


def _test_connection(tested: Tested) -> Step:
    return Step("connectivityTest", CONNECTION_ANSWERED, tested.fault or CONNECTION_ANSWERED)


def _upload(application: Application, file: Path, source: str, patience: int, steps: list[Step]) -> FileSummary | None:
    """Upload an export and add the step; return its summary where all rows were answered in time."""
    try:
        summary = upload_and_wait(application, file, source, patience=60 * patience)
    except UploadRefusedError as error:
        raise typer.BadParameter(str(error)) from None
    number = 1 + sum(step.expected == EXPORT_ACCEPTED for step in steps)
    steps.append(Step(f"export {number}", EXPORT_ACCEPTED, export_result(summary)))
    return summary


def _query_records(application: Application, records: int, msh_10s: Iterable[str]) -> Iterator[Step]:
    """Query with Z44 for the patients of these submissions, one query per patient, up to `records` of them."""
    queried: set[str] = set()
    for submission in application.ledger.submissions.many(msh_10s):
        if len(queried) == records:
            return
        if submission.patient_group in queried or not any(dose.is_given for dose in submission.visit.doses):
            continue
        if queried:
            _pause(application)
        queried.add(submission.patient_group)
        audit_trail.record(application, "workflow-test", [submission.msh_10])
        asked = application.ask(Request(submission.visit.patient, source=submission.source), submission.clinic)
        yield _query_step(submission.msh_10, FOUND_WITH_FORECAST, asked)


def _recently_stored(application: Application, clinic: str) -> Iterator[str]:
    today = datetime.now(UTC).date()
    for back in range(_RECENT_DAYS):
        for outcome in application.ledger.outcomes.of_day(today - timedelta(days=back), clinic):
            if outcome.state in STORED_BY_IIS:
                yield outcome.msh_10


def _run_scenarios(application: Application, file: Path) -> Iterator[Step]:
    """Query once per row of a CSV: `name`, `expect` (a match such as TOO_MANY), `clinic`, `profile` (Z34), columns."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            name, expected = row.get("name") or "scenario", (row.get("expect") or "").upper()
            patient = patient_of({column: row.get(column) or "" for column in COLUMNS})
            profile = row.get("profile") or Profile.HISTORY.value
            if isinstance(patient, str) or expected not in list(Match) or profile not in list(Profile):
                yield Step(name, expected, "the row cannot be read")
                continue
            _pause(application)
            audit_trail.record(application, "workflow-test", [name])
            request = Request(patient, Profile(profile), row.get("source") or "")
            asked = application.ask(request, row.get("clinic") or "")
            yield _query_step(name, expected, asked)


def _query_step(about: str, expected: str, asked: Asked) -> Step:
    response = asked.response
    got = asked.fault or asked.not_asked
    if response is not None:
        got = response.match.value
        if expected == FOUND_WITH_FORECAST and response.match is Match.FOUND and response.forecast:
            got = FOUND_WITH_FORECAST
    return Step(about, expected, got, asked.msh_10, asked.when)


def _pause(application: Application) -> None:
    time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
