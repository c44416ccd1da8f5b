"""`vaxline readiness`: CT WiZ's test phases and the clean days before production."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage, require_known_clinic
from shared.domain.readiness import CLEAN_DAYS_REQUIRED, ChecklistItem, Readiness
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.pages import readiness as readiness_page
from shared.usecases.reporting.readiness import DAYS_SHOWN, go_live_checklist, readiness_of_each

_CHECKLIST_MARKS = {True: "yes", False: "no", None: "?"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("readiness")(readiness)


def readiness(
    clinic: Clinic = "",
    days: Annotated[
        int, typer.Option(min=CLEAN_DAYS_REQUIRED, max=366, help="how many days to show, today included")
    ] = DAYS_SHOWN,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="write a page to print, for CT DPH")] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows test phases and clean days; exit code 1 until there are enough clean days. Example: vaxline readiness"""
    now = datetime.now(UTC)
    with open_stage(stage) as application:
        audit_trail.record(application, "readiness", [clinic or "all clinics"])
        configuration = application.configurations.current()
        require_known_clinic(clinic, configuration)
        each = readiness_of_each(application.ledger.outcomes, configuration, now.date(), shown=days)
        checklist = go_live_checklist(application.ledger.worklist, application.ledger.stops, each)
    shown = next(one for one in each if one.clinic == clinic)
    if html is not None:
        on_page = (shown,) if clinic else each
        html.write_text(readiness_page.page(on_page, checklist, configuration.organization, stage, now), "utf-8")
    if json:
        terminal.print_json(shown)
    else:
        _print_days(shown)
        if not shown.clinic:
            _print_interface(each[1:], checklist)
        terminal.print_text(_verdict(shown))
    if not shown.is_ready:
        raise typer.Exit(1)


def _print_days(shown: Readiness) -> None:
    terminal.print_table(
        f"Messages to the IIS{f' of {shown.clinic}' if shown.clinic else ''}, by day (UTC)",
        ("day", "messages", "warnings", "errors", "", "causes"),
        (
            (f"{day.date:%a %Y-%m-%d}", day.messages, day.warnings, day.errors, day.word, ", ".join(day.causes))
            for day in shown.days
        ),
    )
    terminal.print_table(
        "CT WiZ's test phases",
        ("phase", "", "what the ledger shows"),
        ((phase.title, "passed" if phase.is_passed else "not yet", phase.evidence) for phase in shown.phases),
    )


def _print_interface(clinics: tuple[Readiness, ...], checklist: tuple[ChecklistItem, ...]) -> None:
    """Print what concerns all clinics: one line per clinic, and the checklist before going live."""
    terminal.print_table(
        "Clinics",
        ("clinic", "clean days", "silent", "last broken", "could end"),
        ((one.clinic, one.streak, one.silent, _last_broken(one), one.could_end or "") for one in clinics),
    )
    terminal.print_text("Before going live:")
    for item in checklist:
        terminal.print_text(f"  {_CHECKLIST_MARKS[item.is_done]:<4}{item.words}")
    terminal.out.print()


def _verdict(shown: Readiness) -> str:
    if shown.clean_since is None:
        return "No message has been sent yet."
    if shown.is_ready:
        return f"No errors and no warnings since {shown.clean_since}: {CLEAN_DAYS_REQUIRED} days or more."
    return (
        f"No errors and no warnings since {shown.clean_since}: {shown.streak} days, {shown.silent} of them "
        f"silent; {CLEAN_DAYS_REQUIRED} days on {shown.could_end}."
    )


def _last_broken(one: Readiness) -> str:
    return f"{one.broken_on.date}: {', '.join(one.broken_on.causes)}" if one.broken_on else ""
