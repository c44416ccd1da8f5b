"""`vaxline worklist` and `vaxline trace`: what one remedy mends, and the way of one row."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.text import Text

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Clinic, Json, Stage
from shared.domain.codes import local
from shared.exports.columns import column_of
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.worklist import Group, groups
from shared.usecases.reporting.trace import Trace, files_called
from shared.usecases.reporting.trace import trace as trace_row


def register(app: typer.Typer) -> None:
    """Adds the commands to the `vaxline` command."""
    app.command("worklist")(worklist)
    app.command("trace")(trace)


def worklist(
    clinic: Clinic = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Groups what needs a person by cause, with the fix and the next command. Example: vaxline worklist --clinic elm"""
    with to_stage(stage) as application:
        found = groups(application.ledger, clinic)
        # Values of messages are shown, so it is a read of all that wait: one entry, not one for each.
        noted(application, "worklist", [clinic or "all clinics"], f"{sum(group.submissions for group in found)} lines")
    if json:
        render.as_json(found)
        return
    if not found:
        render.out.print("Nothing waits for a person.")
    for group in found:
        _show(group)


def _show(group: Group) -> None:
    rows = f", {group.rows} {'row' if group.rows == 1 else 'rows'}" if group.rows else ""
    count = "1 submission" if group.submissions == 1 else f"{group.submissions} submissions"
    head = f"  {group.clinic}: {count}{rows}, since {group.oldest:%Y-%m-%d %H:%M}  {group.field}"
    render.out.print(Text.assemble((group.cause, "bold"), head))
    if group.explained is not None:
        render.out.print(Text(f"  {group.explained.words}"))
        render.out.print(Text.assemble(("  Fix: ", "bold"), f"{group.explained.fix} ({group.explained.who})"))
    if group.values:
        shown = ", ".join(f"{value} ({count})" for value, count in group.values)
        render.out.print(Text(f"  Values: {shown}"))
    render.out.print(Text(f"  First: vaxline show {group.msh_10s[0]}", style="dim"))
    render.out.print(Text(f"  All:   vaxline remedy {_remedy(group)}\n", style="dim"))


def _remedy(group: Group) -> str:
    """The arguments of the command that mends the group, with a word in capitals for what a person has to say."""
    named = f"{shlex.quote(group.cause)} --clinic {shlex.quote(group.clinic)}"
    if group.cause.startswith(f"{local.CAUSE} "):
        return f"{named} --map CODE"
    if group.cause == "CLINIC-UNKNOWN" and group.values:
        return f"{named} --value {shlex.quote(group.values[0][0])} --as-clinic CLINIC"
    column = column_of(group.field)
    return f"{named} --set {column}=VALUE" if column else named


def trace(
    file: Annotated[str, typer.Argument(help="the file's name as `files` lists it, its last part, or its file id")],
    row: Annotated[int, typer.Argument(help="the data row, counted from 1")],
    part: Annotated[str, typer.Option(help="of a set of files: the one that the row is in")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows where one row of one file is now, and every step it took. Example: vaxline trace doses.csv 12"""
    with to_stage(stage) as application:
        files = files_called(application.ledger, file)
        noted(application, "trace", [one.file_id for one in files], f"row {row}")
        ways = [way for one in files if (way := trace_row(application.ledger, one, row, part)) is not None]
    if json:
        render.as_json(ways)
    for way in ways if not json else ():
        _show_way(way)
    if not ways:
        words = f"{file} has no row {row}" if files else f"no file {file} arrived; `vaxline files` lists them"
        render.err.print(words, markup=False, highlight=False)
        raise typer.Exit(1)


def _show_way(way: Trace) -> None:
    state = render.STATE_WORDS[way.state] if way.state else "unchanged"
    render.table(
        f"{way.file}, row {way.row}: {state}",
        ("time (UTC)", "MSH-10", "step"),
        ((f"{step.when:%Y-%m-%d %H:%M:%S}" if step.when else "", step.msh_10, step.what) for step in way.steps),
    )
