"""`vaxline redrive` and `vaxline replay`: what was set aside, or has to be read once more, comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Json, Stage
from shared.settings import INBOX_PREFIX, LOCAL_STAGE, QUEUES

_QUEUES = {queue.name: queue for queue in QUEUES}


def register(app: typer.Typer) -> None:
    """Adds the commands to the `vaxline` command."""
    app.command("redrive")(redrive)
    app.command("replay")(replay)


def redrive(
    queue: Annotated[str, typer.Argument(help="intake, outbox or resubmission")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Puts what a queue's dead-letter queue holds back into the queue. Example: vaxline redrive outbox"""
    if queue not in _QUEUES:
        raise typer.BadParameter(f"it is one of {', '.join(_QUEUES)}")
    with to_stage(stage) as application:
        noted(application, "redrive", [queue])
        moved = application.redrive(_QUEUES[queue])
    render.say(json, {"queue": queue, "moved": moved}, f"{moved} messages of {queue} are back in the queue")


def replay(
    keys: Annotated[list[str] | None, typer.Argument(help="keys of the bucket, as `files` lists them")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="every version that arrived since then (UTC)", formats=["%Y-%m-%dT%H:%M"])
    ] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Has exports converted that the ledger lacks, and no other. Example: vaxline replay --since 2026-03-02T06:00"""
    if bool(keys) == (since is not None):
        raise typer.BadParameter("name keys, or a time with --since")
    wrong = [key for key in keys or () if not key.startswith(INBOX_PREFIX)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]} is not in {INBOX_PREFIX}")
    with to_stage(stage) as application:
        noted(application, "replay", keys or [f"since {since:%Y-%m-%dT%H:%M}"])
        if since is not None:
            found = application.objects.versions(INBOX_PREFIX, since.replace(tzinfo=UTC))
            replayed = [(item.key, item.version_id) for item in found]
        else:
            replayed = [(key, "") for key in keys or ()]
        for key, version_id in replayed:
            application.intake.announce(key, version_id)
    render.say(json, {"replayed": [key for key, _ in replayed]}, f"{len(replayed)} objects are in the intake queue")
