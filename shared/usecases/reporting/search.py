"""Finding submissions by what a person has in hand, through the ledger's indexes.

    MSH-10 ─────────────► the item itself
    MRN, ORC-3, lot ────► keyed hashes (port `SearchKeys`)
    file, row ──────────► the file's own index
    none of these ──────► the outcomes of the days asked for, what waits for delivery, and the worklist

What an index names is read and held against everything that was asked, so that an index may name too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Final

from shared.domain.lifecycle import IN_FLIGHT, NEEDS_A_PERSON, State
from shared.domain.outcome import lot_key, search_terms
from shared.domain.submission import Submission
from shared.ports.ledger import Backfills, Backlog, Files, Outcomes, SearchKeys, Submissions, Worklist
from shared.usecases.correction.triage import causes_of
from shared.usecases.delivery.backfill import all_waiting
from shared.usecases.reporting.trace import files_called

DAYS: Final = 28
"""How many days are looked through, today included, where nothing else says which submissions are meant."""


_READ_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """What is searched for; empty means "any". Everything given must hold.

    `mrn`, `orc_3` and `lot` are exact (a lot whatever its case), `code` is a cause or the first word of one (`103`),
    `since` and `until` are days (UTC, both included) on which it was made or answered.
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
    """One submission that was found, without who it is about. `when` is its last attempt, or when it was made."""

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
    """The hits, the newest of them first; `more` where the limit cut them off. `since` is set where days were read."""

    hits: tuple[SearchHit, ...]
    more: bool
    since: date | None = None


class Search:
    """The use case with its ports."""

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
        """Return the submissions that fit, at most `limit`."""
        since = _first_day(criteria, today)
        candidates = self._submissions.many(self._candidates(criteria, since, criteria.until or today))
        fitting = list(islice((one for one in candidates if _fits(one, criteria)), limit + 1))
        hits = sorted(map(_hit, fitting[:limit]), key=lambda hit: hit.when, reverse=True)
        return SearchResult(tuple(hits), len(fitting) > limit, since)

    def _candidates(self, criteria: SearchCriteria, since: date | None, until: date) -> Iterator[str]:
        if criteria.msh_10:
            return iter((criteria.msh_10,))
        for kind, value in (("orc_3", criteria.orc_3), ("mrn", criteria.mrn), ("lot", lot_key(criteria.lot))):
            if value:
                return self._search_keys.find(kind, value)
        if criteria.file:
            return chain.from_iterable(
                self._files.msh_10s_of_row(file.file_id, criteria.row)
                if criteria.row
                else self._files.msh_10s(file.file_id)
                for file in files_called(self._files, criteria.file)
            )
        return chain(self._open(criteria), self._waiting(criteria), self._decided(criteria, since or until, until))

    def _open(self, criteria: SearchCriteria) -> Iterator[str]:
        """What needs a person, however old."""
        if criteria.state is None or criteria.state in NEEDS_A_PERSON or criteria.state is State.QUEUED:
            entries = self._worklist.entries(clinic=criteria.clinic, state=criteria.state)
            yield from (entry.msh_10 for entry in entries)

    def _waiting(self, criteria: SearchCriteria) -> Iterator[str]:
        if criteria.state is None or criteria.state in IN_FLIGHT:
            waiting = all_waiting(self._backlog, self._backfills, _READ_AT_ONCE, criteria.clinic)
            yield from (one.message.msh_10 for one in waiting)

    def _decided(self, criteria: SearchCriteria, since: date, until: date) -> Iterator[str]:
        """What was held or answered on those days, the newest day first."""
        if criteria.state in IN_FLIGHT:
            return
        for back in range((until - since).days + 1):
            for outcome in self._outcomes.of_day(until - timedelta(days=back), criteria.clinic):
                replaced = criteria.state in (State.SUPERSEDED, State.CLOSED)
                if (criteria.state in (None, outcome.state) or replaced) and _has_code(outcome.causes, criteria.code):
                    yield outcome.msh_10


def _first_day(criteria: SearchCriteria, today: date) -> date | None:
    """The first day to read; None if something exact leads to the submissions."""
    if criteria.msh_10 or criteria.mrn or criteria.orc_3 or criteria.lot or criteria.file:
        return None
    return criteria.since or (criteria.until or today) - timedelta(days=DAYS - 1)


def _has_code(causes: tuple[str, ...], code: str) -> bool:
    return not code or any(cause == code or cause.split(" ", 1)[0] == code for cause in causes)


def _fits(one: Submission, criteria: SearchCriteria) -> bool:
    terms = set(search_terms(one))
    exact = (("mrn", criteria.mrn), ("orc_3", criteria.orc_3), ("lot", lot_key(criteria.lot)))
    return (
        criteria.msh_10 in ("", one.msh_10)
        and all(not value or (kind, value) in terms for kind, value in exact)
        and (not criteria.row or any(row == criteria.row for _, row in one.visit.rows))
        and criteria.clinic in ("", one.clinic)
        and criteria.state in (None, one.state)
        and _has_code(causes_of(one) or one.causes, criteria.code)
        and (criteria.since is None or max(_days(one)) >= criteria.since)
        and (criteria.until is None or min(_days(one)) <= criteria.until)
    )


def _days(one: Submission) -> tuple[date, ...]:
    """The days on which it was made and tried."""
    return tuple(when.astimezone(UTC).date() for when in (one.created, *(attempt.started for attempt in one.attempts)))


def _hit(one: Submission) -> SearchHit:
    return SearchHit(
        msh_10=one.msh_10,
        state=one.state,
        clinic=one.clinic,
        source=one.source,
        file=one.file_name,
        rows=tuple(row for _, row in one.visit.rows),
        when=one.attempts[-1].started if one.attempts else one.created,
        causes=causes_of(one),
        replaces=one.replaces,
        replaced_by=one.replaced_by,
    )
