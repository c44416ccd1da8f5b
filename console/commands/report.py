"""`vaxline report`: print a report, or write it as HTML or CSV."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage
from shared.domain.report import Report
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.pages import csv_text
from shared.usecases.reporting.pages import report as report_page
from shared.usecases.reporting.report import REPORTS, build_report

_ALL: Final = "all"
_DEFAULT_DAYS: Final = 7
_HELP: Final = "; ".join(f"{name}: {kind.words}" for name, kind in REPORTS.items())


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("report")(report)


def report(
    name: Annotated[str, typer.Argument(help=f"{_HELP}; all: all of them")],
    clinic: Clinic = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the first day; a week back where not given")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the last day; today where not given")
    ] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="write a page to print, with charts")] = None,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="write CSV for a spreadsheet")] = None,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Counts what was answered and held, without patient data. Example: vaxline report acks --html acks.html"""
    if name not in (*REPORTS, _ALL):
        raise typer.BadParameter(f"there is no report {name!r}; it is one of {', '.join((*REPORTS, _ALL))}")
    with open_stage(stage) as application:
        now = application.local_now()
        last = until.date() if until else now.date()
        first = since.date() if since else last - timedelta(days=_DEFAULT_DAYS - 1)
        if first > last:
            raise typer.BadParameter("--since is later than --until")
        audit_trail.record(application, "report", [clinic or "all clinics"], f"{name}, {first} to {last}")
        configuration = application.configurations.current()
        counts = application.tallies.count(first, last, clinic)
    names = list(REPORTS) if name == _ALL else [name]
    reports = [build_report(each, counts, configuration, first, last, clinic) for each in names]
    if html is not None:
        html.write_text(report_page.page(reports, now), "utf-8")
    if csv is not None:
        # Spreadsheets recognize UTF-8 by the byte order mark.
        csv.write_text("\n".join(map(csv_text.of_report, reports)), "utf-8-sig", newline="")
    if json:
        terminal.print_json(reports)
    elif html is None and csv is None:
        for each in reports:
            _print_report(each)
    else:
        paths = ", ".join(str(path) for path in (html, csv) if path)
        terminal.print_text(f"{paths}: {reports[0].messages} messages")


def _print_report(report: Report) -> None:
    days = f"{report.since} to {report.until} ({report.time_zone})"
    terminal.out.rule(f"{report.title}, {days}, {report.messages} messages")
    for sheet in report.sheets:
        if sheet.rows:
            terminal.print_table(sheet.title, sheet.columns, sheet.rows)
        else:
            terminal.print_text(f"{sheet.title}: nothing.\n")
