"""`vaxline check`: what vaxline would make of export files on this machine. Needs no AWS, sends and keeps nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from console import render
from console.commands.check_page import page
from console.options import Json
from shared.domain.clinics import Configuration
from shared.usecases.intake.check import Cause, Check, Checked, Report, exports_in, first_configuration

_VALUES_SHOWN: Final = 8

Files = Annotated[list[Path], typer.Argument(exists=True, help="export files, or folders of them")]
Config = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="the clinics.toml to check by")]
SourceName = Annotated[str, typer.Option(help="read every file as this source; else told by folder name or content")]
Html = Annotated[Path | None, typer.Option(dir_okay=False, help="write the report as a page to print (patient data!)")]


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("check")(check)


def check(files: Files, config: Config = None, source: SourceName = "", html: Html = None, json: Json = False) -> None:
    """Checks export files before they are sent: what is wrong, by cause, and what would be sent.

    Without --config they are checked as the exports of one clinic. Exit code 1 where something would be held.
    Example: vaxline check first-export.csv --html report.html
    """
    report = _report(files, config, source)
    if html is not None:
        _write_privately(html, page(report))
    if json:
        render.as_json(as_data(report))
    else:
        _show(report)
        if config is None:
            render.out.print("Checked without a clinics.toml: as the exports of one clinic. --config names yours.")
        if html is not None:
            render.out.print(Text(f"{html} has the report; it holds patient data."))
    if report.has_errors:
        raise typer.Exit(1)


def _report(files: list[Path], config: Path | None, source: str) -> Report:
    from shared.adapters.clock import SystemClock  # noqa: PLC0415 - a command pays only for what it needs
    from shared.adapters.files import LocalObjects  # noqa: PLC0415 - as above
    from shared.adapters.hl7apy_opinion import Hl7apyOpinion  # noqa: PLC0415 - as above

    configuration = _configuration(config) if config else first_configuration()
    objects = LocalObjects()
    sets = exports_in([path.as_posix() for path in files], configuration, objects, source)
    if isinstance(sets, str):
        render.err.print(sets, markup=False, highlight=False)
        raise typer.Exit(2)
    use_case = Check(objects=objects, configuration=configuration, clock=SystemClock(), second_opinion=Hl7apyOpinion())
    with render.err.status("reading …"):
        return use_case(sets)


def _configuration(file: Path) -> Configuration:
    from shared.adapters.configuration import reader  # noqa: PLC0415 - as above

    try:
        return reader.valid(file.read_text("utf-8"), str(file))
    except reader.NotValid as error:
        render.err.print(str(error), markup=False, highlight=False)
        raise typer.Exit(2) from None


def _write_privately(file: Path, text: str) -> None:
    """Writes what only its owner may read: the page quotes the export."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    file.chmod(0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(text)


def as_data(report: Report) -> dict[str, Any]:
    """The report as `check --json` prints it."""
    return {
        "ok": not report.has_errors,
        "configuration": report.configuration,
        "total": _counts(report.total),
        "exports": [{"name": one.name, "source": one.source} | _counts(one) for one in report.exports],
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


def _show(report: Report) -> None:
    for cause in report.causes:
        _show_cause(cause)
    checked = [*report.exports, report.total] if len(report.exports) > 1 else report.exports
    render.table(
        "Exports (a visit is one message)",
        ("file", "source", "rows", "visits", "would be sent", "would be held", "rows held"),
        (
            (one.name, one.source, one.rows, one.visits, one.visits_sent, one.visits_held, one.rows_held)
            for one in checked
        ),
    )
    errors = sum(cause.count for cause in report.causes if cause.holds)
    warnings = sum(cause.count for cause in report.causes) - errors
    total = report.total
    verdict = f"{total.visits_sent} of {total.visits} visits would be sent, {total.visits_held} held"
    render.out.print(Text(f"{verdict}: {errors} errors, {warnings} warnings.", style="bold"))


def _show_cause(cause: Cause) -> None:
    style = "bold red" if cause.holds else "bold yellow"
    head = f"{cause.code}  {cause.severity.value}, found {_times(cause.count)}  "
    render.out.print(Text.assemble((head, style), f"{cause.column} {cause.path}".strip()))
    render.out.print(Text(f"  {cause.words}"))
    render.out.print(Text.assemble(("  Fix: ", "bold"), f"{cause.fix} ({cause.who.value})"))
    if cause.values:
        shown = ", ".join(f"{value} ({_times(count)})" for value, count in cause.values[:_VALUES_SHOWN])
        more = ", …" if len(cause.values) > _VALUES_SHOWN else ""
        render.out.print(Text(f"  Values: {shown}{more}"))
    for example in cause.examples:
        place = f"{example.file}, row {example.row}" if example.row else example.file
        column = example.column if example.value or example.column != cause.column else ""
        value = f" = {example.value}" if example.value else ""
        render.out.print(Text(f"    {place} {column}{value}", style="dim"))
    render.out.print()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
