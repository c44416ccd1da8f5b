"""Asks the IIS about a patient whom we reported, compares, and settles what the answer proves.

UNKNOWN ──the IIS tells every dose of it as only it can have reported them──► ACCEPTED, with the query as evidence
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import Event, State
from shared.domain.reconcile import Line, compare, proves
from shared.domain.submission import Submission
from shared.ports.clock import Clock
from shared.ports.ledger import Outcomes, SearchKeys, Submissions, SubmissionStates, Worklist
from shared.usecases.delivery.follow_up import count_outcome
from shared.usecases.delivery.lineage import supersede_predecessors
from shared.usecases.registry.query import Asked

Ask = Callable[[Request, str], Asked]

_TOLD: Final = frozenset({Match.FOUND, Match.NOT_FOUND})
"""Only these say what the IIS has of our patient: everything, or nothing."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One patient: what was asked on behalf of `msh_10`, the lines, and the submissions that the answer proved."""

    msh_10: str
    asked: Asked
    lines: tuple[Line, ...] = ()
    proven: tuple[str, ...] = ()


_MAY_BE_PROVEN: Final = frozenset({State.UNKNOWN, State.ACCEPTED})


class Reconcile:
    """The use case with its ports; `ask` is the use case `query`, here or through its function."""

    def __init__(
        self,
        *,
        submissions: Submissions,
        states: SubmissionStates,
        search_keys: SearchKeys,
        outcomes: Outcomes,
        ask: Ask,
        clock: Clock,
    ) -> None:
        self._submissions = submissions
        self._states = states
        self._search_keys = search_keys
        self._outcomes = outcomes
        self._ask = ask
        self._clock = clock

    def __call__(self, submission: Submission, *, dry_run: bool = False) -> Reconciled:
        """Reconciles the patient of a submission; with `dry_run` nothing is written."""
        asked = self._ask(Request(submission.visit.patient), submission.clinic)
        if asked.response is None:
            return Reconciled(submission.msh_10, asked)
        of_patient = [one for one in self._of_patient(submission) if one.patient_group == submission.patient_group]
        proven = [one for one in of_patient if proves(one, of_patient, asked.response)]
        if not dry_run:
            proven = [one for one in proven if self._prove(one, asked)]
            self._count({one.msh_10 for one in of_patient if one.state in _MAY_BE_PROVEN})
        lines = compare(of_patient, asked.response) if asked.response.match in _TOLD else ()
        return Reconciled(submission.msh_10, asked, lines, tuple(one.msh_10 for one in proven))

    def _of_patient(self, submission: Submission) -> list[Submission]:
        found = list(dict.fromkeys((submission.msh_10, *self._search_keys.find("mrn", submission.visit.patient.mrn))))
        return list(self._submissions.many(found))

    def _count(self, msh_10s: Iterable[str]) -> None:
        """The day's outcome of what is proven, now or before (whoever proved it may have been cut off)."""
        for one in self._submissions.many(msh_10s):
            if one.state is State.ACCEPTED:
                count_outcome(self._outcomes, one, one.causes, self._clock.now())

    def _prove(self, submission: Submission, asked: Asked) -> bool:
        """UNKNOWN → ACCEPTED, if it is UNKNOWN still; what it replaces is superseded as after an ACK."""
        when = self._clock.now().isoformat(timespec="seconds")
        evidence = f"the answer to query {asked.msh_10} of {when} tells every dose of it"
        if not self._states.move(submission.msh_10, Event.PROVE, reason=evidence):
            return False
        supersede_predecessors(self._submissions, self._states, submission)
        return True


def open_questions(submissions: Submissions, worklist: Worklist, clinic: str = "") -> list[Submission]:
    """The submissions in the worklist whose answer never came."""
    return list(submissions.many(entry.msh_10 for entry in worklist.entries(clinic=clinic, state=State.UNKNOWN)))
