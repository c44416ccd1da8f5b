"""`vaxline check`: say what vaxline would make of export files on this machine. Needs no AWS and sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from console import terminal
from console.commands.check_page import check_page, times
from console.options import Json
from shared.domain.clinics import Configuration
from shared.ports.objects import Objects
from shared.usecases.intake.check import Cause, Check, Checked, Report, first_configuration
from shared.usecases.intake.export_sets import ExportSet, exports_in
from shared.usecases.intake.returned import Verdicts, rows
from shared.usecases.reporting.pages import csv_text

_VALUES_SHOWN: Final = 8

Files = Annotated[list[Path], typer.Argument(exists=True, help="export files, or folders of them")]
Config = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="the clinics.toml to check by")]
SourceName = Annotated[
    str, typer.Option(help="read every file as this source; without it, folder name or content decides")
]
Returned = Annotated[
    Path | None,
    typer.Option("--csv", dir_okay=False, help="write the CSV file with what is wrong in each row (patient data!)"),
]
Suggest = Annotated[bool, typer.Option("--suggest", help="print a [sources] section for a file not seen before")]
Html = Annotated[Path | None, typer.Option(dir_okay=False, help="write the report as a page to print (patient data!)")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check")(check)


def check(
    files: Files,
    config: Config = None,
    source: SourceName = "",
    html: Html = None,
    csv: Returned = None,
    suggest: Suggest = False,
    json: Json = False,
) -> None:
    """Checks export files before they are sent: what is wrong, by cause, and what would be sent.

    Without --config they are checked as the exports of one clinic. Exit code 1 where something would be held.
    Example: vaxline check first-export.csv --html report.html
    """
    if suggest:
        _suggest(files, source, json=json)
        return
    report = _check(files, config, source, csv)
    if html is not None:
        terminal.write_private(html, check_page(report).encode())
    if json:
        terminal.print_json(_as_data(report))
    else:
        _print_report(report)
        if config is None:
            terminal.print_text("Checked without a clinics.toml, as exports of one clinic. --config names yours.")
        if html is not None:
            terminal.print_text(f"The report is in {html}; it holds patient data.")
    if report.has_errors:
        raise typer.Exit(1)


def _suggest(files: list[Path], source: str, *, json: bool) -> None:
    from shared.adapters.files import LocalObjects
    from shared.usecases.intake.suggest import suggestions

    made = suggestions([path.as_posix() for path in files], LocalObjects(), source)
    if json:
        terminal.print_json([{"name": name, "toml": text} for name, text in made])
        return
    for name, text in made:
        # Not wrapped to the width of the terminal: the text is for clinics.toml.
        typer.echo(f"# for {name}\n{text}")


def _check(files: list[Path], config: Path | None, source: str, csv: Path | None) -> Report:
    from shared.adapters.clock import SystemClock
    from shared.adapters.files import LocalObjects
    from shared.adapters.hl7apy_opinion import Hl7apyOpinion

    configuration = _read_configuration(config) if config else first_configuration()
    objects = LocalObjects()
    exports = exports_in([path.as_posix() for path in files], configuration, objects, source)
    if isinstance(exports, str):
        terminal.print_error(exports)
        raise typer.Exit(2)
    if csv is not None and [export.source.format for export in exports] != ["csv"]:
        terminal.print_error("--csv is for one CSV file")
        raise typer.Exit(2)
    verdicts = Verdicts()
    use_case = Check(
        objects=objects,
        configuration=configuration,
        clock=SystemClock(),
        second_opinion=Hl7apyOpinion(),
        verdicts=verdicts if csv is not None else None,
    )
    with terminal.err.status("reading …"):
        report = use_case(exports)
    if csv is not None:
        _write_returned(csv, exports[0], objects, verdicts)
    return report


def _write_returned(csv: Path, export: ExportSet, objects: Objects, verdicts: Verdicts) -> None:
    returned = csv_text.table(rows(export, objects, verdicts.by_row))
    if not returned:
        terminal.print_error("its header cannot be read, so there are no rows to write")
        return
    # The byte order mark makes a spreadsheet read it as UTF-8.
    terminal.write_private(csv, returned.encode("utf-8-sig"))
    terminal.err.print(Text(f"The file with what is wrong in each row is in {csv}; it holds patient data."))


def _read_configuration(file: Path) -> Configuration:
    from shared.adapters.configuration.reader import InvalidConfigurationError, read_configuration

    try:
        return read_configuration(file.read_text("utf-8"), str(file))
    except InvalidConfigurationError as error:
        terminal.print_error(str(error))
        raise typer.Exit(2) from None


def _as_data(report: Report) -> dict[str, Any]:
    return {
        "ok": not report.has_errors,
        "configuration": report.configuration,
        "total": _counts(report.total),
        "exports": [{"name": export.name, "source": export.source} | _counts(export) for export in report.exports],
        "causes": [msgspec.to_builtins(cause) | {"holds": cause.holds} for cause in report.causes],
    }


def _counts(checked: Checked) -> dict[str, int]:
    return {
        "rows": checked.rows,
        "rows_sent": checked.rows_sent,
        "rows_held": checked.rows_held,
        "visits": checked.visits,
        "visits_sent": checked.visits_sent,
        "visits_held": checked.visits_held,
    }


def _print_report(report: Report) -> None:
    for cause in report.causes:
        _print_cause(cause)
    lines = [*report.exports, report.total] if len(report.exports) > 1 else report.exports
    terminal.print_table(
        "Exports (a visit is one message)",
        ("file", "source", "rows", "visits", "would be sent", "would be held", "rows held"),
        (
            (line.name, line.source, line.rows, line.visits, line.visits_sent, line.visits_held, line.rows_held)
            for line in lines
        ),
    )
    errors = sum(cause.count for cause in report.causes if cause.holds)
    warnings = sum(cause.count for cause in report.causes) - errors
    total = report.total
    verdict = f"{total.visits_sent} of {total.visits} visits would be sent, {total.visits_held} held"
    terminal.out.print(Text(f"{verdict}: {errors} errors, {warnings} warnings.", style="bold"))


def _print_cause(cause: Cause) -> None:
    style = "bold red" if cause.holds else "bold yellow"
    heading = f"{cause.code}  {cause.severity.value}, found {times(cause.count)}  "
    terminal.out.print(Text.assemble((heading, style), f"{cause.column} {cause.path}".strip()))
    terminal.out.print(Text(f"  {cause.words}"))
    terminal.out.print(Text.assemble(("  Fix: ", "bold"), f"{cause.fix} ({cause.who.value})"))
    if cause.values:
        shown = ", ".join(f"{value} ({times(count)})" for value, count in cause.values[:_VALUES_SHOWN])
        more = ", …" if len(cause.values) > _VALUES_SHOWN else ""
        terminal.out.print(Text(f"  Values: {shown}{more}"))
    for example in cause.examples:
        place = f"{example.file}, row {example.place or example.row}" if example.row else example.file
        column = example.column if example.value or example.column != cause.column else ""
        value = f" = {example.value}" if example.value else ""
        terminal.out.print(Text(f"    {place} {column}{value}", style="dim"))
    terminal.out.print()
