"""`vaxline readiness`: CT WiZ's test phases and the clean days before production."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage, require_known_clinic
from shared.domain.clinics import Configuration
from shared.domain.readiness import ChecklistItem, Readiness
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.pages import readiness as readiness_page
from shared.usecases.reporting.readiness import DAYS_SHOWN, go_live_checklist, readiness_of_each

_LEAST_DAYS = 15
"""Two whole weeks and today."""

_CHECKLIST_MARKS = {True: "yes", False: "no", None: "?"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("readiness")(readiness)


def readiness(
    clinic: Clinic = "",
    days: Annotated[
        int, typer.Option(min=_LEAST_DAYS, max=366, help="how many days to show, today included")
    ] = DAYS_SHOWN,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="write a page to print, for CT DPH")] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows test phases and clean days; exit code 1 and the reasons until it is ready. Example: vaxline readiness"""
    with open_stage(stage) as application:
        now = application.local_now()
        audit_trail.record(application, "readiness", [clinic or "all clinics"])
        configuration = application.configurations.current()
        require_known_clinic(clinic, configuration)
        each = readiness_of_each(application.tallies, configuration, now.date(), shown=days)
        checklist = go_live_checklist(application.ledger.worklist, application.ledger.stops, configuration, each)
    shown = next(one for one in each if one.clinic == clinic)
    if html is not None:
        on_page = (shown,) if clinic else each
        html.write_text(readiness_page.page(on_page, checklist, configuration, stage, now), "utf-8")
    if json:
        terminal.print_json({"is_ready": shown.is_ready} | msgspec.to_builtins(shown))
    else:
        _print_days(shown, configuration)
        if not shown.clinic:
            _print_interface(each[1:], checklist)
        _print_verdict(shown)
    if not shown.is_ready:
        raise typer.Exit(1)


def _print_days(shown: Readiness, configuration: Configuration) -> None:
    terminal.print_table(
        f"Messages to the IIS{f' of {shown.clinic}' if shown.clinic else ''}, by day ({configuration.iis.time_zone})",
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
        ("clinic", "ready", "clean days", "silent", "messages", "last broken", "could end"),
        (
            (
                one.clinic,
                "yes" if one.is_ready else "no",
                one.streak,
                one.silent,
                one.messages,
                _last_broken(one),
                one.could_end or "",
            )
            for one in clinics
        ),
    )
    terminal.print_text("Before going live:")
    for item in checklist:
        terminal.print_text(f"  {_CHECKLIST_MARKS[item.is_done]:<4}{item.words}")
    terminal.out.print()


def _print_verdict(shown: Readiness) -> None:
    if shown.is_ready:
        terminal.print_text(f"Ready: no error and no warning since {shown.clean_since}, {shown.streak} whole days.")
        return
    terminal.print_text("Not ready:")
    for reason in shown.reasons:
        terminal.print_text(f"  - {readiness_page.with_day(reason)}")


def _last_broken(one: Readiness) -> str:
    return f"{one.broken_on.date}: {', '.join(one.broken_on.causes)}" if one.broken_on else ""
