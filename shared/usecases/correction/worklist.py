"""The worklist grouped by cause and clinic: what one remedy can correct is one group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.model import Finding
from shared.ports.ledger import Submissions, Worklist, WorklistEntry
from shared.usecases.explain import Explanation, explanation
from shared.usecases.findings import cause_of

NO_CAUSE: Final = "NO-CAUSE"
"""The cause of entries that have none, so that they are shown."""

VALUES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one clinic with the same cause. A submission with two causes is in two groups.

    Attributes:
        cause: The cause.
        clinic: The clinic's key.
        field: The HL7 path that the cause is about; empty if there is none.
        values: The values there with their counts, the most frequent first (PHI).
        submissions: The number of submissions.
        rows: The number of rows of exports.
        oldest: When the first of the submissions was made.
        explained: What the cause means.
        msh_10s: The submissions.
        files: (file id, name) of the files that a cause is about, the newest first; such a cause has no submissions.
    """

    cause: str
    clinic: str
    field: str
    values: tuple[tuple[str, int], ...]
    submissions: int
    rows: int
    oldest: datetime
    explained: Explanation | None
    msh_10s: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


def group_of(submissions: Submissions, worklist: Worklist, cause: str, clinic: str = "") -> Group | None:
    """Return the group of a cause, the largest if several clinics have it. Reads the cause's submissions only."""
    indexed = "" if cause == NO_CAUSE else cause
    return next((group for group in groups(submissions, worklist, clinic, indexed) if group.cause == cause), None)


def groups(submissions: Submissions, worklist: Worklist, clinic: str = "", cause: str = "") -> tuple[Group, ...]:
    """Return the groups of the worklist, the one with the most submissions first. Reads every submission once.

    Args:
        submissions: Read for the fields and values of the findings.
        worklist: The entries to group.
        clinic: A clinic's key, or empty for all.
        cause: Only submissions with this cause; their other causes are groups too. Empty for all.
    """
    waiting: dict[tuple[str, str], list[WorklistEntry]] = {}
    findings: dict[tuple[str, str], list[Finding]] = {}
    for entry in worklist.entries(clinic=clinic, cause=cause):
        submission = submissions.get(entry.msh_10)
        own_findings = submission.findings if submission else ()
        for own_cause in entry.causes or (NO_CAUSE,):
            key = (own_cause, entry.clinic)
            waiting.setdefault(key, []).append(entry)
            findings.setdefault(key, []).extend(one for one in own_findings if cause_of(one) == own_cause)
    made = (_group(*key, entries, findings[key]) for key, entries in waiting.items())
    return tuple(sorted(made, key=lambda group: (-group.submissions, group.cause, group.clinic)))


def _group(cause: str, clinic: str, entries: list[WorklistEntry], findings: list[Finding]) -> Group:
    fields = Counter(finding.path for finding in findings if finding.path)
    values = Counter(finding.value for finding in findings if finding.value)
    # A cause from an IIS names its field itself (`103 PID-8`).
    named_field = cause.partition(" ")[2]
    return Group(
        cause=cause,
        clinic=clinic,
        field=fields.most_common(1)[0][0] if fields else named_field if "-" in named_field else "",
        values=tuple(values.most_common(VALUES_SHOWN)),
        submissions=len(entries),
        rows=sum(entry.row_count for entry in entries),
        oldest=min(entry.created for entry in entries),
        explained=explanation(cause),
        msh_10s=tuple(entry.msh_10 for entry in entries),
    )
