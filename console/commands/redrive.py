"""`vaxline redrive` and `vaxline replay`: return dead letters to their queue, and convert exports again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Json, Stage
from shared.settings import INBOX_PREFIX, LOCAL_STAGE, QUEUES

_QUEUES = {queue.name: queue for queue in QUEUES}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("redrive")(redrive)
    app.command("replay")(replay)


def redrive(
    queue: Annotated[str, typer.Argument(help="intake, outbox or resubmission")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Moves the messages of a dead-letter queue back into its queue. Example: vaxline redrive outbox"""
    if queue not in _QUEUES:
        raise typer.BadParameter(f"it is one of {', '.join(_QUEUES)}")
    with open_stage(stage) as application:
        audit_trail.record(application, "redrive", [queue])
        moved = application.redrive(_QUEUES[queue])
    terminal.print_result(
        {"queue": queue, "moved": moved}, f"{moved} messages of {queue} are back in the queue", as_json=json
    )


def replay(
    keys: Annotated[list[str] | None, typer.Argument(help="keys of the bucket, as `files` lists them")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="every version that arrived since then (UTC)", formats=["%Y-%m-%dT%H:%M"])
    ] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Converts exports that the ledger lacks, and no others. Example: vaxline replay --since 2026-03-02T06:00"""
    if bool(keys) == (since is not None):
        raise typer.BadParameter("name keys, or a time with --since")
    outside = [key for key in keys or () if not key.startswith(INBOX_PREFIX)]
    if outside:
        raise typer.BadParameter(f"{outside[0]} is not in {INBOX_PREFIX}")
    with open_stage(stage) as application:
        audit_trail.record(application, "replay", keys or [f"since {since:%Y-%m-%dT%H:%M}"])
        if since is not None:
            versions = application.objects.versions(INBOX_PREFIX, since.replace(tzinfo=UTC))
            replayed = [(version.key, version.version_id) for version in versions]
        else:
            replayed = [(key, "") for key in keys or ()]
        for key, version_id in replayed:
            application.intake.announce(key, version_id)
    terminal.print_result(
        {"replayed": [key for key, _ in replayed]}, f"{len(replayed)} objects are in the intake queue", as_json=json
    )
