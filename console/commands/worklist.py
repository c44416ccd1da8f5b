"""`vaxline worklist` and `vaxline failures`: what needs a person, by cause and by submission."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.text import Text

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Clinic, Json, Stage
from shared.domain.codes import local
from shared.domain.lifecycle import State
from shared.exports.columns import column_of
from shared.exports.corrections import ANOTHER_PERSON, CORRECTABLE, SAME_PERSON
from shared.ports.ledger import WorklistEntry
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.correction.file_problems import file_groups
from shared.usecases.correction.worklist import Group, groups
from shared.usecases.explain import explanation

_FILES_SHOWN: Final = 5


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("worklist")(worklist)
    app.command("failures")(failures)


def worklist(
    clinic: Clinic = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Groups what needs a person by cause, with the fix and the next command. Example: vaxline worklist --clinic elm"""
    with open_stage(stage) as application:
        ledger = application.ledger
        waiting = (
            *file_groups(ledger.files, application.configurations.current(), clinic),
            *groups(ledger.submissions, ledger.worklist, clinic),
        )
        # The values shown come from all submissions in the worklist: one entry, not one per submission.
        count = sum(group.submissions for group in waiting)
        audit_trail.record(application, "worklist", [clinic or "all clinics"], f"{count} lines")
    if json:
        terminal.print_json(waiting)
        return
    if not waiting:
        terminal.print_text("Nothing needs a person.")
    for group in waiting:
        _print_group(group)


def failures(
    clinic: Clinic = "",
    state: Annotated[State | None, typer.Option(help="only this state")] = None,
    cause: Annotated[str, typer.Option(help="only this cause, as the list shows it")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists what needs a person, with each cause's fix. Example: vaxline failures --clinic elm-street"""
    with open_stage(stage) as application:
        audit_trail.record(application, "failures", [clinic or "all clinics"])
        entries = list(application.ledger.worklist.entries(clinic=clinic, state=state, cause=cause))
    if json:
        terminal.print_json(entries)
    elif entries:
        _print_entries(entries)
    else:
        terminal.print_text("Nothing needs a person.")


def _print_group(group: Group) -> None:
    if group.files:
        _print_file_group(group)
        return
    rows = f", {group.rows} {'row' if group.rows == 1 else 'rows'}" if group.rows else ""
    count = "1 submission" if group.submissions == 1 else f"{group.submissions} submissions"
    heading = f"  {group.clinic}: {count}{rows}, since {group.oldest:%Y-%m-%d %H:%M}  {group.field}"
    terminal.out.print(Text.assemble((group.cause, "bold"), heading))
    _print_explanation(group)
    if group.values:
        shown = ", ".join(f"{value} ({count})" for value, count in group.values)
        terminal.out.print(Text(f"  Values: {shown}"))
    terminal.out.print(Text(f"  First: vaxline show {group.msh_10s[0]}", style="dim"))
    if group.cause == ANOTHER_PERSON:
        # Each is a question of its own: no remedy answers it for all.
        terminal.out.print(
            Text(f"  If it is one person: vaxline resubmit MSH-10 --set {SAME_PERSON}=yes\n", style="dim")
        )
        return
    terminal.out.print(Text(f"  All:   vaxline remedy {_remedy_arguments(group)}\n", style="dim"))


def _print_explanation(group: Group) -> None:
    if group.explained is not None:
        terminal.out.print(Text(f"  {group.explained.words}"))
        terminal.out.print(Text.assemble(("  Fix: ", "bold"), f"{group.explained.fix} ({group.explained.who})"))


def _print_file_group(group: Group) -> None:
    count = "1 file" if len(group.files) == 1 else f"{len(group.files)} files"
    heading = f"  {group.clinic}: {count}, since {group.oldest:%Y-%m-%d %H:%M}"
    terminal.out.print(Text.assemble((group.cause, "bold"), heading))
    _print_explanation(group)
    for value, _ in group.values:
        terminal.out.print(Text(f"  {value}"))
    for file_id, name in group.files[:_FILES_SHOWN]:
        words = f"  {name.removeprefix(INBOX_PREFIX)}: vaxline close {file_id} --reason WHY, if nothing is to be done"
        terminal.out.print(Text(words, style="dim"))
    terminal.out.print()


def _remedy_arguments(group: Group) -> str:
    """Return the arguments of `vaxline remedy` for a group, with capitals where the user has to fill in a value."""
    arguments = f"{shlex.quote(group.cause)} --clinic {shlex.quote(group.clinic)}"
    if group.cause.startswith(f"{local.CAUSE} "):
        return f"{arguments} --map CODE"
    if group.cause == "CLINIC-UNKNOWN" and group.values:
        return f"{arguments} --value {shlex.quote(group.values[0][0])} --as-clinic CLINIC"
    column = column_of(group.field)
    return f"{arguments} --set {column}=VALUE" if column in CORRECTABLE else arguments


def _print_entries(entries: Sequence[WorklistEntry]) -> None:
    terminal.print_table(
        "Worklist",
        ("MSH-10", "clinic", "state", "rows", "causes", "since"),
        (
            (
                entry.msh_10,
                entry.clinic,
                entry.state.value,
                entry.row_count,
                ", ".join(entry.causes),
                f"{entry.created:%m-%d %H:%M}",
            )
            for entry in entries
        ),
    )
    for cause in sorted({cause for entry in entries for cause in entry.causes}):
        explained = explanation(cause)
        if explained is not None:
            terminal.out.print(
                Text.assemble((cause, "bold"), f"  {explained.words}  ", ("Fix: ", "bold"), explained.fix)
            )
