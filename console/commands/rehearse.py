"""`vaxline rehearse`: plays days of a feed's life on this machine and shows what each of them changes."""

from __future__ import annotations

import io
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from console import terminal
from console.commands.files import print_files
from console.connect import describe_error
from console.options import Json
from shared.domain.identity import NO_ORDER

if TYPE_CHECKING:
    from local.ctwiz.stored import StoredPatient
    from local.rehearsal import Called, Rehearsal, Step
    from shared.domain.submission import FileSummary

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="the folder with the numbered entries")]
_K = TypeVar("_K")
_V = TypeVar("_V")
_WorklistKey = tuple[str, str, str]
_DOSE_COLUMNS: Final = ("facility", "PID-3", "name", "born", "ORC-3", "date", "CVX", "lot", "given")


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("rehearse")(rehearse)


def rehearse(
    context: typer.Context,
    folder: Folder,
    everything: Annotated[bool, typer.Option("--all", help="show all after each entry, not only what changed")] = False,
    json: Json = False,
) -> None:
    """Plays a folder of exports and commands and shows what each changes. Example: vaxline rehearse first-weeks

    Entries are played in the order of their names: 01-elm-doses.csv or a folder 02-hilltop-set is an export of that
    source, 03-do.txt holds vaxline commands, one a line. It uses the folder's own clinics.toml, else the demo's, and a
    simulated CT WiZ; nothing is kept. Exit code 1 where a function failed.
    """
    from local import rehearsal

    try:
        entries = rehearsal.read_entries(folder)
    except LookupError as error:
        terminal.print_error(str(error))
        raise typer.Exit(2) from None
    vaxline = context.find_root().command.main
    with rehearsal.opened(folder, entries, lambda words: _called(vaxline, words)) as played:
        steps = list(played.play() if json else _shown(played, everything=everything))
    if json:
        # On one line, as `make demo --json` prints its totals.
        sys.stdout.write(msgspec.json.encode({"steps": steps}).decode() + "\n")
    if any(step.errors for step in steps):
        raise typer.Exit(1)


# Commands of the folder -----------------------------------------------------------------------------------------------


def _called(vaxline: Callable[..., object], words: Sequence[str]) -> Called:
    """Runs the `vaxline` command with these arguments; a command that asks for input gets none."""
    from local.rehearsal import Called

    output = io.StringIO()
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(output):
            code = _exit_code(vaxline, words)
    finally:
        sys.stdin = stdin
    return Called(shlex.join(("vaxline", *words)), code, Text.from_ansi(output.getvalue()).plain.rstrip())


def _exit_code(vaxline: Callable[..., object], words: Sequence[str]) -> int:
    try:
        vaxline(args=list(words), prog_name="vaxline")
    except SystemExit as end:
        if _is_interrupted(end):
            raise KeyboardInterrupt from None
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (LookupError, BotoCoreError, ClientError) as error:
        terminal.print_error(describe_error(error))
        return 2
    except Exception:  # noqa: BLE001 - the rehearsal goes on and shows it
        traceback.print_exc()
    return 1


def _is_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C ended the command: click turns it into an exit code."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


# Output ---------------------------------------------------------------------------------------------------------------


def _shown(played: Rehearsal, *, everything: bool) -> Iterator[Step]:
    """The steps, each printed as soon as it was played."""
    files: dict[str, FileSummary] = {}
    worklist: dict[_WorklistKey, int] = {}
    doses: dict[tuple[str, ...], tuple[str, ...]] = {}
    for step in played.play():
        terminal.out.rule(Text(step.name, style="bold"), align="left")
        for called in step.commands:
            _show_command(called)
        if not step.files and not step.commands:
            terminal.out.print("No file of this entry was taken up.", highlight=False)
        files_now = {file.file_id: file for file in played.files()}
        _show_files(_changed({} if everything else files, files_now))
        terminal.out.print(f"Messages that CT WiZ received: {step.sent}", highlight=False)
        worklist_now = {(one.cause, one.clinic, one.state.value): one.rows for one in step.worklist}
        _show_worklist({} if everything else worklist, worklist_now)
        doses_now = _doses(step.iis)
        _show_doses({} if everything else doses, doses_now)
        for error in step.errors:
            terminal.err.print(Text(f"A function failed: {error}", style="red"))
        files, worklist, doses = files_now, worklist_now, doses_now
        yield step


def _changed(before: Mapping[_K, _V], now: Mapping[_K, _V]) -> list[_V]:
    return [value for key, value in now.items() if before.get(key) != value]


def _show_command(called: Called) -> None:
    terminal.out.print(Text(f"$ {called.command}", style="bold"))
    if called.output:
        terminal.out.print(Text(called.output))
    if called.exit_code:
        terminal.out.print(Text(f"exit code {called.exit_code}", style="red"))


def _show_files(files: Sequence[FileSummary]) -> None:
    if files:
        print_files(files)
    for file in files:
        for finding in file.findings:
            terminal.out.print(Text(f"{file.name}: {finding.code} {finding.value}"))


def _show_worklist(before: Mapping[_WorklistKey, int], now: Mapping[_WorklistKey, int]) -> None:
    changed = [
        (*key, _cell(str(before.get(key, "")), str(now.get(key, 0))))
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    if changed:
        terminal.print_table("Worklist", ("cause", "clinic", "state", "rows"), changed)


def _show_doses(
    before: Mapping[tuple[str, ...], tuple[str, ...]], now: Mapping[tuple[str, ...], tuple[str, ...]]
) -> None:
    """New doses as they are, changed ones with what stood there, and those that are gone."""
    rows = []
    for key in {**now, **before}:
        then, after = before.get(key), now.get(key)
        if then is None and after is not None:
            rows.append(("new", *after))
        elif then is not None and after is None:
            rows.append(("gone", *then))
        elif then is not None and after is not None and then != after:
            rows.append(("changed", *map(_cell, then, after)))
    if rows:
        terminal.print_table("What CT WiZ has", ("", *_DOSE_COLUMNS), rows)
    else:
        terminal.out.print("What CT WiZ has did not change.\n", highlight=False)


def _cell(before: str, after: str) -> str:
    return f"{before} → {after}" if before and before != after else after


def _doses(patients: Sequence[StoredPatient]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """A row of `_DOSE_COLUMNS` for every dose, by what tells it from the others."""
    rows: dict[tuple[str, ...], tuple[str, ...]] = {}
    for patient in patients:
        for dose in patient.doses:
            given = " ".join(filter(None, (dose.completion, dose.source, dose.action)))
            who = (patient.facility, patient.pid_3)
            key = (*who, dose.orc_3, *((dose.cvx, dose.date) if dose.orc_3 == NO_ORDER else ()))
            while key in rows:  # the same ORC-3.1 in another namespace
                key = (*key, "")
            rows[key] = (*who, patient.name, patient.birth_date, dose.orc_3, dose.date, dose.cvx, dose.lot, given)
    return rows
