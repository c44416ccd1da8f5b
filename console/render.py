"""How values look on a terminal, and the same values as JSON."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from shared.domain import guidance
from shared.domain.hl7 import er7
from shared.domain.lifecycle import State
from shared.domain.model import Dose
from shared.domain.submission import AckError, Attempt, FileSummary, Submission
from shared.exports.columns import column_of
from shared.ports.ledger import WorklistEntry
from shared.settings import INBOX_PREFIX, LOCAL_STAGE
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.unmapped import Unmapped
from shared.usecases.explain import UNEXPLAINED, explanation

_PIPED_WIDTH: Final = 120


_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Screen(Console):
    """A console on which what files, EHRs and IISs say is text: it moves no cursor, sets no title and turns no line."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        if isinstance(renderable, str):
            renderable = _UNSEEN.sub("\ufffd", renderable)
        elif isinstance(renderable, Text) and _UNSEEN.search(renderable.plain):
            renderable = renderable.copy()
            renderable.plain = _UNSEEN.sub("\ufffd", renderable.plain)
        return super().render(renderable, options)


def screen(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console as wide as the terminal; wide enough for every table where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Screen(stderr=stderr, quiet=quiet, width=None if stream.isatty() else _PIPED_WIDTH)


def grid(title: str) -> Table:
    """A table without lines between its columns: narrow, and easy on the eye."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


out = screen()
err = screen(stderr=True)


def as_json(value: object) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def say(json: bool, data: dict[str, Any], words: str) -> None:
    """The outcome of a command: words for a person, or one JSON value."""
    if json:
        as_json(data)
    else:
        out.print(words, markup=False, highlight=False)


STATE_WORDS: Final[dict[State, str]] = {
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
"""Short column heads for the states, where a table has one column for each."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; numbers stand to the right, MSH-10 stays in one piece."""
    filled = grid(title)
    collected = [tuple(row) for row in rows]
    for number, column in enumerate(columns):
        right = bool(collected) and all(isinstance(row[number], int | float) for row in collected)
        justify: JustifyMethod = "right" if right else "left"
        filled.add_column(column, justify=justify, overflow="fold", no_wrap="MSH-10" in column)
    for row in collected:
        filled.add_row(*(Text(str(cell)) for cell in row))
    out.print(filled)
    out.print()


def files(summaries: Sequence[FileSummary], clinic: str = "") -> None:
    """Files and where their rows are; of a clinic its own rows, which do not add up to the file's."""
    states = [state for state in State if any(state in summary.submitted for summary in summaries)]
    adds_up = () if clinic else ("adds up",)
    table(
        f"Files, held and submitted rows of {clinic} alone" if clinic else "Files",
        ("file", "rows", "unchanged", "held", *(STATE_WORDS[state] for state in states), *adds_up),
        (
            (
                summary.name.removeprefix(INBOX_PREFIX),
                summary.rows,
                summary.unchanged,
                summary.held,
                *(summary.submitted.get(state, 0) for state in states),
                *(() if clinic else (standing(summary),)),
            )
            for summary in summaries
        ),
    )


def standing(summary: FileSummary) -> str:
    """Whether a file's counts add up."""
    return "yes" if summary.adds_up else "no" if summary.complete else "being read"


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
                f"{entry.created:%m-%d %H:%M}",
            )
            for entry in entries
        ),
    )
    for cause in sorted({cause for entry in entries for cause in entry.causes}):
        known = explanation(cause)
        if known is not None:
            out.print(Text.assemble((cause, "bold"), f"  {known.words}  ", ("Fix: ", "bold"), known.fix))


def unmapped(codes: Sequence[Unmapped]) -> None:
    """The codes that wait for a map, and what to paste into clinics.toml."""
    if not codes:
        out.print("Nothing waits for a code to be mapped.")
        return
    table(
        "Unmapped codes",
        ("table", "code", "source", "rows", "submissions", "since", "clinics"),
        (
            (
                one.table,
                one.code,
                one.source,
                one.rows,
                one.submissions,
                f"{one.first_seen:%Y-%m-%d %H:%M}",
                ", ".join(one.clinics),
            )
            for one in codes
        ),
    )
    out.print(Text("For clinics.toml, with what the code means in place of the ?:", style="bold"))
    for section in dict.fromkeys(one.section for one in codes):
        out.print(Text(section))
        for one in codes:
            if one.section == section:
                out.print(Text(one.line))
    out.print(Text("Then push it, and release what waits:", style="bold"))
    for cause in dict.fromkeys(one.cause for one in codes):
        out.print(Text(f"vaxline resubmit --cause {shlex.quote(cause)}"))


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
    visit = found.visit
    who = ", ".join(filter(None, (visit.patient.name.family, visit.patient.name.given)))
    out.print(Text(f"  patient: {visit.patient.mrn} {who}, born {visit.patient.birth_date or '?'}"))
    if visit.raw:
        out.print(Text(f"  as exported: {visit.raw}"))
    out.print()
    table(
        "Doses (the number is the one of --set lot[1]=…)",
        ("no", "row", "date", "vaccine", "lot", "given", "dose id"),
        (
            (
                number,
                dose.row,
                dose.date,
                dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code,
                dose.lot,
                _given(dose),
                dose.id,
            )
            for number, dose in enumerate(visit.doses, 1)
        ),
    )
    if found.findings:
        table(
            "Findings",
            ("code", "field", "row", "column", "value", "what to do"),
            (
                (f.code, f.path, f.row, f.column, f.value, (explanation(f.code) or UNEXPLAINED).fix)
                for f in found.findings
            ),
        )
    if found.vxu:
        out.rule("VXU")
        for segment in er7.segments(found.vxu):
            out.print(Text(segment))
    for attempt in found.attempts:
        _attempt(attempt, found)


