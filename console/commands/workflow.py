"""`vaxline workflow-test`: CT WiZ's bi-directional workflow test (onboarding, phase 3) against the stage's IIS.

connectivityTest ─► an export handed in, every row accepted ─► every record asked for: an exact match and a forecast
                 ─► the IIS's own scenarios ─► an export of updates, every row accepted
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from console import render
from console.commands.audit import noted
from console.commands.query import in_hours
from console.commands.workflow_export import ACCEPTED, NotHandedIn, hand_in, stored_of, verdict
from console.connect import staying_at
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import STORED_BY_IIS
from shared.domain.readiness import Phase
from shared.domain.submission import Answer, FileSummary
from shared.settings import LOCAL_STAGE
from shared.usecases.registry.query import COLUMNS, Asked, patient_of
from shared.usecases.reporting.pages import bidirectional

WITH_FORECAST: Final = "FOUND with a forecast"
_ANSWERED: Final = "answered"
_DAYS: Final = 28
FEWEST_RECORDS: Final = 25
"""CT WiZ asks for 25 to 50 records that were reported, to query against."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, without who it was about: `about` is a submission's MSH-10 or a scenario's name, `query` its MSH-10."""

    about: str
    expected: str
    got: str
    query: str = ""
    when: str = ""

    @property
    def passed(self) -> bool:
        return self.got == self.expected

    @property
    def told(self) -> bool:
        """Whether an answer came that can be read, whatever it says."""
        return self.got == WITH_FORECAST or self.got in set(Match) - {Match.UNREADABLE}

    @property
    def result(self) -> str:
        return "passed" if self.passed else "FAILED"


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("workflow-test")(workflow_test)


def workflow_test(  # noqa: PLR0913, PLR0917 - one parameter for each option
    records: Annotated[int, typer.Option(min=1, max=50, help="records to ask for; CT WiZ wants 25 to 50")] = 25,
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
        typer.Option(exists=True, dir_okay=False, help="hand in this export first; its records are asked for"),
    ] = None,
    update: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="hand in this export afterwards: updates of them")
    ] = None,
    source: Annotated[str, typer.Option(help="with --export and --update: whose exports they are")] = "",
    patience: Annotated[int, typer.Option(min=1, help="minutes to wait until an export is answered")] = 15,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Runs CT WiZ's query workflow test and keeps the evidence; exit code 1 unless all passed.

    Example: vaxline workflow-test --export records.csv --source elm --stage test
    """
    with staying_at(stage) as application:
        in_hours(application)
        configuration = application.configurations.current()
        steps = [_connection(application)]
        if steps[0].passed:
            handed_in = None
            if export is not None:
                handed_in = _hand_in(application, export, source, patience, steps)
            mine = stored_of(application, handed_in) if handed_in else _accepted(application, clinic)
            steps += _reported(application, records, mine)
            steps += _scenarios(application, scenarios) if scenarios is not None else ()
            if update is not None:
                _hand_in(application, update, source, patience, steps)
    phases = phases_of(steps, records)
    result = {
        "stage": stage,
        "records_wanted": records,
        "phases": msgspec.to_builtins(phases),
        "steps": [msgspec.to_builtins(step) | {"passed": step.passed} for step in steps],
    }
    evidence.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if html is not None:
        html.write_text(_page(phases, steps, configuration, stage), "utf-8")
    asked_for = sum(step.expected == WITH_FORECAST for step in steps)
    if json:
        render.as_json(result)
    else:
        render.table(
            "Phases of bi-directional onboarding",
            ("phase", "", "what the test shows"),
            ((one.title, "passed" if one.is_passed else "not yet", one.evidence) for one in phases),
        )
        render.table(
            "Workflow test",
            ("about", "expected", "got", "result"),
            ((step.about, step.expected, step.got, step.result) for step in steps),
        )
        passed = sum(step.passed for step in steps)
        words = (
            f"{passed} of {len(steps)} steps passed; {asked_for} of {records} records asked for; evidence: {evidence}"
        )
        render.out.print(words, markup=False, highlight=False)
    if asked_for < records or not all(step.passed for step in steps):
        raise typer.Exit(1)


def phases_of(steps: Sequence[Step], records: int) -> tuple[Phase, ...]:
    """CT WiZ's three phases, as the steps of one run show them."""
    connection, *asked = steps
    exports = [step for step in asked if step.expected == ACCEPTED]
    asked = [step for step in asked if step.expected != ACCEPTED]
    told = [step for step in asked if step.told]
    records_asked = [step for step in asked if step.expected == WITH_FORECAST]
    found = sum(step.passed for step in records_asked)
    scenarios = [step for step in asked if step.expected != WITH_FORECAST]
    shown = sum(step.passed for step in scenarios)
    return (
        Phase(
            "1: credentials",
            "the service URL answers connectivityTest, and the credentials are accepted",
            connection.passed and bool(told),
            f"connectivityTest: {connection.got}; {len(told)} queries answered",
        ),
        Phase(
            "2: configuration",
            "queries are built and answered as agreed",
            bool(asked) and len(told) == len(asked),
            f"{len(told)} of {len(asked)} queries got an answer that can be read",
        ),
        Phase(
            "3: workflow",
            f"{FEWEST_RECORDS} to 50 reported records each found with a forecast, and CT's scenarios",
            found >= max(records, FEWEST_RECORDS)
            and bool(scenarios)
            and shown == len(scenarios)
            and all(step.passed for step in exports),
            f"{found} records found with a forecast; {shown} of {len(scenarios)} scenarios as expected"
            + "".join(f"; {step.about}: {step.got}" for step in exports),
        ),
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
        [(one.about, one.expected, one.got, one.result, one.query, one.when) for one in steps],
        organization=configuration.organization,
        stage=stage,
        made=datetime.now(UTC),
    )


