"""`vaxline reconcile`: what the IIS has about patients whom we reported, held against what we reported."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from console import render
from console.commands.audit import noted
from console.commands.query import in_hours, of_ledger
from console.connect import to_stage
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import STORED_BY_IIS
from shared.domain.reconcile import Kind, Side
from shared.domain.submission import Submission
from shared.settings import LOCAL_STAGE
from shared.usecases.registry.reconcile import Reconciled, open_questions

_DAYS: Final = 28


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("reconcile")(reconcile)


def reconcile(
    msh_10: Annotated[str, typer.Argument(help="the patient of this submission")] = "",
    mrn: Annotated[str, typer.Option(help="the patient with this record number")] = "",
    unknown: Annotated[bool, typer.Option("--unknown", help="every submission whose answer never came")] = False,
    sample: Annotated[int, typer.Option(min=0, help="so many accepted ones of the last 28 days, at random")] = 0,
    clinic: Annotated[str, typer.Option(help="with --unknown or --sample: only this clinic")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="ask and compare, change nothing")] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Compares with the IIS's history, and accepts what it proves; exit code 1 where the sides differ.

    Example: vaxline reconcile --unknown --stage production
    """
    with to_stage(stage) as application:
        if unknown or sample:
            in_hours(application)
        done: list[Reconciled] = []
        for number, submission in enumerate(_wanted(application, msh_10, mrn, clinic, sample, unknown=unknown)):
            if number:
                time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
            noted(application, "reconcile --dry-run" if dry_run else "reconcile", [submission.msh_10])
            done.append(application.reconcile(submission, dry_run=dry_run))
    if json:
        render.as_json(done)
    else:
        for one in done:
            _show(one, dry_run=dry_run)
        render.out.print(_sum(done), highlight=False)
    if not all(_is_good(one) for one in done):
        raise typer.Exit(1)


def _wanted(
    application: Application, msh_10: str, mrn: str, clinic: str, sample: int, *, unknown: bool
) -> list[Submission]:
    if unknown:
        return open_questions(application.ledger, clinic)
    if sample:
        today = datetime.now(UTC).date()
        days = (today - timedelta(days=back) for back in range(_DAYS))
        accepted = [
            one.msh_10 for day in days for one in application.ledger.outcomes(day, clinic) if one.state in STORED_BY_IIS
        ]
        return list(application.ledger.many(random.sample(accepted, min(sample, len(accepted)))))
    found = of_ledger(application, msh_10, mrn) if msh_10 or mrn else None
    if found is None:
        raise typer.BadParameter("name a submission or a record number of the ledger, --unknown, or --sample N")
    return [found]


def _show(one: Reconciled, *, dry_run: bool) -> None:
    response = one.asked.response
    said = response.match.value if response else one.asked.fault or one.asked.not_asked
    render.out.print(f"{one.msh_10}: {said}", markup=False, highlight=False)
    if one.lines:
        render.table(
            "Vaccinations",
            ("result", "we reported", "the IIS has", "differs in", "MSH-10"),
            (
                (line.kind.value, _side(line.ours), _side(line.theirs), ", ".join(line.fields), line.msh_10)
                for line in one.lines
            ),
        )
    for proven in one.proven:
        words = "would be ACCEPTED" if dry_run else "is ACCEPTED now"
        render.out.print(f"  {proven} {words}: the IIS tells every dose of it", markup=False, highlight=False)


def _side(side: Side | None) -> str:
    return f"{side.date} CVX {side.cvx} {side.lot}".strip() if side else ""


def _sum(done: list[Reconciled]) -> str:
    kinds = [line.kind for one in done for line in one.lines]
    counts = ", ".join(f"{kinds.count(kind)} {kind.value}" for kind in Kind)
    return f"{len(done)} patients asked about: {counts}; {sum(len(one.proven) for one in done)} proven"


def _is_good(one: Reconciled) -> bool:
    """What others reported is no fault of ours; where the patient was not found, nothing is proven to be there."""
    found = one.asked.response is not None and one.asked.response.match is Match.FOUND
    return found and all(line.kind in (Kind.SAME, Kind.MISSING_HERE) for line in one.lines)
