"""`vaxline remedy`: one remedy for a group of the worklist, looked at first and then done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import Progress
from rich.text import Text

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Json, Stage
from console.remedies import Change, applied, changed_text, named
from shared.adapters.configuration import reader
from shared.domain.clinics import Configuration
from shared.domain.hl7 import er7
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Example, Preview, Remedy

_PACE: Final = 20


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("remedy")(remedy)


def remedy(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cause: Annotated[str, typer.Argument(help="the cause, as the worklist shows it")],
    clinic: Annotated[str, typer.Option(help="only what waits at this clinic")] = "",
    value: Annotated[str, typer.Option(help="only where this value was found")] = "",
    corrections: Annotated[
        list[str] | None, typer.Option("--set", help="column=value, with the column names of vaxline's CSV layout")
    ] = None,
    meaning: Annotated[str, typer.Option("--map", help="of an UNMAPPED cause: the standard code it means")] = "",
    facility: Annotated[str, typer.Option(help="another HL7 facility code for the clinic of --clinic")] = "",
    as_clinic: Annotated[str, typer.Option(help="of CLINIC-UNKNOWN: the clinic that --value is a name of")] = "",
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="a changed clinics.toml to put in force")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="do it; else it is only shown what would happen")] = False,
    pace: Annotated[int, typer.Option(min=1, max=1000, help="so many resubmissions a second at most")] = _PACE,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Mends all that waits for one cause: shows what it would do, and with --apply does it.

    A changed clinics.toml comes into force first. Example: vaxline remedy LOT-MISSING --clinic elm --set lot=AB123
    """
    changes = render.changes(corrections or [])
    change = Change(meaning, facility, as_clinic, config.read_text("utf-8") if config else "")
    with to_stage(stage) as application:
        try:
            text = changed_text(application, cause, clinic, value, change)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        wanted = Remedy(cause, clinic, value, changes, _parsed(text) if text else None)
        members = application.remedies.members(wanted)
        if not members:
            render.err.print(f"nothing waits for {cause}; `vaxline worklist` lists what does", highlight=False)
            raise typer.Exit(1)
        if not apply:
            # The examples quote messages, so they are read as `show` reads them.
            preview = application.remedies.preview(wanted)
            noted(application, "remedy preview", [one.msh_10 for one in preview.examples], named(wanted))
            _show_preview(preview, json=json)
            return
        results: list[Resubmitted | NotResubmitted] = []
        with Progress(console=render.err, disable=json, transient=True) as bar:
            task = bar.add_task("resubmitting", total=len(members))
            for result in applied(application, wanted, members, text, pace=pace):
                results.append(result)
                bar.update(task, completed=len(results))
    if json:
        render.as_json(results)
    else:
        render.table("Resubmitted", ("MSH-10", "result", "new MSH-10"), map(render.resubmitted, results))
    if any(isinstance(result, NotResubmitted) for result in results):
        raise typer.Exit(1)


def _parsed(text: str) -> Configuration:
    try:
        return reader.valid(text)
    except reader.NotValid as error:
        render.err.print(str(error), markup=False, highlight=False)
        raise typer.Exit(1) from None


def _show_preview(preview: Preview, *, json: bool) -> None:
    if json:
        render.as_json(preview)
        return
    render.out.print(f"Of {preview.submissions} submissions {preview.released} would be sent.", highlight=False)
    for cause, count in preview.held:
        render.out.print(Text(f"  still held: {count} for {cause}"))
    for reason, count in preview.refused:
        render.out.print(Text(f"  not resubmitted: {count}, {reason}"))
    for example in preview.examples:
        _show_example(example)
    render.out.print("Nothing was changed. The same with --apply does it.")


def _show_example(example: Example) -> None:
    """The segments that differ, the old ones marked with -, the new ones with +."""
    render.out.rule(f"{example.msh_10}: {example.state.value}")
    before, after = er7.segments(example.before), er7.segments(example.after)
    for segment in before:
        if segment not in after:
            render.out.print(Text(f"- {segment}", style="red"))
    for segment in after:
        if segment not in before:
            render.out.print(Text(f"+ {segment}", style="green"))
