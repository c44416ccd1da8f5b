"""The audit trail of the `vaxline` command: every message read and every action, with the caller's identity."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import boto3
import typer

from console import render
from console.connect import to_stage
from console.options import Clinic, Json, Stage, known
from shared.bootstrap import Application
from shared.domain.audit import AuditEntry
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.by_clinic import entries_of


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("audit")(audit)


def noted(application: Application, action: str, subjects: Iterable[str], detail: str = "") -> None:
    """Writes that the caller does `action` to each subject. It comes first: what cannot be written down is not done."""
    who = _who(application)
    for subject in subjects:
        application.audit.note(AuditEntry(application.clock.now(), who, action, subject, detail))


def _who(application: Application) -> str:
    if application.runtime.stage == LOCAL_STAGE:
        return getpass.getuser()
    return str(boto3.client("sts", region_name=application.runtime.region).get_caller_identity()["Arn"])


def audit(
    days: Annotated[int, typer.Option(min=1, max=366, help="how many days back, today included")] = 7,
    subject: Annotated[str, typer.Option(help="only what was done to this MSH-10, facility or version")] = "",
    clinic: Clinic = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists who read or changed what, and when. Example: vaxline audit --days 30 --clinic elm

    Of one clinic: what was done to it, its facility, its submissions and files, and what was done to all clinics.
    """
    today = datetime.now(UTC).date()
    with to_stage(stage) as application:
        entries = application.audit.entries(today - timedelta(days=days - 1), today)
        found = [entry for entry in entries if not subject or entry.subject == subject]
        configuration = application.configurations.current()
        if known(clinic, configuration):
            found = entries_of(found, application.ledger, configuration, clinic)
    if json:
        render.as_json(found)
    else:
        rows = ((f"{one.when:%Y-%m-%d %H:%M:%S}", one.who, one.action, one.subject, one.detail) for one in found)
        render.table("Audit trail", ("time (UTC)", "who", "action", "about", "detail"), rows)
