"""`vaxline queries`: upload query files, and show their progress and answers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Json, Stage, require_known_clinic
from shared.bootstrap import Application
from shared.domain.query_file import Progress, Summary, rows_of
from shared.settings import LOCAL_STAGE


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("queries")(queries)


def queries(
    name: Annotated[str, typer.Argument(help="one file, by its name in the list: its answers, as JSON lines")] = "",
    put: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="a CSV of patients to upload to the stage")
    ] = None,
    clinic: Annotated[
        str, typer.Option(help="only files of this clinic; with --put: the clinic that asks, where its rows name none")
    ] = "",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="write the answers here instead of showing them")] = (
        None
    ),
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists the query files and the progress of each. Example: vaxline queries --put due.csv

    The function `query_files` asks within `iis.query_hours`, one query every `iis.query_pause` seconds. Files and their
    answers are deleted after a month.
    """
    if name and put is not None:
        raise typer.BadParameter("either --put a file or name one")
    with open_stage(stage) as application:
        if put is not None:
            name = _put(application, put, clinic)
            terminal.print_text(f"uploaded as {name}; `vaxline queries` shows its progress")
        elif name:
            _print_answers(application, name, out)
        else:
            summaries = application.query_files.summaries()
            shown = [summary for summary in summaries if not clinic or summary.name.startswith(f"{clinic}/")]
            _print_summaries(shown, as_json=json)


def _put(application: Application, file: Path, clinic: str) -> str:
    """Upload a file under a random name, since its own may name a patient; return that name."""
    require_known_clinic(clinic, application.configurations.current())
    content = file.read_bytes()
    rows = rows_of(file.name, content)
    if isinstance(rows, str):
        raise typer.BadParameter(f"{file}: {rows}")
    key = f"{application.clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.csv"
    name = f"{clinic}/{key}" if clinic else key
    audit_trail.record(application, "queries put", [name], f"{len(rows)} rows")
    application.query_files.put(name, content)
    return name


def _print_answers(application: Application, name: str, out: Path | None) -> None:
    summary = next((summary for summary in application.query_files.summaries() if summary.name == name), None)
    if summary is None:
        raise typer.BadParameter(f"there is no file {name!r}; `vaxline queries` lists them")
    audit_trail.record(application, "queries read", [name])
    lines = application.query_files.answers(summary)
    if out is None:
        for line in lines:
            typer.echo(line.decode("utf-8"))
    else:
        terminal.write_private(out, b"".join(line + b"\n" for line in lines))
        terminal.print_text(f"{out}: {summary.done} of {summary.rows} rows")


def _print_summaries(summaries: Sequence[Summary], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(summaries)
        return
    terminal.print_table(
        "Query files",
        ("file", "arrived", "progress", "rows", "answers", "why"),
        (
            (
                summary.name,
                summary.arrived,
                summary.progress.value,
                f"{summary.done} of {summary.rows}" if summary.progress is not Progress.NEW else "",
                ", ".join(f"{outcome} {count}" for outcome, count in summary.outcomes.items()),
                summary.waits or summary.problem,
            )
            for summary in summaries
        ),
    )
    for summary in summaries:
        for row in summary.unreadable:
            terminal.print_text(f"{summary.name}: row {row.row}: {', '.join(row.fields)} cannot be read")
