"""The worklist by cause: what one remedy mends is one line, however many submissions wait for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.ports.ledger import Submissions, Worklist, WorklistEntry
from shared.usecases.explain import Explanation, explanation
from shared.usecases.findings import cause_of

NO_CAUSE: Final = "NO-CAUSE"
"""What an entry without any cause is grouped by: it is shown, not left out."""

_VALUES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Everything of one clinic that waits for the same cause. A submission with two causes is in two groups.

    `field` is the HL7 path where one is named, `values` what stood there with their counts, the commonest first
    (PHI); `rows` counts rows of exports, `oldest` is when the first of them was made.
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


def group_of(submissions: Submissions, worklist: Worklist, cause: str, clinic: str = "") -> Group | None:
    """The group of one cause, the largest where several clinics have it. Reads the submissions of that cause only."""
    indexed = "" if cause == NO_CAUSE else cause
    return next((group for group in groups(submissions, worklist, clinic, indexed) if group.cause == cause), None)


def groups(submissions: Submissions, worklist: Worklist, clinic: str = "", cause: str = "") -> tuple[Group, ...]:
    """The worklist of one clinic or of all, the group with the most submissions first.

    With `cause` of the submissions that have it, whose other causes are groups as well. Reads every submission once,
    for its fields and values.
    """
    waiting: dict[tuple[str, str], list[WorklistEntry]] = {}
    said: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for entry in worklist.entries(clinic=clinic, cause=cause):
        found = _said(submissions, entry.msh_10)
        for own in entry.causes or (NO_CAUSE,):
            key = (own, entry.clinic)
            waiting.setdefault(key, []).append(entry)
            said.setdefault(key, []).extend((field, value) for one, field, value in found if one == own)
    made = (_group(own, of, entries, said[own, of]) for (own, of), entries in waiting.items())
    return tuple(sorted(made, key=lambda group: (-group.submissions, group.cause, group.clinic)))


def _said(submissions: Submissions, msh_10: str) -> list[tuple[str, str, str]]:
    """(cause, field, value) of each of a submission's findings; what an ACK says has no value of its own."""
    submission = submissions.get(msh_10)
    if submission is None:
        return []
    return [(cause_of(finding), finding.path, finding.value) for finding in submission.findings]


def _group(cause: str, clinic: str, entries: list[WorklistEntry], said: Iterable[tuple[str, str]]) -> Group:
    fields = Counter(field for field, _ in said if field)
    values = Counter(value for _, value in said if value)
    # An IIS's cause names its field (`103 PID-8`); of vaxline's own, the findings do.
    place = cause.partition(" ")[2]
    return Group(
        cause=cause,
        clinic=clinic,
        field=fields.most_common(1)[0][0] if fields else place if "-" in place else "",
        values=tuple(values.most_common(_VALUES_SHOWN)),
        submissions=len(entries),
        rows=sum(entry.row_count for entry in entries),
        oldest=min(entry.created for entry in entries),
        explained=explanation(cause),
        msh_10s=tuple(entry.msh_10 for entry in entries),
    )
