"""`vaxline close` and `vaxline reopen`: nothing more is to be done about a failure, or there is after all."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Json, Stage, require_known_clinic
from shared.bootstrap import Application
from shared.ports.ledger import NO_CLINIC
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.correction.closing import Closed, Reopened, Selected, Selection
from shared.usecases.reporting.trace import files_named

Subjects = Annotated[
    list[str] | None, typer.Argument(help="message control ids, or ids of files as the worklist shows them")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("close")(close)
    app.command("reopen")(reopen)


def close(
    subjects: Subjects = None,
    reason: Annotated[str, typer.Option(help="why nothing more is to be done")] = "",
    cause: Annotated[str, typer.Option(help="everything in the worklist with this cause")] = "",
    file: Annotated[str, typer.Option(help="everything in the worklist from this file, by its name or id")] = "",
    clinic: Annotated[str, typer.Option(help="everything in the worklist of this clinic")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="for several at once: do it, instead of a preview")] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Takes failures off the worklist; nothing is deleted. Example: vaxline close 3QX7K2… --reason duplicate

    With --cause, --file or --clinic, which narrow each other: everything that meets them. Without --apply this is only
    counted. Example: vaxline close --file doses.csv --cause LOT-MISSING --reason "sent on paper" --apply
    """
    if not reason.strip():
        raise typer.BadParameter("say why nothing more is to be done: --reason")
    is_group = bool(cause or file or clinic)
    if is_group == bool(subjects):
        raise typer.BadParameter("name submissions and files, or a --cause, --file or --clinic, and not both")
    with open_stage(stage) as application:
        chosen = tuple(subjects or ())
        if is_group:
            selected = _selected(application, cause, file, clinic)
            chosen = selected.subjects
            if not chosen:
                terminal.print_error("nothing like that waits; `vaxline worklist` lists what does")
                raise typer.Exit(1)
            if not apply:
                _print_preview(selected, as_json=json)
                return
        audit_trail.record(application, "close", chosen, ", ".join(filter(None, (cause, clinic, file and "one file"))))
        results = [application.closing.close(one, reason) for one in chosen]
    _print_closed(results, as_json=json, as_list=is_group or len(chosen) > 1)
    if not all(result.closed for result in results):
        raise typer.Exit(1)


def reopen(subjects: Subjects = None, stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Puts what was closed into the worklist again, as it was. Example: vaxline reopen 3QX7K2…"""
    if not subjects:
        raise typer.BadParameter("name at least one MSH-10 or file id")
    with open_stage(stage) as application:
        audit_trail.record(application, "reopen", subjects)
        results = [application.closing.reopen(one) for one in subjects]
    if json:
        terminal.print_json(results)
    else:
        terminal.print_table("Reopened", ("MSH-10 or file", "result"), map(_reopened_row, results))
    if not all(result.reopened for result in results):
        raise typer.Exit(1)


def _selected(application: Application, cause: str, file: str, clinic: str) -> Selected:
    configuration = application.configurations.current()
    if clinic != NO_CLINIC:
        require_known_clinic(clinic, configuration)
    ids: tuple[str, ...] = ()
    if file:
        ids = tuple(summary.file_id for summary in files_named(application.ledger.files, file))
        if not ids:
            terminal.print_error(f"no file {file} arrived; `vaxline files` lists them")
            raise typer.Exit(1)
    return application.closing.select(Selection(cause, clinic, ids), configuration)


def _print_preview(selected: Selected, *, as_json: bool) -> None:
    causes = Counter(cause for entry in selected.submissions for cause in entry.causes)
    if as_json:
        terminal.print_json(
            {
                "submissions": len(selected.submissions),
                "rows": selected.rows,
                "files": [file.file_id for file in selected.files],
                "in_doubt": selected.in_doubt,
                "causes": causes.most_common(),
            }
        )
        return
    terminal.print_text(f"{selected.words} would be closed.")
    for cause, count in causes.most_common():
        terminal.print_text(f"  {count} for {cause}")
    for file in selected.files:
        terminal.print_text(f"  and the file {file.name.removeprefix(INBOX_PREFIX)}")
    if selected.in_doubt:
        terminal.print_text(
            f"  {selected.in_doubt} of them may be stored at the IIS or not: `vaxline reconcile --unknown` asks first"
        )
    terminal.print_text("Nothing was changed. Add --apply to do it.")


def _print_closed(results: list[Closed], *, as_json: bool, as_list: bool) -> None:
    if as_list and as_json:
        terminal.print_json([_data(result) for result in results])
    elif as_list:
        terminal.print_table(
            "Closed", ("MSH-10 or file", "result"), ((result.subject, _words(result)) for result in results)
        )
    else:
        (result,) = results
        words = _words(result) if result.closed else f"{result.subject} is not open: {result.reason_against}"
        terminal.print_result(_data(result), words, as_json=as_json)


def _data(result: Closed) -> dict[str, str | bool]:
    return {
        "msh_10": result.subject,
        "closed": result.closed,
        "in_doubt": result.in_doubt,
        "reason_against": result.reason_against,
    }


def _words(result: Closed) -> str:
    if not result.closed:
        return result.reason_against
    return f"closed, although {result.in_doubt}" if result.in_doubt else "closed"


def _reopened_row(result: Reopened) -> tuple[str, str]:
    state = f": {result.state.value}" if result.state else ""
    return result.subject, f"reopened{state}" if result.reopened else result.reason_against
