"""Finding submissions by what a person has in hand, through the ledger's indexes.

    MSH-10 ─────────────► the item itself
    MRN, ORC-3, lot ────► keyed hashes (port: `found`)
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
from shared.ports.ledger import Ledger
from shared.usecases.correction.triage import causes_of
from shared.usecases.delivery.backfill import all_waiting
from shared.usecases.reporting.trace import files_called

DAYS: Final = 28
"""How many days are looked through, today included, where nothing else says which submissions are meant."""


_READ_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
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
class Hit:
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
class Found:
    """The hits, the newest of them first; `more` where the limit cut them off. `since` is set where days were read."""

    hits: tuple[Hit, ...]
    more: bool
    since: date | None = None


def search(ledger: Ledger, wanted: Wanted, today: date, *, limit: int = 100) -> Found:
    """The submissions that fit, at most `limit`."""
    since = _first_day(wanted, today)
    candidates = ledger.many(_candidates(ledger, wanted, since, wanted.until or today))
    fitting = list(islice((one for one in candidates if _fits(one, wanted)), limit + 1))
    hits = sorted(map(_hit, fitting[:limit]), key=lambda hit: hit.when, reverse=True)
    return Found(tuple(hits), len(fitting) > limit, since)


def _first_day(wanted: Wanted, today: date) -> date | None:
    """The first day to read; None where something exact leads to the submissions."""
    if wanted.msh_10 or wanted.mrn or wanted.orc_3 or wanted.lot or wanted.file:
        return None
    return wanted.since or (wanted.until or today) - timedelta(days=DAYS - 1)


def _candidates(ledger: Ledger, wanted: Wanted, since: date | None, until: date) -> Iterator[str]:
    if wanted.msh_10:
        return iter((wanted.msh_10,))
    for kind, value in (("orc_3", wanted.orc_3), ("mrn", wanted.mrn), ("lot", lot_key(wanted.lot))):
        if value:
            return ledger.found(kind, value)
    if wanted.file:
        files = files_called(ledger, wanted.file)
        return chain.from_iterable(
            ledger.of_row(file.file_id, wanted.row) if wanted.row else ledger.of_file(file.file_id) for file in files
        )
    return chain(_open(ledger, wanted), _waiting(ledger, wanted), _decided(ledger, wanted, since or until, until))


def _open(ledger: Ledger, wanted: Wanted) -> Iterator[str]:
    """What needs a person, however old."""
    if wanted.state is None or wanted.state in NEEDS_A_PERSON or wanted.state is State.QUEUED:
        yield from (entry.msh_10 for entry in ledger.worklist(clinic=wanted.clinic, state=wanted.state))


def _waiting(ledger: Ledger, wanted: Wanted) -> Iterator[str]:
    if wanted.state is None or wanted.state in IN_FLIGHT:
        yield from (one.message.msh_10 for one in all_waiting(ledger, _READ_AT_ONCE, wanted.clinic))


def _decided(ledger: Ledger, wanted: Wanted, since: date, until: date) -> Iterator[str]:
    """What was held or answered on those days, the newest day first."""
    if wanted.state in IN_FLIGHT:
        return
    for back in range((until - since).days + 1):
        for outcome in ledger.outcomes(until - timedelta(days=back), wanted.clinic):
            replaced = wanted.state in (State.SUPERSEDED, State.CLOSED)
            if (wanted.state in (None, outcome.state) or replaced) and _has_code(outcome.causes, wanted.code):
                yield outcome.msh_10


def _has_code(causes: tuple[str, ...], code: str) -> bool:
    return not code or any(cause == code or cause.split(" ", 1)[0] == code for cause in causes)


def _fits(one: Submission, wanted: Wanted) -> bool:
    terms = set(search_terms(one))
    exact = (("mrn", wanted.mrn), ("orc_3", wanted.orc_3), ("lot", lot_key(wanted.lot)))
    return (
        wanted.msh_10 in ("", one.msh_10)
        and all(not value or (kind, value) in terms for kind, value in exact)
        and (not wanted.row or any(row == wanted.row for _, row in one.visit.rows))
        and wanted.clinic in ("", one.clinic)
        and wanted.state in (None, one.state)
        and _has_code(causes_of(one) or one.causes, wanted.code)
        and (wanted.since is None or max(_days(one)) >= wanted.since)
        and (wanted.until is None or min(_days(one)) <= wanted.until)
    )


def _days(one: Submission) -> tuple[date, ...]:
    """The days on which it was made and tried."""
    return tuple(when.astimezone(UTC).date() for when in (one.created, *(attempt.started for attempt in one.attempts)))


def _hit(one: Submission) -> Hit:
    return Hit(
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
