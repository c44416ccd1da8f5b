"""The EHRs' own codes that clinics.toml does not map, what waits for each, and the line that is missing."""

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
    """One unmapped code of one source.

    Attributes:
        cause: The cause to resubmit once the code is mapped.
        table: The code table.
        code: The EHR's code, as exported.
        source: The source.
        rows: How many rows wait for it.
        submissions: How many submissions wait for it.
        first_seen: When the first of these submissions was made.
        clinics: The clinics that these submissions are from.
        section: The section of clinics.toml that the line belongs to.
        line: The line to add, with a `?` in place of the standard code.
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
    """Return the unmapped codes that held submissions wait for, of one clinic or of all, most rows first."""
    waiting: dict[tuple[str, str], list[WorklistEntry]] = {}
    for entry in worklist.entries(clinic=clinic, state=State.HELD):
        for cause in entry.causes:
            if cause.startswith(f"{local.CAUSE} "):
                waiting.setdefault((entry.source, cause), []).append(entry)
    codes = [_unmapped_code(submissions, source, cause, entries) for (source, cause), entries in waiting.items()]
    return tuple(sorted(filter(None, codes), key=lambda code: (-code.rows, code.source, code.cause)))


def _unmapped_code(submissions: Submissions, source: str, cause: str, entries: list[WorklistEntry]) -> Unmapped | None:
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
    """Return a finding of a cause: it has the code as exported. None if nothing waits for the cause any more."""
    for entry in entries:
        submission = submissions.get(entry.msh_10)
        for finding in submission.findings if submission else ():
            if cause_of(finding) == cause:
                return finding
    return None


def _rows(submissions: Submissions, entry: WorklistEntry) -> int:
    """Return the rows of a submission made by a correction: the ledger counts them with the one that it replaces."""
    submission = submissions.get(entry.msh_10)
    return len(submission.visit.rows) if submission else 0
