"""Search: find submissions by what the ledger's indexes have.

    MSH-10 ─────────────► the submission itself
    MRN, ORC-3, lot ────► search keys (keyed hashes)
    file, row ──────────► the index of the file
    none of these ──────► the outcomes of some days, what waits for delivery, and the worklist

Every candidate is read and checked against all criteria, so an index may return too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Final

from shared.domain.identity import normalized_id
from shared.domain.lifecycle import IN_FLIGHT, NEEDS_A_PERSON, State
from shared.domain.outcome import lot_key, search_terms
from shared.domain.submission import Submission
from shared.ports.ledger import Backfills, Backlog, Files, Outcomes, SearchKeys, Submissions, Worklist
from shared.usecases.correction.triage import causes_of
from shared.usecases.delivery.backfill import all_waiting
from shared.usecases.reporting.trace import files_named

DEFAULT_DAYS: Final = 28
"""Days that are searched, today included, where no criterion leads to the submissions directly."""

_WAITING_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """The criteria of a search. Empty attributes match everything; all others must match.

    Attributes:
        msh_10: the message control id.
        orc_3: a dose's id, exact, as the EHR or the message writes it.
        mrn: a patient's record number, exact.
        lot: a lot number, in any case.
        file: a file id or name (`trace.files_named`).
        row: a row of the file, from 1.
        clinic: the clinic's key.
        state: the current state.
        code: a cause, or the first word of one (`103`).
        since: the first day (UTC) on which it was created or tried.
        until: the last such day.
    """

    msh_10: str = ""
    orc_3: str = ""
    mrn: str = ""
    lot: str = ""
    file: str = ""
    row: int = 0
    clinic: str = ""
    state: State | None = None
    code: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One submission, without patient data. `when` is the time of its last attempt, or of its creation."""

    msh_10: str
    state: State
    clinic: str
    source: str
    file: str
    rows: tuple[int, ...]
    when: datetime
    causes: tuple[str, ...]
    replaces: str = ""
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits, newest first.

    Attributes:
        hits: the submissions that match.
        more: whether there are more than the limit.
        since: the first day that was searched; None where the criteria led to the submissions directly.
    """

    hits: tuple[SearchHit, ...]
    more: bool
    since: date | None = None


class Search:
    """Finds submissions."""

    def __init__(
        self,
        *,
        submissions: Submissions,
        search_keys: SearchKeys,
        files: Files,
        outcomes: Outcomes,
        worklist: Worklist,
        backlog: Backlog,
        backfills: Backfills,
    ) -> None:
        self._submissions = submissions
        self._search_keys = search_keys
        self._files = files
        self._outcomes = outcomes
        self._worklist = worklist
        self._backlog = backlog
        self._backfills = backfills

    def __call__(self, criteria: SearchCriteria, today: date, *, limit: int = 100) -> SearchResult:
        """Return the submissions that match, at most `limit` of them."""
        since = _first_day(criteria, today)
        candidates = self._submissions.many(self._candidates(criteria, since, criteria.until or today))
        matching = list(islice((one for one in candidates if _matches(one, criteria)), limit + 1))
        hits = sorted(map(_hit, matching[:limit]), key=lambda hit: hit.when, reverse=True)
        return SearchResult(tuple(hits), len(matching) > limit, since)

    def _candidates(self, criteria: SearchCriteria, since: date | None, until: date) -> Iterator[str]:
        """Yield MSH-10s of submissions that may match."""
        if criteria.msh_10:
            return iter((criteria.msh_10,))
        for kind, value in _search_terms(criteria):
            if value:
                return self._search_keys.find(kind, value)
        if criteria.file:
            return chain.from_iterable(
                self._files.msh_10s_of_row(file.file_id, criteria.row)
                if criteria.row
                else self._files.msh_10s(file.file_id)
                for file in files_named(self._files, criteria.file)
            )
        return chain(
            self._in_worklist(criteria), self._waiting(criteria), self._with_outcome(criteria, since or until, until)
        )

    def _in_worklist(self, criteria: SearchCriteria) -> Iterator[str]:
        """Yield what needs a person, however old."""
        if criteria.state is None or criteria.state in NEEDS_A_PERSON or criteria.state is State.QUEUED:
            entries = self._worklist.entries(clinic=criteria.clinic, state=criteria.state)
            yield from (entry.msh_10 for entry in entries)

    def _waiting(self, criteria: SearchCriteria) -> Iterator[str]:
        """Yield what waits for delivery."""
        if criteria.state is None or criteria.state in IN_FLIGHT:
            waiting = all_waiting(self._backlog, self._backfills, _WAITING_PAGE, criteria.clinic)
            yield from (one.message.msh_10 for one in waiting)

    def _with_outcome(self, criteria: SearchCriteria, since: date, until: date) -> Iterator[str]:
        """Yield what was held or answered on those days, the newest day first."""
        if criteria.state in IN_FLIGHT:
            return
        # An outcome keeps its state when its submission is superseded or closed.
        may_differ = criteria.state in (State.SUPERSEDED, State.CLOSED)
        for back in range((until - since).days + 1):
            for outcome in self._outcomes.of_day(until - timedelta(days=back), criteria.clinic):
                if (may_differ or criteria.state in (None, outcome.state)) and _has_code(outcome.causes, criteria.code):
                    yield outcome.msh_10


def _first_day(criteria: SearchCriteria, today: date) -> date | None:
    """Return the first day to search; None where a criterion leads to the submissions directly."""
    if criteria.msh_10 or criteria.mrn or criteria.orc_3 or criteria.lot or criteria.file:
        return None
    return criteria.since or (criteria.until or today) - timedelta(days=DEFAULT_DAYS - 1)


def _search_terms(criteria: SearchCriteria) -> tuple[tuple[str, str], ...]:
    ids = ("orc_3", normalized_id(criteria.orc_3)), ("mrn", normalized_id(criteria.mrn))
    return (*ids, ("lot", lot_key(criteria.lot)))


def _has_code(causes: tuple[str, ...], code: str) -> bool:
    return not code or any(cause == code or cause.split(" ", 1)[0] == code for cause in causes)


def _matches(submission: Submission, criteria: SearchCriteria) -> bool:
    terms = set(search_terms(submission))
    return (
        criteria.msh_10 in ("", submission.msh_10)
        and all(not value or (kind, value) in terms for kind, value in _search_terms(criteria))
        and (not criteria.row or any(row == criteria.row for _, row in submission.visit.rows))
        and criteria.clinic in ("", submission.clinic)
        and criteria.state in (None, submission.state)
        and _has_code(causes_of(submission) or submission.causes, criteria.code)
        and (criteria.since is None or max(_days(submission)) >= criteria.since)
        and (criteria.until is None or min(_days(submission)) <= criteria.until)
    )


def _days(submission: Submission) -> tuple[date, ...]:
    """Return the days (UTC) on which a submission was created and tried."""
    times = (submission.created, *(attempt.started for attempt in submission.attempts))
    return tuple(time.astimezone(UTC).date() for time in times)


def _hit(submission: Submission) -> SearchHit:
    return SearchHit(
        msh_10=submission.msh_10,
        state=submission.state,
        clinic=submission.clinic,
        source=submission.source,
        file=submission.file_name,
        rows=tuple(row for _, row in submission.visit.rows),
        when=submission.attempts[-1].started if submission.attempts else submission.created,
        causes=causes_of(submission),
        replaces=submission.replaces,
        replaced_by=submission.replaced_by,
    )
