"""Which of the EHRs' own codes no map has, how much waits for each, and the line of clinics.toml that is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from shared.domain.codes import local
from shared.domain.lifecycle import State
from shared.domain.model import Finding
from shared.ports.ledger import Submissions, Worklist, WorklistEntry
from shared.usecases.findings import cause_of


@dataclass(frozen=True, slots=True)
class Unmapped:
    """One code of one source: `rows` and `submissions` wait for it, the first since `first_seen`.

    `section` and `line` are what to paste into clinics.toml, with the code that it means in place of the `?`; `cause`
    is what to resubmit then.
    """

    cause: str
    table: str
    code: str
    source: str
    rows: int
    submissions: int
    first_seen: datetime
    clinics: tuple[str, ...]
    section: str
    line: str


def unmapped(submissions: Submissions, worklist: Worklist, clinic: str = "") -> tuple[Unmapped, ...]:
    """The codes that held submissions of the worklist wait for, those with the most rows first."""
    waiting: dict[tuple[str, str], list[WorklistEntry]] = {}
    for entry in worklist.entries(clinic=clinic, state=State.HELD):
        for cause in entry.causes:
            if cause.startswith(f"{local.CAUSE} "):
                waiting.setdefault((entry.source, cause), []).append(entry)
    found = [_one(submissions, source, cause, entries) for (source, cause), entries in waiting.items()]
    return tuple(sorted(filter(None, found), key=lambda one: (-one.rows, one.source, one.cause)))


def _one(submissions: Submissions, source: str, cause: str, entries: list[WorklistEntry]) -> Unmapped | None:
    finding = _finding(submissions, cause, entries)
    if finding is None:
        return None
    table, code = local.table_of(finding), finding.value.strip()
    return Unmapped(
        cause=cause,
        table=table,
        code=code,
        source=source,
        rows=sum(entry.row_count or _rows(submissions, entry) for entry in entries),
        submissions=len(entries),
        first_seen=min(entry.created for entry in entries),
        clinics=tuple(sorted({entry.clinic for entry in entries})),
        section=f"[sources.{source}.codes.{table}]",
        line=f'{json.dumps(code, ensure_ascii=False)} = "?"',
    )


def _finding(submissions: Submissions, cause: str, entries: list[WorklistEntry]) -> Finding | None:
    """The finding behind a cause, which has the code as the export writes it; None once nothing waits for it."""
    for entry in entries:
        submission = submissions.get(entry.msh_10)
        for finding in submission.findings if submission else ():
            if cause_of(finding) == cause:
                return finding
    return None


def _rows(submissions: Submissions, entry: WorklistEntry) -> int:
    """The rows behind a submission that a correction made, which stand with the one that it replaces."""
    submission = submissions.get(entry.msh_10)
    return len(submission.visit.rows) if submission else 0
