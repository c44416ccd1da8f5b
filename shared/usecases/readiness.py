"""CT WiZ's two clean weeks: what each day brought, since when nothing went wrong, and when the fourteen days are full.

Only what reached the IIS counts, by the day (UTC) of each attempt. What vaxline held back broke nothing there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared.domain.lifecycle import State
from shared.domain.submission import Attempt
from shared.ports import Ledger
from shared.usecases.trace import lineage

WINDOW: Final = 14
"""Days without an error or a warning that CT WiZ asks for before production."""

_SHOWN: Final = 28
_WARNED: Final = frozenset({State.ACCEPTED_WITH_WARNINGS})
_FAILED: Final = frozenset({State.REFUSED, State.PARTLY_ACCEPTED, State.UNKNOWN})
_COUNTED: Final = _WARNED | _FAILED | {State.ACCEPTED}


@dataclass(frozen=True, slots=True)
class Day:
    """One day: messages that the IIS answered (or may have stored), those with warnings, those with errors.

    `causes` are the worklist's causes of its warnings and errors, the commonest first.
    """

    date: date
    messages: int = 0
    warnings: int = 0
    errors: int = 0
    causes: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        return self.warnings + self.errors > 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """The days shown, oldest first; `clean_since` is the first day of the current clean run (None before any message).

    `could_end` is the day on which the run is fourteen days long, silent days included; `is_ready` once it was reached
    with today's messages.
    """

    clinic: str
    days: tuple[Day, ...]
    clean_since: date | None
    could_end: date | None
    is_ready: bool


def readiness(ledger: Ledger, today: date, clinic: str = "") -> Readiness:
    """The clean window of one clinic or of all together.

    Reads every submission of the files that arrived in the last 28 days, so it is made for a test phase's volume.
    """
    first = today - timedelta(days=_SHOWN - 1)
    found: dict[date, list[tuple[Attempt, tuple[str, ...]]]] = {}
    for attempt, causes in _attempts(ledger, first, clinic):
        found.setdefault(attempt.started.date(), []).append((attempt, causes))
    shown = [first + timedelta(days=number) for number in range(_SHOWN)]
    days = tuple(_day(day, found.get(day, [])) for day in shown)
    with_messages = [day.date for day in days if day.messages]
    broken = [day.date for day in days if day.is_broken]
    since = broken[-1] + timedelta(days=1) if broken else with_messages[0] if with_messages else None
    could_end = since + timedelta(days=WINDOW - 1) if since is not None else None
    ready = could_end is not None and could_end <= today
    return Readiness(clinic, days, since, could_end, ready)


def _attempts(ledger: Ledger, first: date, clinic: str) -> Iterator[tuple[Attempt, tuple[str, ...]]]:
    seen: set[str] = set()
    for file in ledger.files():
        if file.arrived.date() < first:
            continue
        for msh_10 in ledger.of_file(file.file_id):
            for one in lineage(ledger, ledger.get(msh_10)):
                if one.msh_10 in seen or (clinic and one.clinic != clinic):
                    continue
                seen.add(one.msh_10)
                for attempt in one.attempts:
                    if attempt.state in _COUNTED:
                        yield attempt, one.causes


def _day(day: date, attempts: list[tuple[Attempt, tuple[str, ...]]]) -> Day:
    causes = Counter(cause for attempt, said in attempts if attempt.state is not State.ACCEPTED for cause in said)
    return Day(
        day,
        messages=len(attempts),
        warnings=sum(attempt.state in _WARNED for attempt, _ in attempts),
        errors=sum(attempt.state in _FAILED for attempt, _ in attempts),
        causes=tuple(cause for cause, _ in causes.most_common()),
    )
