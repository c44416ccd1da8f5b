"""Output of the `vaxline` command: tables and text on a terminal, or JSON."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.usecases.correction.file_problems import has_failed

_PIPED_WIDTH: Final = 120
"""Columns where standard output is no terminal."""

# C0 and C1 control characters except tab and newline, and Unicode's bidirectional controls.
_CONTROL_CHARACTERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

STATE_LABELS: Final[dict[State, str]] = {
    State.HELD: "held",
    State.QUEUED: "queued",
    State.SENDING: "sending",
    State.ACCEPTED: "accepted",
    State.ACCEPTED_WITH_WARNINGS: "warned",
    State.PARTLY_ACCEPTED: "partly",
    State.REFUSED: "refused",
    State.UNKNOWN: "unknown",
    State.SUPERSEDED: "superseded",
    State.CLOSED: "closed",
}
"""Short column heads for tables with one column per state."""


class SafeConsole(Console):
    """A console that replaces control characters, so that text from exports and ACKs cannot steer the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        if isinstance(renderable, str):
            renderable = _CONTROL_CHARACTERS.sub("\ufffd", renderable)
        elif isinstance(renderable, Text) and _CONTROL_CHARACTERS.search(renderable.plain):
            renderable = renderable.copy()
            renderable.plain = _CONTROL_CHARACTERS.sub("\ufffd", renderable.plain)
        return super().render(renderable, options)


def make_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Return a console as wide as the terminal, or 120 columns wide where the output is piped."""
    stream = sys.stderr if stderr else sys.stdout
    return SafeConsole(stderr=stderr, quiet=quiet, width=None if stream.isatty() else _PIPED_WIDTH)


out = make_console()
err = make_console(stderr=True)


def print_text(text: str) -> None:
    """Print text as it is: no markup, no highlighting."""
    out.print(text, markup=False, highlight=False)


def print_error(text: str) -> None:
    """Print text as it is on standard error."""
    err.print(text, markup=False, highlight=False)


def print_json(value: object) -> None:
    """Print one JSON value on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_result(data: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print the result of a command: `data` as JSON, or `text`."""
    if as_json:
        print_json(data)
    else:
        print_text(text)


def new_table(title: str) -> Table:
    """Return an empty table without vertical lines."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Columns of numbers are right-aligned; an MSH-10 is never wrapped."""
    table = new_table(title)
    collected = [tuple(row) for row in rows]
    for index, column in enumerate(columns):
        is_numeric = bool(collected) and all(isinstance(row[index], int | float) for row in collected)
        justify: JustifyMethod = "right" if is_numeric else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap="MSH-10" in column)
    for row in collected:
        table.add_row(*(Text(str(cell)) for cell in row))
    out.print(table)
    out.print()


def adds_up_label(summary: FileSummary) -> str:
    """Say whether the counts of a file add up: `yes`, `no`, `being read`, or `failed` if nothing of it was read."""
    if has_failed(summary):
        return "failed"
    return "yes" if summary.adds_up else "no" if summary.complete else "being read"


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, because it quotes patients."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    file.chmod(0o600)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(content)
