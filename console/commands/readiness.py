"""`vaxline readiness`: CT WiZ's test phases and the two clean weeks that it asks for, day by day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Clinic, Json, Stage, known
from shared.domain.readiness import WINDOW, Item, Readiness
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.pages import readiness as readiness_page
from shared.usecases.reporting.readiness import SHOWN, go_live, readiness_of_each


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("readiness")(readiness)


def readiness(
    clinic: Clinic = "",
    days: Annotated[int, typer.Option(min=WINDOW, max=366, help="how many days to show, today included")] = SHOWN,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="write it as a page to print, for CT DPH")] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows the test phases and the clean days; exit code 1 until they are full. Example: vaxline readiness"""
    now = datetime.now(UTC)
    with to_stage(stage) as application:
        noted(application, "readiness", [clinic or "all clinics"])
        configuration = application.configurations.current()
        known(clinic, configuration)
        each = readiness_of_each(application.ledger, configuration, now.date(), shown=days)
        items = go_live(application.ledger, each)
    found = next(one for one in each if one.clinic == clinic)
    if html is not None:
        shown = (found,) if clinic else each
        html.write_text(readiness_page.page(shown, items, configuration.organization, stage, now), "utf-8")
    if json:
        render.as_json(found)
    else:
        _show(found, each, items)
    if not found.is_ready:
        raise typer.Exit(1)


def _show(found: Readiness, each: tuple[Readiness, ...], items: tuple[Item, ...]) -> None:
    render.table(
        f"Messages to the IIS{f' of {found.clinic}' if found.clinic else ''}, by day (UTC)",
        ("day", "messages", "warnings", "errors", "", "causes"),
        (
            (f"{day.date:%a %Y-%m-%d}", day.messages, day.warnings, day.errors, day.word, ", ".join(day.causes))
            for day in found.days
        ),
    )
    render.table(
        "CT WiZ's test phases",
        ("phase", "", "what the ledger shows"),
        ((one.title, "passed" if one.is_passed else "not yet", one.evidence) for one in found.phases),
    )
    if not found.clinic:
        render.table(
            "Clinics",
            ("clinic", "clean days", "silent", "last broken", "could end"),
            ((one.clinic, one.streak, one.silent, _last(one), one.could_end or "") for one in each[1:]),
        )
        render.out.print("Before going live:")
        for item in items:
            mark = {True: "yes", False: "no", None: "?"}[item.is_done]
            render.out.print(f"  {mark:<4}{item.words}", markup=False, highlight=False)
        render.out.print()
    if found.clean_since is None:
        render.out.print("No message has been sent yet.")
    elif found.is_ready:
        render.out.print(f"Without errors and warnings since {found.clean_since}: {WINDOW} days and more.")
    else:
        render.out.print(
            f"Without errors and warnings from {found.clean_since}: {found.streak} days, {found.silent} of them "
            f"silent; {WINDOW} days on {found.could_end}."
        )


def _last(one: Readiness) -> str:
    return f"{one.broken_on.date}: {', '.join(one.broken_on.causes)}" if one.broken_on else ""
