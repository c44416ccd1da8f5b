"""`vaxline search`: submissions by what a person has in hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Clinic, Json, Stage
from shared.domain.lifecycle import State
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.reporting.search import Found, Wanted
from shared.usecases.reporting.search import search as in_ledger


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("search")(search)


def search(  # noqa: PLR0913, PLR0917 - one parameter for each thing that people search by
    msh_10: Annotated[str, typer.Option(help="the message control id")] = "",
    orc_3: Annotated[str, typer.Option(help="a dose's id, as the EHR or the message writes it")] = "",
    mrn: Annotated[str, typer.Option(help="a patient's record number, exact")] = "",
    lot: Annotated[str, typer.Option(help="a lot number, in any case")] = "",
    file: Annotated[str, typer.Option(help="the file's name as `files` lists it, its last part, or its file id")] = "",
    row: Annotated[int, typer.Option(min=0, help="with --file: the data row, counted from 1")] = 0,
    clinic: Clinic = "",
    state: Annotated[State | None, typer.Option(help="only this state")] = None,
    code: Annotated[str, typer.Option(help="a cause as the worklist shows it, or its code alone")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="made or tried on this day (UTC) or later")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="made or tried on this day (UTC) or before")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="at most so many")] = 100,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Finds submissions by any of their marks, all of which must fit; exit code 1 where there is none.

    By a state, a code or a clinic alone, the last 28 days are looked through. Example: vaxline search --lot AB123
    """
    if row and not file:
        raise typer.BadParameter("--row needs --file")
    first, last = since.date() if since else None, until.date() if until else None
    wanted = Wanted(msh_10, orc_3.strip(), mrn.strip(), lot.strip(), file, row, clinic, state, code, first, last)
    names = ("msh_10", "orc_3", "mrn", "lot", "file", "row", "clinic", "state", "code", "since", "until")
    by = [name for name in names if getattr(wanted, name)]
    if not by:
        raise typer.BadParameter("say what to search by; `vaxline search --help` lists it")
    with to_stage(stage) as application:
        noted(application, "search", [msh_10 or clinic or "all clinics"], f"by {', '.join(by)}")
        found = in_ledger(application.ledger, wanted, datetime.now(UTC).date(), limit=limit)
    if json:
        render.as_json(found)
    else:
        _show(found)
    if not found.hits:
        raise typer.Exit(1)


def _show(found: Found) -> None:
    if found.since is not None:
        render.out.print(f"What was held or answered since {found.since}, and what is open still:")
    if not found.hits:
        render.out.print("Nothing fits.")
        return
    render.table(
        f"{len(found.hits)} found{', and more: narrow the search, or raise --limit' if found.more else ''}",
        ("MSH-10", "clinic", "state", "file", "rows", "when (UTC)", "causes"),
        (
            (
                hit.msh_10,
                hit.clinic,
                render.STATE_WORDS[hit.state],
                hit.file.removeprefix(INBOX_PREFIX),
                ", ".join(map(str, hit.rows)),
                f"{hit.when:%Y-%m-%d %H:%M}",
                ", ".join(hit.causes),
            )
            for hit in found.hits
        ),
    )
