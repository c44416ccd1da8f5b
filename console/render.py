"""How values look on a terminal, and the same values as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.domain import er7, faults
from shared.domain.submission import Attempt, FileSummary, Submission
from shared.ports import WorklistEntry
from shared.usecases.findings import CHECKS

out = Console()
err = Console(stderr=True)


def as_json(value: object) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; numbers stand to the right."""
    grid = Table(title=title, title_justify="left", header_style="bold", show_lines=False)
    collected = [tuple(row) for row in rows]
    for number, column in enumerate(columns):
        right = bool(collected) and all(isinstance(row[number], int | float) for row in collected)
        grid.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in collected:
        grid.add_row(*(Text(str(cell)) for cell in row))
    out.print(grid)


def explanation(code: str) -> tuple[str, str, str] | None:
    """(words, fix, who) of a check or a fault; None for codes of an IIS, whose text stands in its ACK."""
    check = CHECKS.get(code)
    if check is not None:
        return check.words, check.fix, str(check.who)
    fault = faults.BY_CODE.get(code)
    return (fault.words, fault.fix, str(fault.strategy)) if fault else None


def files(summaries: Iterable[FileSummary]) -> None:
    table(
        "Files",
        ("file", "source", "rows", "unchanged", "held", "submitted", "adds up"),
        (
            (
                summary.name,
                summary.source,
                summary.rows,
                summary.unchanged,
                summary.held,
                ", ".join(f"{count} {state}" for state, count in summary.submitted.items()),
                "yes" if summary.adds_up else ("no" if summary.complete else "being read"),
            )
            for summary in summaries
        ),
    )


def worklist(entries: Sequence[WorklistEntry]) -> None:
    table(
        "Worklist",
        ("MSH-10", "clinic", "state", "rows", "causes", "since"),
        (
            (
                entry.msh_10,
                entry.clinic,
                entry.state.value,
                entry.row_count,
                ", ".join(entry.causes),
                f"{entry.created:%Y-%m-%d %H:%M}",
            )
            for entry in entries
        ),
    )
    for cause in sorted({cause for entry in entries for cause in entry.causes}):
        known = explanation(cause)
        if known is not None:
            out.print(Text.assemble((cause, "bold"), f"  {known[0]}  ", ("Fix: ", "bold"), known[1]))


def submission_json(submission: Submission) -> dict[str, Any]:
    """A submission as `show --json` prints it: what the ledger has, the VXU as a list of segments."""
    content: dict[str, Any] = msgspec.to_builtins(submission)
    return content | {"vxu": er7.segments(submission.vxu)}


def submission(found: Submission) -> None:
    """Message, findings, attempts and ACK of one submission."""
    out.print(Text.assemble(("MSH-10 ", "bold"), found.msh_10, "  ", (found.state.value, "bold reverse")))
    rows = ", ".join(str(row) for _, row in found.visit.rows)
    facts = (
        ("file", f"{found.file_name} (rows {rows})"),
        ("clinic", found.clinic),
        ("created", f"{found.created:%Y-%m-%d %H:%M:%S %Z}"),
        ("configuration", found.config_version),
        ("replaces", found.replaces),
        ("replaced by", found.replaced_by),
        ("closed because", found.closed_reason),
    )
    for name, value in facts:
        if value:
            out.print(Text(f"  {name}: {value}"))
    if found.findings:
        table(
            "Findings",
            ("code", "field", "row", "column", "value", "what to do"),
            (
                (f.code, f.path, f.row, f.column, f.value, (explanation(f.code) or ("", "", ""))[1])
                for f in found.findings
            ),
        )
    if found.vxu:
        out.rule("VXU")
        for segment in er7.segments(found.vxu):
            out.print(Text(segment))
    for attempt in found.attempts:
        _attempt(attempt)


def _attempt(attempt: Attempt) -> None:
    out.rule(f"Attempt {attempt.number}: {attempt.state.value}")
    out.print(
        Text(
            f"  {attempt.started:%Y-%m-%d %H:%M:%S %Z}, {attempt.seconds:.2f} s, HTTP {attempt.http_status or '-'}"
            f", MSA-1 {attempt.msa_1 or '-'}"
        )
    )
    if attempt.fault:
        words, fix, strategy = explanation(attempt.fault) or ("", "", "")
        out.print(Text(f"  {attempt.fault} ({strategy}): {words} {fix}"))
    for error in attempt.errors:
        code = error.application_code or error.code
        out.print(Text(f"  {error.severity} {error.path} {code}: {error.text}"))
    for segment in er7.segments(attempt.ack):
        out.print(Text(f"  {segment}", style="dim"))
    if attempt.trace_ids:
        out.print(Text(f"  for the IIS help desk: {', '.join(attempt.trace_ids)}"))