def _connection(application: Application) -> Step:
    answer = application.iis.test_connection(application.configurations.current().iis.endpoint, "vaxline")
    return Step("connectivityTest", _ANSWERED, _ANSWERED if isinstance(answer, Answer) else answer.code)


def _hand_in(application: Application, file: Path, source: str, patience: int, steps: list[Step]) -> FileSummary | None:
    """Hands an export in, as a step of its own; the submissions of it are what is asked for then."""
    try:
        summary = hand_in(application, file, source, patience=60 * patience)
    except NotHandedIn as error:
        raise typer.BadParameter(str(error)) from None
    number = 1 + sum(step.expected == ACCEPTED for step in steps)
    steps.append(Step(f"export {number}", ACCEPTED, verdict(summary)))
    return summary


def _reported(application: Application, records: int, msh_10s: Iterable[str]) -> Iterator[Step]:
    """These submissions, one for each patient, asked for with Z44."""
    seen: set[str] = set()
    for submission in application.ledger.many(msh_10s):
        if len(seen) == records:
            return
        if submission.patient_group in seen or not any(dose.is_given for dose in submission.visit.doses):
            continue
        if seen:
            _pause(application)
        seen.add(submission.patient_group)
        noted(application, "workflow-test", [submission.msh_10])
        asked = application.ask(Request(submission.visit.patient), submission.clinic)
        yield _step(submission.msh_10, WITH_FORECAST, asked)


def _accepted(application: Application, clinic: str) -> Iterator[str]:
    today = datetime.now(UTC).date()
    for back in range(_DAYS):
        for outcome in application.ledger.outcomes(today - timedelta(days=back), clinic):
            if outcome.state in STORED_BY_IIS:
                yield outcome.msh_10


def _scenarios(application: Application, file: Path) -> Iterator[Step]:
    """One row each: `name`, `expect` (a match such as TOO_MANY), `clinic`, `profile` (Z34 where empty), and columns."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            name, expected = row.get("name") or "scenario", (row.get("expect") or "").upper()
            patient = patient_of({column: row.get(column) or "" for column in COLUMNS})
            profile = row.get("profile") or Profile.HISTORY.value
            if isinstance(patient, str) or expected not in list(Match) or profile not in list(Profile):
                yield Step(name, expected, "the row cannot be read")
                continue
            _pause(application)
            noted(application, "workflow-test", [name])
            asked = application.ask(Request(patient, Profile(profile)), row.get("clinic") or "")
            yield _step(name, expected, asked)


def _step(about: str, expected: str, asked: Asked) -> Step:
    response = asked.response
    got = asked.fault or asked.not_asked
    if response is not None:
        got = response.match.value
        if expected == WITH_FORECAST and response.match is Match.FOUND and response.forecast:
            got = WITH_FORECAST
    return Step(about, expected, got, asked.msh_10, asked.when)


def _pause(application: Application) -> None:
    time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
