"""`vaxline remedy`: preview and apply one remedy to all submissions that wait for one cause."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from console import audit_trail, terminal
from console.commands.submission import print_left_out, resubmission_row
from console.connect import open_stage
from console.options import Corrections, Json, Stage, parse_corrections
from console.remedies import (
    DEFAULT_PACE,
    ConfigurationChange,
    apply_remedy,
    changed_clinics_toml,
    changed_names,
    segment_changes,
)
from shared.adapters.configuration.reader import InvalidConfigurationError, read_configuration
from shared.domain.clinics import Configuration
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Example, Preview, Remedy


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("remedy")(remedy)


def remedy(
    cause: Annotated[str, typer.Argument(help="the cause, as the worklist shows it")],
    clinic: Annotated[str, typer.Option(help="only submissions of this clinic")] = "",
    value: Annotated[str, typer.Option(help="only where this value was found")] = "",
    corrections: Corrections = None,
    meaning: Annotated[str, typer.Option("--map", help="for an UNMAPPED cause: the standard code it means")] = "",
    facility: Annotated[str, typer.Option(help="another HL7 facility code for the clinic of --clinic")] = "",
    as_clinic: Annotated[str, typer.Option(help="for CLINIC-UNKNOWN: the clinic that --value is a name of")] = "",
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="a changed clinics.toml to put in force")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="do it; without it, only a preview is shown")] = False,
    pace: Annotated[int, typer.Option(min=1, max=1000, help="most resubmissions per second")] = DEFAULT_PACE,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Previews one remedy for all submissions that wait for one cause; applies it with --apply.

    A changed clinics.toml comes into force first. Example: vaxline remedy LOT-MISSING --clinic elm --set lot=AB123
    """
    changes = parse_corrections(corrections)
    change = ConfigurationChange(meaning, facility, as_clinic, config.read_text("utf-8") if config else "")
    with open_stage(stage) as application:
        try:
            text = changed_clinics_toml(application, cause, clinic, value, change)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        chosen = Remedy(cause, clinic, value, changes, _read_configuration(text) if text else None)
        members = application.remedies.members(chosen)
        if not members:
            terminal.print_error(f"nothing waits for {cause}; `vaxline worklist` lists the causes")
            raise typer.Exit(1)
        if not apply:
            preview = application.remedies.preview(chosen)
            # The examples quote messages, so each counts as read.
            msh_10s = [example.msh_10 for example in preview.examples]
            audit_trail.record(application, "remedy preview", msh_10s, changed_names(chosen))
            _print_preview(preview, as_json=json)
            return
        results: list[Resubmitted | NotResubmitted] = []
        with Progress(console=terminal.err, disable=json, transient=True) as bar:
            task = bar.add_task("resubmitting", total=len(members))
            for result in apply_remedy(application, chosen, members, text, pace=pace):
                results.append(result)
                bar.update(task, completed=len(results))
    if json:
        terminal.print_json(results)
    else:
        terminal.print_table("Resubmitted", ("MSH-10", "result", "new MSH-10"), map(resubmission_row, results))
        print_left_out(results)
    if any(isinstance(result, NotResubmitted) for result in results):
        raise typer.Exit(1)


def _read_configuration(text: str) -> Configuration:
    try:
        return read_configuration(text)
    except InvalidConfigurationError as error:
        terminal.print_error(str(error))
        raise typer.Exit(1) from None


def _print_preview(preview: Preview, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(preview)
        return
    terminal.print_text(f"Of {preview.submissions} submissions {preview.released} would be sent.")
    for cause, count in preview.held:
        terminal.print_text(f"  still held: {count} for {cause}")
    for reason, count in preview.refused:
        terminal.print_text(f"  not resubmitted: {count}, {reason}")
    for msh_10, dose in preview.left_out:
        terminal.print_text(f"  left out of {msh_10}: {dose}")
    for example in preview.examples:
        _print_example(example)
    terminal.print_text("Nothing was changed. Add --apply to do it.")


def _print_example(example: Example) -> None:
    """Print the segments that would change: the old ones with -, the new ones with +."""
    terminal.out.rule(f"{example.msh_10}: {example.state.value}")
    removed, added = segment_changes(example)
    for segment in removed:
        terminal.out.print(Text(f"- {segment}", style="red"))
    for segment in added:
        terminal.out.print(Text(f"+ {segment}", style="green"))
