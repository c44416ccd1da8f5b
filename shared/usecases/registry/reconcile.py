"""Reconciliation: asks the IIS about a patient whom we reported, compares, and accepts what the answer proves.

An UNKNOWN submission becomes ACCEPTED if nothing but this submission can explain the IIS's history; see
`shared.domain.reconcile.proves`. A PARTLY_ACCEPTED one whose answer left doses open stays in the worklist, with the
note that they are stored. The query is kept as the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import Event, State
from shared.domain.reconcile import Line, compare, doses_in_doubt, proves
from shared.domain.submission import Submission
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Outcomes, SearchKeys, Submissions, SubmissionStates, Worklist
from shared.usecases.delivery.follow_up import count_outcome
from shared.usecases.delivery.lineage import supersede_predecessors
from shared.usecases.registry.query import Asked

Ask = Callable[[Request, str], Asked]

_CONCLUSIVE: Final = frozenset({Match.FOUND, Match.NOT_FOUND})
"""The matches that say what the IIS has of the patient."""

_MAY_BE_PROVEN: Final = frozenset({State.UNKNOWN, State.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The reconciliation of one patient.

    Attributes:
        msh_10: The submission whose patient it is.
        asked: The query and its answer.
        lines: One line for each vaccination; empty if the answer is not conclusive.
        proven: The submissions that the answer proved.
        rest_proven: The PARTLY_ACCEPTED submissions of which the answer proved the unproven doses.
    """

    msh_10: str
    asked: Asked
    lines: tuple[Line, ...] = ()
    proven: tuple[str, ...] = ()
    rest_proven: tuple[str, ...] = ()


class Reconcile:
    """Reconciles patients.

    Args:
        submissions: The submissions of a patient.
        states: Moves what is proven to ACCEPTED, and its predecessors to SUPERSEDED.
        search_keys: Finds a patient's submissions by record number.
        outcomes: Counts what is proven.
        configurations: The clinics.toml in force, which names the IIS's profile.
        ask: The use case `Query`, in this process or through its function.
        clock: The current time.
    """

    def __init__(
        self,
        *,
        submissions: Submissions,
        states: SubmissionStates,
        search_keys: SearchKeys,
        outcomes: Outcomes,
        configurations: Configurations,
        ask: Ask,
        clock: Clock,
    ) -> None:
        self._submissions = submissions
        self._states = states
        self._search_keys = search_keys
        self._outcomes = outcomes
        self._configurations = configurations
        self._ask = ask
        self._clock = clock

    def __call__(self, submission: Submission, *, dry_run: bool = False) -> Reconciled:
        """Reconcile the patient of a submission. With `dry_run` nothing is written."""
        asked = self._ask(Request(submission.visit.patient, source=submission.source), submission.clinic)
        if asked.response is None:
            return Reconciled(submission.msh_10, asked)
        group = submission.patient_group
        of_patient = [other for other in self._of_patient(submission) if other.patient_group == group]
        profile = PROFILES[self._configurations.current().iis.profile]
        proven = [other for other in of_patient if proves(other, of_patient, asked.response, profile)]
        if not dry_run:
            proven = [other for other in proven if self._prove(other, asked)]
            self._count({other.msh_10 for other in of_patient if other.state in _MAY_BE_PROVEN})
        lines = compare(of_patient, asked.response) if asked.response.match in _CONCLUSIVE else ()
        partly = {other.msh_10 for other in proven if other.state is State.PARTLY_ACCEPTED}
        return Reconciled(
            submission.msh_10,
            asked,
            lines,
            tuple(other.msh_10 for other in proven if other.msh_10 not in partly),
            tuple(other.msh_10 for other in proven if other.msh_10 in partly),
        )

    def _of_patient(self, submission: Submission) -> list[Submission]:
        by_mrn = self._search_keys.find("mrn", submission.visit.patient.mrn)
        return list(self._submissions.many(dict.fromkeys((submission.msh_10, *by_mrn))))

    def _count(self, msh_10s: Iterable[str]) -> None:
        """Count what is proven, and what an earlier run proved: it may have been stopped before it counted."""
        for submission in self._submissions.many(msh_10s):
            if submission.state is State.ACCEPTED:
                count_outcome(self._outcomes, submission, submission.causes, self._clock.now())

    def _prove(self, submission: Submission, asked: Asked) -> bool:
        """Accept a submission and supersede its predecessors, or note that the rest of one is stored.

        Returns:
            False if it is not in that state any more.
        """
        when = self._clock.now().isoformat(timespec="seconds")
        if submission.state is State.PARTLY_ACCEPTED:
            evidence = f"the answer to query {asked.msh_10} of {when} tells every dose that was in doubt"
            return self._states.note_proof(submission.msh_10, evidence)
        evidence = f"the answer to query {asked.msh_10} of {when} tells every dose of it"
        if not self._states.move(submission.msh_10, Event.PROVE, reason=evidence):
            return False
        supersede_predecessors(self._submissions, self._states, submission)
        return True


def unproven_in_worklist(submissions: Submissions, worklist: Worklist, clinic: str = "") -> list[Submission]:
    """Return the submissions of the worklist with doses that the IIS may have stored or not.

    They are UNKNOWN, or PARTLY_ACCEPTED with unproven doses. With `clinic`, only those of this clinic.
    """
    states = (State.UNKNOWN, State.PARTLY_ACCEPTED)
    found = [entry.msh_10 for state in states for entry in worklist.entries(clinic=clinic, state=state)]
    return [submission for submission in submissions.many(found) if doses_in_doubt(submission)]
