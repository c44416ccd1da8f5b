"""`vaxline expected`: when each source's next file is due, and when credentials expire."""

from __future__ import annotations

import typer

from console import terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage, require_known_clinic
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.by_clinic import expectations_of
from shared.usecases.reporting.expectations import Expectations


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("expected")(expected)


def expected(clinic: Clinic = "", stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Lists due files and expiring credentials; exit code 1 if one is late. Example: vaxline expected --clinic elm

    With --clinic: the clinic's own sources, and sources whose rows name their clinic.
    """
    with open_stage(stage) as application:
        due = application.expected()
        configuration = application.configurations.current()
        require_known_clinic(clinic, configuration)
        if clinic:
            due = expectations_of(due, configuration, clinic)
    if json:
        terminal.print_json(due)
    else:
        _print(due)
    if any(source.late for source in due.sources) or any(credentials.days < 0 for credentials in due.credentials):
        raise typer.Exit(1)


def _print(due: Expectations) -> None:
    if due.sources:
        rows = (
            (
                source.source,
                f"{source.quiet_since:%Y-%m-%d %H:%M}",
                f"{source.due:%Y-%m-%d %H:%M %Z}",
                "LATE" if source.late else "",
            )
            for source in due.sources
        )
        terminal.print_table("Files", ("source", "last file (UTC)", "next file due by", ""), rows)
    else:
        terminal.print_text("No source in clinics.toml has expected_every.")
    if due.credentials:
        rows = (
            (credentials.facility, credentials.secret, f"{credentials.expire}", f"{credentials.days}")
            for credentials in due.credentials
        )
        terminal.print_table("Credentials", ("facility", "secret", "expire on", "days left"), rows)
