"""`vaxline audit`: list the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from console import terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage, require_known_clinic
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.by_clinic import entries_of


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("audit")(audit)


def audit(
    days: Annotated[int, typer.Option(min=1, max=366, help="how many days back, today included")] = 7,
    subject: Annotated[str, typer.Option(help="only entries about this MSH-10, facility or version")] = "",
    clinic: Clinic = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists who read or changed what, and when. Example: vaxline audit --days 30 --clinic elm

    With --clinic: entries about the clinic, its facility, its submissions and files, and entries about all clinics.
    """
    today = datetime.now(UTC).date()
    with open_stage(stage) as application:
        entries = application.audit.entries(today - timedelta(days=days - 1), today)
        shown = [entry for entry in entries if not subject or entry.subject == subject]
        configuration = application.configurations.current()
        require_known_clinic(clinic, configuration)
        if clinic:
            shown = entries_of(shown, application.ledger.submissions, application.ledger.files, configuration, clinic)
    if json:
        terminal.print_json(shown)
    else:
        terminal.print_table(
            "Audit trail",
            ("time (UTC)", "who", "action", "about", "detail"),
            (
                (f"{entry.when:%Y-%m-%d %H:%M:%S}", entry.who, entry.action, entry.subject, entry.detail)
                for entry in shown
            ),
        )
