"""`vaxline report`: the reports on request, as tables, HTML, CSV or JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Clinic, Json, Stage
from shared.domain.report import Report
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.pages import csv_text
from shared.usecases.reporting.pages import report as report_page
from shared.usecases.reporting.report import REPORTS, of_tally

_ALL: Final = "all"
_HELP: Final = "; ".join(f"{name}: {kind.words}" for name, kind in REPORTS.items())


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("report")(report)


def report(
    name: Annotated[str, typer.Argument(help=f"{_HELP}; all: every one of them")],
    clinic: Clinic = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the first day (UTC); else a week back")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the last day (UTC); else today")] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="write a page to print, charts included")] = None,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="write CSV for a spreadsheet")] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Counts what was answered and held, without patient data. Example: vaxline report acks --html acks.html"""
    if name not in (*REPORTS, _ALL):
        raise typer.BadParameter(f"there is no report {name!r}; it is one of {', '.join((*REPORTS, _ALL))}")
    last = until.date() if until else datetime.now(UTC).date()
    first = since.date() if since else last - timedelta(days=6)
    if first > last:
        raise typer.BadParameter("--since lies after --until")
    with to_stage(stage) as application:
        noted(application, "report", [clinic or "all clinics"], f"{name}, {first} to {last}")
        configuration = application.configurations.current()
        counts = application.report.counted(first, last, clinic)
    names = list(REPORTS) if name == _ALL else [name]
    found = [of_tally(one, counts, configuration, first, last, clinic) for one in names]
    if html is not None:
        html.write_text(report_page.page(found, datetime.now(UTC)), "utf-8")
    if csv is not None:
        # With a byte order mark, by which spreadsheets know UTF-8.
        csv.write_text("\n".join(map(csv_text.of_report, found)), "utf-8-sig", newline="")
    if json:
        render.as_json(found)
    elif html is None and csv is None:
        for one in found:
            _show(one, first, last)
    else:
        render.out.print(f"{', '.join(str(path) for path in (html, csv) if path)}: {found[0].messages} messages")


def _show(report: Report, first: date, last: date) -> None:
    render.out.rule(f"{report.title}, {first} to {last}, {report.messages} messages")
    for sheet in report.sheets:
        if sheet.rows:
            render.table(sheet.title, sheet.columns, sheet.rows)
        else:
            render.out.print(f"{sheet.title}: nothing.\n", markup=False, highlight=False)
