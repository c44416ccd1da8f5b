"""`vaxline queries`: puts query files to the stage and shows their progress and answers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Json, Stage, known
from shared.bootstrap import Application
from shared.domain.query_file import Progress, Summary, rows_of
from shared.settings import LOCAL_STAGE


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("queries")(queries)


def queries(
    name: Annotated[str, typer.Argument(help="one file, by its name in the list: its answers, as JSON lines")] = "",
    put: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="a CSV of patients to put to the stage")
    ] = None,
    clinic: Annotated[
        str, typer.Option(help="only files in this clinic's name; with --put: in whose name, where its rows do not say")
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
    with to_stage(stage) as application:
        if put is not None:
            name = _put(application, put, clinic)
            render.out.print(f"put as {name}; `vaxline queries` tells how far it is", markup=False, highlight=False)
        elif name:
            _answers(application, name, out)
        else:
            found = application.query_files.summaries()
            _show([one for one in found if not clinic or one.name.startswith(f"{clinic}/")], json=json)


def _put(application: Application, file: Path, clinic: str) -> str:
    """Under a name that says nothing about anybody."""
    known(clinic, application.configurations.current())
    content = file.read_bytes()
    rows = rows_of(file.name, content)
    if isinstance(rows, str):
        raise typer.BadParameter(f"{file}: {rows}")
    mark = f"{application.clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.csv"
    name = f"{clinic}/{mark}" if clinic else mark
    noted(application, "queries put", [name], f"{len(rows)} rows")
    application.query_files.put(name, content)
    return name


def _answers(application: Application, name: str, out: Path | None) -> None:
    summary = next((one for one in application.query_files.summaries() if one.name == name), None)
    if summary is None:
        raise typer.BadParameter(f"there is no file {name!r}; `vaxline queries` lists them")
    noted(application, "queries read", [name])
    lines = application.query_files.answers(summary)
    if out is None:
        for line in lines:
            typer.echo(line.decode("utf-8"))
    else:
        out.write_bytes(b"".join(line + b"\n" for line in lines))
        render.out.print(f"{out}: {summary.done} of {summary.rows} rows", markup=False, highlight=False)


def _show(found: Sequence[Summary], *, json: bool) -> None:
    if json:
        render.as_json(found)
        return
    render.table(
        "Query files",
        ("file", "arrived", "progress", "rows", "answers", "why"),
        (
            (
                one.name,
                one.arrived,
                one.progress.value,
                f"{one.done} of {one.rows}" if one.progress is not Progress.NEW else "",
                ", ".join(f"{outcome} {count}" for outcome, count in one.outcomes.items()),
                one.waits or one.problem,
            )
            for one in found
        ),
    )
    for one in found:
        for row in one.unreadable:
            line = f"{one.name}: row {row.row}: {', '.join(row.fields)} cannot be read"
            render.out.print(line, markup=False, highlight=False)
