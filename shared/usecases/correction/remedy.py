"""One remedy for a group of the worklist: looked at first, then done.

    group (cause, clinic, value) ──► preview: how many are released, two messages before and after, what stays held
                                 └─► apply: each one is resubmitted under a new MSH-10; the old one is SUPERSEDED
                                            when CT WiZ accepts the new one

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
from shared.exports.columns import BY_NAME, FROM_PATIENT
from shared.ports.ledger import Submissions, Worklist
from shared.usecases.correction.correct import Correct, NotResubmitted, Resubmitted
from shared.usecases.findings import cause_of

EXAMPLES: Final = 2


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is done to which group. `clinic` and `value` empty mean "any".

    `value` is what stood where a finding of the cause was made (PHI). `changes` are columns of vaxline's CSV layout →
    new values; a dose's column is meant for the doses that the cause names. `configuration` is a clinics.toml to come.
    """

    cause: str
    clinic: str = ""
    value: str = ""
    changes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One submission before and after (PHI). `before` is empty where no message could be built."""

    msh_10: str
    before: str
    after: str
    state: State


@dataclass(frozen=True, slots=True)
class Preview:
    """What a remedy would do: nothing is changed yet.

    `released` would be sent; `held` counts those that would still be held, by their causes; `refused` those that
    cannot be resubmitted, by the reason. `examples` are released ones first.
    """

    submissions: int
    released: int
    held: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    examples: tuple[Example, ...]


class Remedies:
    """The use case with its ports."""

    def __init__(self, *, submissions: Submissions, worklist: Worklist, correct: Correct) -> None:
        self._submissions = submissions
        self._worklist = worklist
        self._correct = correct

    def members(self, remedy: Remedy) -> tuple[str, ...]:
        """The MSH-10s of the group, the oldest first."""
        entries = sorted(
            self._worklist.entries(clinic=remedy.clinic, cause=remedy.cause), key=lambda one: (one.created, one.msh_10)
        )
        found = tuple(entry.msh_10 for entry in entries)
        if not remedy.value:
            return found
        return tuple(one.msh_10 for one in self._submissions.many(found) if _is_named(one, remedy))

    def preview(self, remedy: Remedy) -> Preview:
        """Builds every message of the group as it would be, and changes nothing."""
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
            len(members), len(released), tuple(held.most_common()), tuple(refused.most_common()), tuple(shown)
        )

    def apply(self, remedy: Remedy, members: Sequence[str]) -> Iterator[Resubmitted | NotResubmitted]:
        """Resubmits the members one after the other; the caller sets the pace, and put a changed clinics.toml in force.

        What was resubmitted stays so when the iteration stops, and the rest stays in the worklist.
        """
        return self._run(members, remedy, dry_run=False)

    def _run(self, members: Sequence[str], remedy: Remedy, *, dry_run: bool) -> Iterator[Resubmitted | NotResubmitted]:
        correct = self._correct if remedy.configuration is None else self._correct.under(remedy.configuration)
        for one in self._submissions.many(members):
            yield correct(one.msh_10, changes_for(one, remedy), dry_run=dry_run)

    def _example(self, result: Resubmitted) -> Example:
        before = self._submissions.get(result.replaces)
        return Example(result.replaces, before.vxu if before else "", result.vxu, result.state)


def changes_for(one: Submission, remedy: Remedy) -> dict[str, str]:
    """The changes, each dose's column spelled out for the doses that the cause names (`lot[2]`)."""
    found: dict[str, str] = {}
    for target, value in remedy.changes.items():
        is_of_dose = target in BY_NAME and target not in FROM_PATIENT and target != "clinic"
        if is_of_dose and len(one.visit.doses) > 1:
            found |= {f"{target}[{number}]": value for number in _doses_named(one, remedy)} or {target: value}
        else:
            found[target] = value
    return found


def _doses_named(one: Submission, remedy: Remedy) -> tuple[int, ...]:
    """The numbers (from 1) of the doses that have the remedy's cause, and its value where it names one."""
    named = {f.dose_id for f in one.findings if cause_of(f) == remedy.cause and remedy.value in ("", f.value.strip())}
    if one.attempts and not remedy.value:
        named |= {error.dose_id for error in one.attempts[-1].errors if error.dose_id}
    return tuple(number for number, dose in enumerate(one.visit.doses, 1) if dose.id and dose.id in named)


def _is_named(one: Submission, remedy: Remedy) -> bool:
    return any(cause_of(f) == remedy.cause and f.value.strip() == remedy.value for f in one.findings)
