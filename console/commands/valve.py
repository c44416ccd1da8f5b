"""`vaxline valve`: whether anything is delivered, to the IIS as a whole and for each facility, and why not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Json, Stage
from shared.domain.valve import MEANING, Valve
from shared.settings import LOCAL_STAGE
from shared.usecases.delivery.valve import close_by_hand, open_by_hand, open_facility_by_hand

_IIS = "the whole IIS"
commands = typer.Typer(no_args_is_help=True, help="Whether delivery runs: to the IIS as a whole, and per facility.")


def register(app: typer.Typer) -> None:
    """Adds the commands to the `vaxline` command."""
    app.add_typer(commands, name="valve")


@commands.command("list")
def valve_list(stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Says what stops delivery, and why. Example: vaxline valve list"""
    with to_stage(stage) as application:
        stops = application.ledger.stops()
    if json:
        render.as_json({"iis": _as_data(stops.valve), "facilities": dict(stops.facilities)})
        return
    valve = stops.valve
    if valve.closed_by is not None:
        words, fix = MEANING[valve.closed_by]
        render.out.print(f"Closed since {valve.since:%Y-%m-%d %H:%M} UTC: {valve.reason}\n{words}\n{fix}")
        if next_probe := valve.next_probe():
            render.out.print(f"Next probe: {next_probe:%H:%M:%S} UTC")
    elif valve.on_trial:
        render.out.print("Open after a good probe; the first answer to a message is still to come.")
    else:
        render.out.print("Open: messages are delivered to the IIS.")
    if stops.facilities:
        render.table("Stopped facilities", ("facility", "fault"), sorted(stops.facilities.items()))
    else:
        render.out.print("No facility is stopped.")


def _as_data(valve: Valve) -> dict[str, Any]:
    return {
        "open": valve.is_open,
        "closed_by": valve.closed_by,
        "reason": valve.reason,
        "since": valve.since,
        "next_probe": valve.next_probe(),
    }


@commands.command("open")
def valve_open(
    facility: Annotated[
        str, typer.Argument(help="a facilityID that `valve list` names; without it the whole IIS")
    ] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lets delivery to the IIS, or of one facility, go on. Example: vaxline valve open EX1001"""
    queued = 0
    with to_stage(stage) as application:
        noted(application, "valve open", [facility or _IIS])
        if facility:
            released = open_facility_by_hand(application.ledger, application.sweep, facility)
            opened, queued = released is not None, released or 0
            words = f"open again, {queued} submissions queued" if opened else f"{facility} was not stopped"
        else:
            opened = open_by_hand(application.ledger, application.clock)
            words = "open; delivery goes on within a minute" if opened else "it was open"
    render.say(json, {"facility": facility, "opened": opened, "queued": queued}, words)
    if not opened:
        raise typer.Exit(1)


@commands.command("close")
def valve_close(
    reason: Annotated[str, typer.Option(help="why, for whoever looks next (no patient data)")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Stops delivery to the whole IIS until `valve open`. Example: vaxline valve close --reason 'CT asked for it'"""
    with to_stage(stage) as application:
        noted(application, "valve close", [_IIS], reason)
        closed = close_by_hand(application.ledger, application.clock, reason)
    render.say(json, {"closed": closed, "reason": reason}, "closed" if closed else "somebody had closed it already")
    if not closed:
        raise typer.Exit(1)
