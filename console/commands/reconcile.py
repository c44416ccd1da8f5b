"""`vaxline reconcile`: compare what we reported about patients with what the IIS has."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from console import audit_trail, terminal
from console.commands.query import require_query_hours
from console.connect import open_stage
from console.iis_query import newest_submission
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import STORED_BY_IIS, State
from shared.domain.reconcile import Kind, Side
from shared.domain.submission import Submission
from shared.settings import LOCAL_STAGE
from shared.usecases.registry.reconcile import Reconciled, unproven_in_worklist

_SAMPLED_DAYS: Final = 28
_SAMPLED_STATES: Final = STORED_BY_IIS | {State.PARTLY_ACCEPTED}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("reconcile")(reconcile)


def reconcile(
    msh_10: Annotated[str, typer.Argument(help="the patient of this submission")] = "",
    mrn: Annotated[str, typer.Option(help="the patient with this record number")] = "",
    source: Annotated[str, typer.Option(help="with --mrn: the source that the number comes from")] = "",
    unknown: Annotated[
        bool,
        typer.Option("--unknown", help="every submission with doses in doubt"),
    ] = False,
    sample: Annotated[int, typer.Option(min=0, help="so many random (partly) accepted ones of 28 days")] = 0,
    clinic: Annotated[str, typer.Option(help="with --unknown or --sample: only this clinic")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="query and compare, change nothing")] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Compares with the IIS's history, and accepts what it proves; exit code 1 where the sides differ.

    Example: vaxline reconcile --unknown --stage production
    """
    with open_stage(stage) as application:
        if unknown or sample:
            require_query_hours(application)
        results: list[Reconciled] = []
        submissions = _submissions(application, msh_10, (mrn, source), clinic, sample, unknown=unknown)
        for number, submission in enumerate(submissions):
            if number:
                time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
            action = "reconcile --dry-run" if dry_run else "reconcile"
            audit_trail.record(application, action, [submission.msh_10])
            results.append(application.reconcile(submission, dry_run=dry_run))
    if json:
        terminal.print_json(results)
    else:
        for result in results:
            _print_result(result, dry_run=dry_run)
        terminal.print_text(_summary(results))
    if not all(_agrees(result) for result in results):
        raise typer.Exit(1)


def _submissions(
    application: Application, msh_10: str, number: tuple[str, str], clinic: str, sample: int, *, unknown: bool
) -> list[Submission]:
    """Return the submissions whose patients are asked about; `number` is a record number and its source."""
    if unknown:
        return unproven_in_worklist(application.ledger.submissions, application.ledger.worklist, clinic)
    if sample:
        today = datetime.now(UTC).date()
        accepted = [
            outcome.msh_10
            for back in range(_SAMPLED_DAYS)
            for outcome in application.ledger.outcomes.of_day(today - timedelta(days=back), clinic)
            if outcome.state in _SAMPLED_STATES
        ]
        return list(application.ledger.submissions.many(random.sample(accepted, min(sample, len(accepted)))))
    if not msh_10 and not number[0]:
        raise typer.BadParameter("name a submission or a record number of the ledger, --unknown, or --sample N")
    submission = newest_submission(application, msh_10, *number)
    if isinstance(submission, str):
        raise typer.BadParameter(submission)
    return [submission]


def _print_result(result: Reconciled, *, dry_run: bool) -> None:
    response = result.asked.response
    answer = response.match.value if response else result.asked.fault or result.asked.not_asked
    terminal.print_text(f"{result.msh_10}: {answer}")
    if result.lines:
        terminal.print_table(
            "Vaccinations",
            ("result", "we reported", "the IIS has", "differs in", "MSH-10"),
            (
                (line.kind.value, _describe(line.ours), _describe(line.theirs), ", ".join(line.fields), line.msh_10)
                for line in result.lines
            ),
        )
    for proven in result.proven:
        state = "would be ACCEPTED" if dry_run else "is ACCEPTED now"
        terminal.print_text(f"  {proven} {state}: the IIS has every dose of it")
    for proven in result.rest_proven:
        terminal.print_text(f"  {proven}: the IIS has every dose that its answer left open; correct the dropped ones")


def _describe(side: Side | None) -> str:
    return f"{side.date} CVX {side.cvx} {side.lot}".strip() if side else ""


def _summary(results: list[Reconciled]) -> str:
    kinds = [line.kind for result in results for line in result.lines]
    counts = ", ".join(f"{kinds.count(kind)} {kind.value}" for kind in Kind)
    proven = sum(len(result.proven) + len(result.rest_proven) for result in results)
    return f"{len(results)} patients queried: {counts}; {proven} proven"


def _agrees(result: Reconciled) -> bool:
    """Say whether the IIS has all that we reported; doses that others reported do not matter."""
    is_found = result.asked.response is not None and result.asked.response.match is Match.FOUND
    return is_found and all(line.kind in (Kind.SAME, Kind.MISSING_HERE) for line in result.lines)
