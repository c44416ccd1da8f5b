"""Remedies: one correction for a whole group of the worklist, previewed first and then applied.

    group (cause, clinic, value) ──► preview: how many are released, two messages before and after, what stays held
                                 └─► apply: each is resubmitted under a new MSH-10; the old one is SUPERSEDED when
                                            the IIS accepts the new one

A remedy is a corrected value, a changed clinics.toml (a code's map, a facility code, a clinic's name), or both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.domain.submission import Submission
from shared.exports.corrections import is_of_dose, numbered
from shared.ports.ledger import Submissions, Worklist
from shared.usecases.correction.correct import Correct, LeftOut, NotResubmitted, Resubmitted
from shared.usecases.findings import cause_of

EXAMPLES: Final = 2
"""How many examples a preview has."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A correction and the group that it is for.

    Attributes:
        cause: The cause of the group.
        clinic: The clinic's key; empty for any.
        value: The value that the finding was made about (PHI); empty for any.
        changes: New values by column of vaxline's CSV layout. A dose's column is applied to the doses with the cause.
        configuration: A changed clinics.toml; None to leave it.
    """

    cause: str
    clinic: str = ""
    value: str = ""
    changes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """The message of one submission before and after (PHI). `before` is empty if no message could be built."""

    msh_10: str
    before: str
    after: str
    state: State


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect that a remedy would have. Nothing is changed yet.

    Attributes:
        submissions: The size of the group.
        released: How many would be sent.
        held: How many would still be held, by cause.
        refused: How many cannot be resubmitted, by reason.
        left_out: Doses of the others that stay as they are because another submission reports them, each with the
            MSH-10 of the group's submission.
        examples: Some of them, released ones first.
    """

    submissions: int
    released: int
    held: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    examples: tuple[Example, ...]
    left_out: tuple[tuple[str, LeftOut], ...] = ()


class Remedies:
    """Previews and applies remedies.

    Args:
        submissions: The submissions of a group.
        worklist: Names the members of a group.
        correct: Resubmits each of them.
    """

    def __init__(self, *, submissions: Submissions, worklist: Worklist, correct: Correct) -> None:
        self._submissions = submissions
        self._worklist = worklist
        self._correct = correct

    def members(self, remedy: Remedy) -> tuple[str, ...]:
        """Return the MSH-10s of a remedy's group, the oldest first."""
        entries = sorted(
            self._worklist.entries(clinic=remedy.clinic, cause=remedy.cause), key=lambda one: (one.created, one.msh_10)
        )
        msh_10s = tuple(entry.msh_10 for entry in entries)
        if not remedy.value:
            return msh_10s
        return tuple(one.msh_10 for one in self._submissions.many(msh_10s) if _has_value(one, remedy))

    def preview(self, remedy: Remedy) -> Preview:
        """Build every message of the group as it would be, without writing anything."""
        held: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        released: list[Resubmitted] = []
        others: list[Resubmitted] = []
        members = self.members(remedy)
        for result in self._run(members, remedy, dry_run=True):
            if isinstance(result, NotResubmitted):
                refused[result.reason] += 1
            elif result.state is State.HELD:
                held.update(result.causes)
                others.append(result)
            else:
                released.append(result)
        shown = [self._example(one) for one in chain(released[:EXAMPLES], others[:EXAMPLES])][:EXAMPLES]
        return Preview(
            submissions=len(members),
            released=len(released),
            held=tuple(held.most_common()),
            refused=tuple(refused.most_common()),
            examples=tuple(shown),
            left_out=tuple((one.replaces, dose) for one in chain(released, others) for dose in one.left_out),
        )

    def apply(self, remedy: Remedy, members: Sequence[str]) -> Iterator[Resubmitted | NotResubmitted]:
        """Resubmit the members one by one, as the iterator advances; the caller sets the pace.

        If the iteration stops, the remaining members stay in the worklist.

        Args:
            remedy: The correction. A changed clinics.toml must be in force already.
            members: The MSH-10s to resubmit.
        """
        return self._run(members, remedy, dry_run=False)

    def _run(self, members: Sequence[str], remedy: Remedy, *, dry_run: bool) -> Iterator[Resubmitted | NotResubmitted]:
        correct = self._correct if remedy.configuration is None else self._correct.under(remedy.configuration)
        for submission in self._submissions.many(members):
            yield correct(submission.msh_10, changes_for(submission, remedy), dry_run=dry_run)

    def _example(self, result: Resubmitted) -> Example:
        before = self._submissions.get(result.replaces)
        return Example(result.replaces, before.vxu if before else "", result.vxu, result.state)


def changes_for(submission: Submission, remedy: Remedy) -> dict[str, str]:
    """Return a remedy's changes for a submission, with a dose's column named per dose with the cause (`lot[2]`)."""
    changes: dict[str, str] = {}
    for target, value in remedy.changes.items():
        if is_of_dose(target) and len(submission.visit.doses) > 1:
            by_dose = {numbered(target, number): value for number in _doses_with_cause(submission, remedy)}
            changes |= by_dose or {target: value}
        else:
            changes[target] = value
    return changes


def _doses_with_cause(submission: Submission, remedy: Remedy) -> tuple[int, ...]:
    """Return the numbers (from 1) of the doses that have the remedy's cause, and its value if it has one."""
    findings = [finding for finding in submission.findings if cause_of(finding) == remedy.cause]
    ids = {finding.dose_id for finding in findings if remedy.value in ("", finding.value.strip())}
    if submission.attempts and not remedy.value:
        ids |= {error.dose_id for error in submission.attempts[-1].errors if error.dose_id}
    return tuple(number for number, dose in enumerate(submission.visit.doses, 1) if dose.id and dose.id in ids)


def _has_value(submission: Submission, remedy: Remedy) -> bool:
    findings = (finding for finding in submission.findings if cause_of(finding) == remedy.cause)
    return any(finding.value.strip() == remedy.value for finding in findings)
