"""`vaxline show` and `vaxline resubmit`: one submission, or several by their MSH-10."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Corrections, Json, Stage, parse_corrections
from shared.domain import guidance
from shared.domain.hl7 import er7
from shared.domain.lifecycle import State
from shared.domain.model import Dose
from shared.domain.reconcile import doubt
from shared.domain.submission import AckError, Attempt, Submission
from shared.exports.columns import column_of
from shared.exports.corrections import SAME_PERSON
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.correct import NotResubmitted, Resubmitted, may_be_one_person
from shared.usecases.explain import UNEXPLAINED, explanation


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("show")(show)
    app.command("resubmit")(resubmit)


def show(
    msh_10: Annotated[str, typer.Argument(help="the message control id")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows message, findings, attempts and ACK of one submission. Example: vaxline show 3QX7K2…"""
    with open_stage(stage) as application:
        audit_trail.record(application, "show", [msh_10])
        submission = application.ledger.submissions.get(msh_10)
    if submission is None:
        terminal.print_error(f"there is no submission {msh_10}")
        raise typer.Exit(1)
    if json:
        content: dict[str, Any] = msgspec.to_builtins(submission)
        terminal.print_json(content | {"vxu": er7.segments(submission.vxu)})
    else:
        _print_submission(submission)


def resubmit(
    msh_10s: Annotated[list[str] | None, typer.Argument(help="message control ids, as `failures` lists them")] = None,
    corrections: Corrections = None,
    cause: Annotated[str, typer.Option(help="every submission in the worklist with this cause")] = "",
    clinic: Annotated[str, typer.Option(help="with --cause: only this clinic")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, change nothing")] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Sends again after a correction, under a new MSH-10. Example: vaxline resubmit 3QX7K2… --set lot=AB123"""
    changes = parse_corrections(corrections)
    with open_stage(stage) as application:
        chosen = list(msh_10s or [])
        if cause:
            chosen += [entry.msh_10 for entry in application.ledger.worklist.entries(clinic=clinic, cause=cause)]
        if not chosen:
            raise typer.BadParameter("name at least one MSH-10, or a --cause that the worklist has")
        action = "resubmit --dry-run" if dry_run else "resubmit"
        audit_trail.record(application, action, chosen, ", ".join(sorted(changes)))
        results = [application.correct(each, changes, dry_run=dry_run) for each in chosen]
    if json:
        terminal.print_json(results)
    else:
        terminal.print_table(
            "Would be resubmitted" if dry_run else "Resubmitted",
            ("MSH-10", "result", "new MSH-10"),
            map(resubmission_row, results),
        )
        print_left_out(results)
        for result in results:
            if isinstance(result, NotResubmitted) and result.choices:
                _print_dose_choices(result, stage, dry_run=dry_run)
    if any(isinstance(result, NotResubmitted) for result in results):
        raise typer.Exit(1)


def resubmission_row(result: Resubmitted | NotResubmitted) -> tuple[str, str, str]:
    """Return a row of a table: the old MSH-10, the result, the new MSH-10."""
    if isinstance(result, NotResubmitted):
        return result.msh_10, result.reason, ""
    causes = f" ({', '.join(result.causes)})" if result.causes else ""
    return result.replaces, f"{result.state.value}{causes}", result.msh_10


def print_left_out(results: Iterable[Resubmitted | NotResubmitted]) -> None:
    """Print the doses that resubmissions leave out, each with the submission that reports it."""
    for result in results:
        if isinstance(result, Resubmitted):
            for dose in result.left_out:
                terminal.print_text(f"{result.replaces}: left out: {dose}")


def _print_dose_choices(result: NotResubmitted, stage: str, *, dry_run: bool) -> None:
    """Print the doses among which a correction has to choose, each with the command that corrects it."""
    terminal.out.print(Text(f"{result.msh_10}: which dose is meant?"))
    for choice in result.choices:
        known = (
            f"ORC-3 {choice.orc_3}" if choice.orc_3 else "",
            choice.vaccine,
            f"lot {choice.lot}" if choice.lot else "no lot",
        )
        terminal.out.print(Text(f"  {choice.number}: {', '.join(filter(None, known))}"))
        words = ["vaxline", "resubmit", result.msh_10]
        words += [word for change in choice.changes.items() for word in ("--set", "=".join(change))]
        words += ["--dry-run"] * dry_run + ["--stage", stage] * (stage != LOCAL_STAGE)
        # Not wrapped, however narrow the terminal, so that it can be copied.
        terminal.out.print(Text(f"     {shlex.join(words)}", overflow="ignore", no_wrap=True), soft_wrap=True)


def _print_submission(submission: Submission) -> None:
    _print_facts(submission)
    terminal.print_table(
        "Doses (the number is that of --set lot[1]=…)",
        ("no", "row", "date", "vaccine", "lot", "given", "dose id"),
        (
            (
                number,
                dose.row,
                dose.date,
                dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code,
                dose.lot,
                _what_happened(dose),
                dose.id,
            )
            for number, dose in enumerate(submission.visit.doses, 1)
        ),
    )
    if submission.findings:
        terminal.print_table(
            "Findings",
            ("code", "field", "row", "column", "value", "what to do"),
            (
                (
                    finding.code,
                    finding.path,
                    submission.visit.row_name(finding.row),
                    finding.column,
                    finding.value,
                    (explanation(finding.code) or UNEXPLAINED).fix,
                )
                for finding in submission.findings
            ),
        )
    if submission.vxu:
        terminal.out.rule("VXU")
        for segment in er7.segments(submission.vxu):
            terminal.out.print(Text(segment))
    if may_be_one_person(submission):
        terminal.print_text(f"If it is one person: vaxline resubmit {submission.msh_10} --set {SAME_PERSON}=yes")
    for attempt in submission.attempts:
        _print_attempt(attempt, submission)


def _print_facts(submission: Submission) -> None:
    terminal.out.print(
        Text.assemble(("MSH-10 ", "bold"), submission.msh_10, "  ", (submission.state.value, "bold reverse"))
    )
    visit = submission.visit
    facts = (
        ("file", f"{submission.file_name} (rows {visit.row_names})"),
        ("clinic", submission.clinic),
        ("created", f"{submission.created:%Y-%m-%d %H:%M:%S %Z}"),
        ("configuration", submission.config_version),
        ("replaces", submission.replaces),
        ("replaced by", submission.replaced_by),
        ("proved by" if submission.state is State.PARTLY_ACCEPTED else "closed because", submission.closed_reason),
        ("to reopen it", f"vaxline reopen {submission.msh_10}" if submission.state is State.CLOSED else ""),
        ("in doubt", doubt(submission)),
    )
    for name, value in facts:
        if value:
            terminal.out.print(Text(f"  {name}: {value}"))
    name = ", ".join(filter(None, (visit.patient.name.family, visit.patient.name.given)))
    terminal.out.print(Text(f"  patient: {visit.patient.mrn} {name}, born {visit.patient.birth_date or '?'}"))
    if visit.raw:
        terminal.out.print(Text(f"  as exported: {visit.raw}"))
    terminal.out.print()


def _what_happened(dose: Dose) -> str:
    """Return completion (HL7 table 0322), source (NIP001) and action (table 0323) as in the message."""
    return " ".join(filter(None, (dose.completion.value, dose.information_source.code, dose.action.value)))


def _print_attempt(attempt: Attempt, submission: Submission) -> None:
    terminal.out.rule(f"Attempt {attempt.number}: {attempt.state.value}")
    terminal.out.print(
        Text(
            f"  {attempt.started:%Y-%m-%d %H:%M:%S %Z}, {attempt.seconds:.2f} s, HTTP {attempt.http_status or '-'}"
            f", MSA-1 {attempt.msa_1 or '-'}"
        )
    )
    if attempt.salvaged:
        terminal.out.print(Text("  salvaged: the answer had characters that XML forbids; \ufffd stands for them"))
    if attempt.msa_3:
        terminal.out.print(Text(f"  MSA-3: {attempt.msa_3}"))
    if attempt.fault:
        explained = explanation(attempt.fault) or UNEXPLAINED
        terminal.out.print(Text(f"  {attempt.fault} ({explained.who}): {explained.words} {explained.fix}"))
    for error in attempt.errors:
        _print_ack_error(error, submission)
    for segment in er7.segments(attempt.ack):
        terminal.out.print(Text(f"  {segment}", style="dim"))
    for words, doses in (("not stored", attempt.dropped), ("perhaps not stored", attempt.unproven)):
        if doses:
            terminal.out.print(Text(f"  {words}: {', '.join(doses)}"))
    if attempt.trace_ids:
        terminal.out.print(Text(f"  for the IIS help desk: {', '.join(attempt.trace_ids)}"))


def _print_ack_error(error: AckError, submission: Submission) -> None:
    """Print one ERR: the IIS's text, the field with the export's row and column, and what to do."""
    code = error.application_code or error.code
    place = guidance.place(error, submission.vxu)
    row = error.row or (submission.visit.rows[0][1] if submission.visit.rows else 0)
    column = column_of(place if error.segment == "OBX" else error.path)
    in_row = f"row {submission.visit.row_name(row)}" if row else ""
    where = (guidance.field_name(place), in_row, f"column {column}" if column else "")
    terminal.out.print(Text(f"  {error.severity} {error.path} {code}: {error.text}"))
    terminal.out.print(Text(f"    {', '.join(filter(None, where))}", style="dim"))
    guide = guidance.guide(error, submission.vxu)
    terminal.out.print(Text.assemble(f"    {guide.words} ", ("Fix: ", "bold"), f"{guide.fix} ({guide.who})"))