def _given(dose: Dose) -> str:
    """Completion (table 0322), source (NIP001) and action (table 0323), as the message says them."""
    return " ".join(filter(None, (dose.completion.value, dose.information_source.code, dose.action.value)))


def _attempt(attempt: Attempt, found: Submission) -> None:
    out.rule(f"Attempt {attempt.number}: {attempt.state.value}")
    out.print(
        Text(
            f"  {attempt.started:%Y-%m-%d %H:%M:%S %Z}, {attempt.seconds:.2f} s, HTTP {attempt.http_status or '-'}"
            f", MSA-1 {attempt.msa_1 or '-'}"
        )
    )
    if attempt.fault:
        known = explanation(attempt.fault) or UNEXPLAINED
        out.print(Text(f"  {attempt.fault} ({known.who}): {known.words} {known.fix}"))
    for error in attempt.errors:
        _error(error, found)
    for segment in er7.segments(attempt.ack):
        out.print(Text(f"  {segment}", style="dim"))
    if attempt.trace_ids:
        out.print(Text(f"  for the IIS help desk: {', '.join(attempt.trace_ids)}"))


def _error(error: AckError, found: Submission) -> None:
    """One ERR: what the IIS said, the field in words with our row and column, and what to do."""
    code = error.application_code or error.code
    place = guidance.place(error, found.vxu)
    row = error.row or (found.visit.rows[0][1] if found.visit.rows else 0)
    column = column_of(place if error.segment == "OBX" else error.path)
    where = (guidance.field_name(place), f"row {row}" if row else "", f"column {column}" if column else "")
    out.print(Text(f"  {error.severity} {error.path} {code}: {error.text}"))
    out.print(Text(f"    {', '.join(filter(None, where))}", style="dim"))
    guide = guidance.guide(error, found.vxu)
    out.print(Text.assemble(f"    {guide.words} ", ("Fix: ", "bold"), f"{guide.fix} ({guide.who})"))


def changes(corrections: Iterable[str]) -> dict[str, str]:
    """The `column=value` of a command's `--set`.

    Raises:
        typer.BadParameter: one of them has no equals sign.
    """
    found = {}
    for correction in corrections:
        column, equals, value = correction.partition("=")
        if not equals:
            raise typer.BadParameter(f"{correction!r} is not column=value")
        found[column.strip()] = value
    return found


def resubmitted(result: Resubmitted | NotResubmitted) -> tuple[str, str, str]:
    """One resubmission as a row: the old MSH-10, what came of it, the new one."""
    if isinstance(result, NotResubmitted):
        return result.msh_10, result.reason, ""
    causes = f" ({', '.join(result.causes)})" if result.causes else ""
    return result.replaces, f"{result.state.value}{causes}", result.msh_10


def choices(result: Resubmitted | NotResubmitted, stage: str, *, dry_run: bool) -> None:
    """Where a correction has to name its dose: the doses, and for each the command that corrects it."""
    if isinstance(result, Resubmitted) or not result.choices:
        return
    out.print(Text(f"{result.msh_10}: which dose is meant?"))
    for one in result.choices:
        known = (f"ORC-3 {one.orc_3}" if one.orc_3 else "", one.vaccine, f"lot {one.lot}" if one.lot else "no lot")
        out.print(Text(f"  {one.number}: {', '.join(filter(None, known))}"))
        words = ["vaxline", "resubmit", result.msh_10]
        words += [word for change in one.changes.items() for word in ("--set", "=".join(change))]
        words += ["--dry-run"] * dry_run + ["--stage", stage] * (stage != LOCAL_STAGE)
        # In one piece, however narrow the terminal: it is there to be copied.
        out.print(Text(f"     {shlex.join(words)}", overflow="ignore", no_wrap=True), soft_wrap=True)
