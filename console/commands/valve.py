"""`vaxline valve`: show, open and close delivery to the IIS, and open stopped facilities."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Json, Stage
from shared.domain.valve import FULL_ROUND, MEANING, Valve
from shared.ports.ledger import StopStatus
from shared.settings import LOCAL_STAGE
from shared.usecases.delivery.valve import close_by_hand, open_by_hand, open_facility_by_hand

_WHOLE_IIS = "the whole IIS"
commands = typer.Typer(no_args_is_help=True, help="Delivery to the IIS as a whole and per facility: open or stopped.")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(commands, name="valve")


@commands.command("list")
def valve_list(stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Says what stops delivery, and why. Example: vaxline valve list"""
    with open_stage(stage) as application:
        stops, now = application.ledger.stops.current(), application.clock.now()
    if json:
        queries = {"facilities": dict(stops.query_facilities), "until": _held_until(stops, now)}
        terminal.print_json({"iis": _as_data(stops.valve), "facilities": dict(stops.facilities), "queries": queries})
        return
    valve = stops.valve
    if valve.closed_by is not None:
        words, fix = MEANING[valve.closed_by]
        terminal.print_text(f"Closed since {valve.since:%Y-%m-%d %H:%M} UTC: {valve.reason}\n{words}\n{fix}")
        if next_probe := valve.next_probe():
            terminal.print_text(f"Next probe: {next_probe:%H:%M:%S} UTC")
        if valve.on_trial:
            terminal.print_text(f"Next round: {valve.round} of {FULL_ROUND} messages")
    else:
        terminal.print_text("Open: messages are delivered to the IIS.")
    if stops.facilities:
        terminal.print_table("Stopped facilities", ("facility", "fault"), sorted(stops.facilities.items()))
    else:
        terminal.print_text("No facility is stopped.")
    if stops.query_facilities:
        terminal.print_table("Stopped queries", ("facility", "fault"), sorted(stops.query_facilities.items()))
    if until := _held_until(stops, now):
        terminal.print_text(
            f"No queries until {until:%H:%M:%S} UTC: the IIS failed the last ones ({stops.query_gate.reason})."
        )


@commands.command("open")
def valve_open(
    facility: Annotated[
        str, typer.Argument(help="a facilityID that `valve list` names; the whole IIS where not given")
    ] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Resumes delivery to the IIS, or of one facility. Example: vaxline valve open EX1001"""
    queued = 0
    with open_stage(stage) as application:
        audit_trail.record(application, "valve open", [facility or _WHOLE_IIS])
        if facility:
            released = open_facility_by_hand(application.ledger.stops, application.sweep, facility)
            opened, queued = released is not None, released or 0
            text = f"open again, {queued} submissions queued" if opened else f"{facility} was not stopped"
        else:
            opened = open_by_hand(application.ledger.stops, application.clock)
            text = "open; delivery resumes within a minute" if opened else "it was open already"
    terminal.print_result({"facility": facility, "opened": opened, "queued": queued}, text, as_json=json)
    if not opened:
        raise typer.Exit(1)


@commands.command("close")
def valve_close(
    reason: Annotated[str, typer.Option(help="why, for the next operator (no patient data)")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Stops delivery to the whole IIS until `valve open`. Example: vaxline valve close --reason 'CT asked for it'"""
    with open_stage(stage) as application:
        audit_trail.record(application, "valve close", [_WHOLE_IIS], reason)
        closed = close_by_hand(application.ledger.stops, application.clock, reason)
    text = "closed" if closed else "somebody had closed it already"
    terminal.print_result({"closed": closed, "reason": reason}, text, as_json=json)
    if not closed:
        raise typer.Exit(1)


def _held_until(stops: StopStatus, now: datetime) -> datetime | None:
    """Return until when no query is sent; None where queries may be sent."""
    return stops.query_gate.until if stops.query_gate.is_closed(now) else None


def _as_data(valve: Valve) -> dict[str, Any]:
    return {
        "open": valve.is_open,
        "closed_by": valve.closed_by,
        "reason": valve.reason,
        "since": valve.since,
        "next_probe": valve.next_probe(),
        "round": valve.round,
    }
