"""`vaxline search`: find submissions by MSH-10, patient, dose, lot, file, cause, state or day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage
from shared.domain.lifecycle import State
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.reporting.search import SearchCriteria, SearchResult


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("search")(search)


def search(
    msh_10: Annotated[str, typer.Option(help="the message control id")] = "",
    orc_3: Annotated[str, typer.Option(help="a dose's id, as the EHR or the message writes it")] = "",
    mrn: Annotated[str, typer.Option(help="a patient's record number, exact")] = "",
    lot: Annotated[str, typer.Option(help="a lot number, in any case")] = "",
    file: Annotated[str, typer.Option(help="the file's name as `files` lists it, its last part, or its file id")] = "",
    row: Annotated[
        int, typer.Option(min=0, help="with --file: the row as a spreadsheet shows it: the header is row 1")
    ] = 0,
    clinic: Clinic = "",
    state: Annotated[State | None, typer.Option(help="only this state")] = None,
    code: Annotated[str, typer.Option(help="a cause as the worklist shows it, or its code alone")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="created or tried on this day (UTC) or later")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="created or tried on this day (UTC) or earlier")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="most submissions to list")] = 100,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Finds the submissions to which all given options apply; exit code 1 where there is none.

    By state, code or clinic alone, it searches the last 28 days. Example: vaxline search --lot AB123
    """
    if row and not file:
        raise typer.BadParameter("--row needs --file")
    first, last = since.date() if since else None, until.date() if until else None
    criteria = SearchCriteria(
        msh_10, orc_3.strip(), mrn.strip(), lot.strip(), file, row, clinic, state, code, first, last
    )
    names = ("msh_10", "orc_3", "mrn", "lot", "file", "row", "clinic", "state", "code", "since", "until")
    given = [name for name in names if getattr(criteria, name)]
    if not given:
        raise typer.BadParameter("say what to search by; `vaxline search --help` lists it")
    with open_stage(stage) as application:
        audit_trail.record(application, "search", [msh_10 or clinic or "all clinics"], f"by {', '.join(given)}")
        result = application.search(criteria, datetime.now(UTC).date(), limit=limit)
    if json:
        terminal.print_json(result)
    else:
        _print_result(result)
    if not result.hits:
        raise typer.Exit(1)


def _print_result(result: SearchResult) -> None:
    if result.since is not None:
        terminal.print_text(f"Submissions that were held or answered since {result.since}, or are still open:")
    if not result.hits:
        terminal.print_text("No submission matches.")
        return
    terminal.print_table(
        f"{len(result.hits)} found{', and more: narrow the search, or raise --limit' if result.more else ''}",
        ("MSH-10", "clinic", "state", "file", "rows", "when (UTC)", "causes"),
        (
            (
                hit.msh_10,
                hit.clinic,
                terminal.STATE_LABELS[hit.state],
                hit.file.removeprefix(INBOX_PREFIX),
                ", ".join(map(str, hit.rows)),
                f"{hit.when:%Y-%m-%d %H:%M}",
                ", ".join(hit.causes),
            )
            for hit in result.hits
        ),
    )
