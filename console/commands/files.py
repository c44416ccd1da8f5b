"""`vaxline files` and `vaxline trace`: what arrived, and where the rows of a file are now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.text import Text

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage, require_known_clinic
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.correction.file_problems import has_failed
from shared.usecases.explain import explanation
from shared.usecases.findings import is_error
from shared.usecases.reporting.by_clinic import files_of
from shared.usecases.reporting.trace import Trace, files_named
from shared.usecases.reporting.trace import trace as trace_row


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("files")(files)
    app.command("trace")(trace)


def files(clinic: Clinic = "", stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Lists the files that arrived and where their rows are now. Example: vaxline files --clinic elm

    With --clinic: the files with rows of the clinic and those of its own source. Held and submitted rows are then the
    clinic's; all rows and unchanged rows are the file's.
    """
    with open_stage(stage) as application:
        configuration = application.configurations.current()
        require_known_clinic(clinic, configuration)
        audit_trail.record(application, "files", [clinic or "all files"])
        summaries: Iterable[FileSummary] = application.ledger.files.all()
        if clinic:
            summaries = files_of(summaries, configuration, clinic)
        shown = sorted(summaries, key=lambda summary: (summary.arrived, summary.name))
    if json:
        terminal.print_json(shown)
    else:
        print_files(shown, clinic)


def trace(
    file: Annotated[str, typer.Argument(help="the file's name as `files` lists it, its last part, or its file id")],
    row: Annotated[int, typer.Argument(help="the row as a spreadsheet shows it: the header is row 1")],
    part: Annotated[str, typer.Option(help="of a set of files: the file that has the row")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows where one row of one file is now, and every step it took. Example: vaxline trace doses.csv 12"""
    with open_stage(stage) as application:
        arrivals = files_named(application.ledger.files, file)
        audit_trail.record(application, "trace", [summary.file_id for summary in arrivals], f"row {row}")
        traced = (
            trace_row(application.ledger.submissions, application.ledger.files, summary, row, part)
            for summary in arrivals
        )
        traces = [found for found in traced if found is not None]
    if json:
        terminal.print_json(traces)
    else:
        for found in traces:
            _print_trace(found)
    if not traces:
        text = f"{file} has no row {row}" if arrivals else f"no file {file} arrived; `vaxline files` lists them"
        terminal.print_error(text)
        raise typer.Exit(1)


def print_files(summaries: Sequence[FileSummary], clinic: str = "") -> None:
    """Print one line per file. Whether the counts add up can be said of whole files only, not of one clinic's rows."""
    states = [state for state in State if any(state in summary.submitted for summary in summaries)]
    adds_up = () if clinic else ("adds up",)
    terminal.print_table(
        f"Files, held and submitted rows of {clinic} alone" if clinic else "Files",
        ("file", "rows", "unchanged", "held", *(terminal.STATE_LABELS[state] for state in states), *adds_up),
        (
            (
                summary.name.removeprefix(INBOX_PREFIX),
                summary.rows,
                summary.unchanged,
                summary.held,
                *(summary.submitted.get(state, 0) for state in states),
                *(() if clinic else (terminal.adds_up_label(summary),)),
            )
            for summary in summaries
        ),
    )
    _print_problems(summaries)


def _print_problems(summaries: Sequence[FileSummary]) -> None:
    """Print what to do about files with errors of their own."""
    for summary in summaries:
        for finding in summary.findings:
            explained = explanation(finding.code)
            if is_error(finding) and explained is not None:
                name = summary.name.removeprefix(INBOX_PREFIX)
                outcome = "failed" if has_failed(summary) else "was not read as a whole"
                terminal.out.print(
                    Text.assemble(
                        (f"{name} {outcome}: {finding.code}", "bold"),
                        f"  {explained.words} {finding.value}  ",
                        ("Fix: ", "bold"),
                        explained.fix,
                    )
                )


def _print_trace(found: Trace) -> None:
    state = terminal.STATE_LABELS[found.state] if found.state else "unchanged"
    terminal.print_table(
        f"{found.file}, row {found.row}: {state}",
        ("time (UTC)", "MSH-10", "step"),
        ((f"{step.when:%Y-%m-%d %H:%M:%S}" if step.when else "", step.msh_10, step.what) for step in found.steps),
    )
