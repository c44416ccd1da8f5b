"""Readiness for production: CT WiZ's test phases and its two clean weeks, counted from the days' outcomes (ADR 0011).

A day is judged by the messages that reached the IIS, on the day (UTC) of the answer. Held submissions do not break it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.lifecycle import STORED_BY_IIS, State
from shared.domain.outcome import ANSWERED
from shared.domain.readiness import CLEAN_DAYS_REQUIRED, ChecklistItem, Day, Phase, Readiness
from shared.ports.ledger import Outcomes, Stops, Worklist
from shared.usecases.reporting.data_quality import SUSPICIONS
from shared.usecases.reporting.sheets import FAILED
from shared.usecases.reporting.tally import Tally, count_days, days_between, of_clinic, totals

DAYS_SHOWN: Final = 28
_RECENT_DAYS: Final = 7
"""Phases 2 and 3 are judged by the last days with messages, this many."""


def readiness(outcomes: Outcomes, today: date, clinic: str = "", *, shown: int = DAYS_SHOWN) -> Readiness:
    """Return the readiness of one clinic, or of the whole interface.

    Args:
        outcomes: the ledger's outcomes.
        today: the last day.
        clinic: the clinic's key; empty for the whole interface.
        shown: how many days are shown, today included.
    """
    first = today - timedelta(days=shown - 1)
    return readiness_from(count_days(outcomes, first, today, clinic), first, today, clinic)


def readiness_of_each(
    outcomes: Outcomes, configuration: Configuration, today: date, *, shown: int = DAYS_SHOWN
) -> tuple[Readiness, ...]:
    """Return the readiness of the whole interface, then of every configured clinic. Reads each day once."""
    first = today - timedelta(days=shown - 1)
    counts = count_days(outcomes, first, today)
    interface = readiness_from(counts, first, today, "")
    clinics = (readiness_from(of_clinic(counts, key), first, today, key) for key in configuration.clinics)
    return (interface, *clinics)


def readiness_from(counts: Tally, first: date, today: date, clinic: str) -> Readiness:
    """Return the readiness that a tally of the days from `first` to `today` shows."""
    shown = _from_first_active_day(_days(counts, first, today))
    with_messages = [day for day in shown if day.messages]
    broken = [day for day in shown if day.is_broken]
    clean_since = broken[-1].date + timedelta(days=1) if broken else with_messages[0].date if with_messages else None
    could_end = clean_since + timedelta(days=CLEAN_DAYS_REQUIRED - 1) if clean_since is not None else None
    run = [day for day in shown if clean_since is not None and day.date >= clean_since]
    recent = with_messages[-_RECENT_DAYS:]
    return Readiness(
        clinic=clinic,
        days=shown,
        clean_since=clean_since,
        could_end=could_end,
        is_ready=could_end is not None and could_end <= today,
        streak=len(run),
        silent=sum(not day.messages for day in run),
        broken_on=broken[-1] if broken else None,
        phases=tuple(Phase(rule.title, rule.asks, *rule.judge(counts, recent)) for rule in _PHASE_RULES),
    )


def _from_first_active_day(shown: tuple[Day, ...]) -> tuple[Day, ...]:
    """Drop the days before anything was sent or held; return all of them where nothing ever was."""
    start = next((index for index, day in enumerate(shown) if day.messages or day.held), 0)
    return shown[start:]


def _days(counts: Tally, first: date, today: date) -> tuple[Day, ...]:
    states = totals(counts, "answers", 1, 2)
    causes: dict[str, Counter[str]] = {}
    for (day, cause, state), count in totals(counts, "causes", 3, 1, 2).items():
        if state not in (State.ACCEPTED, State.HELD):
            causes.setdefault(day, Counter())[cause] += count

    def count_day(day: date) -> Day:
        by_state = {state: states[day.isoformat(), state] for state in State}
        return Day(
            day,
            messages=sum(by_state[state] for state in ANSWERED),
            warnings=by_state[State.ACCEPTED_WITH_WARNINGS],
            errors=sum(by_state[state] for state in FAILED),
            held=by_state[State.HELD],
            causes=tuple(cause for cause, _ in causes.get(day.isoformat(), Counter()).most_common()),
        )

    return tuple(map(count_day, days_between(first, today)))


# the phases -----------------------------------------------------------------------------------------------------------

_Judge = Callable[[Tally, Sequence[Day]], tuple[bool, str]]
"""Takes the tally of all days and the recent days with messages; returns whether the phase is passed, and evidence."""


@dataclass(frozen=True, slots=True)
class _PhaseRule:
    title: str
    asks: str
    judge: _Judge


def _judge_connection(counts: Tally, _: Sequence[Day]) -> tuple[bool, str]:
    states = totals(counts, "answers", 2)
    stored = sum(states[(state,)] for state in STORED_BY_IIS)
    return stored > 0, f"{stored} messages accepted in the days shown"


def _judge_required_fields(_: Tally, recent: Sequence[Day]) -> tuple[bool, str]:
    errors, messages = sum(day.errors for day in recent), sum(day.messages for day in recent)
    evidence = f"{errors} errors in {messages} messages, on the last {_RECENT_DAYS} days that had any"
    return messages > 0 and not errors, evidence


def _judge_data_quality(counts: Tally, recent: Sequence[Day]) -> tuple[bool, str]:
    warnings, held = sum(day.warnings for day in recent), sum(day.held for day in recent)
    suspicious = sum(1 for suspicion in SUSPICIONS for _ in suspicion(counts))
    is_good = bool(recent) and not any((warnings, held, suspicious, *(day.errors for day in recent)))
    return is_good, f"{warnings} warnings, {held} held, {suspicious} suspicious patterns (`vaxline report quality`)"


_PHASE_RULES: Final = (
    _PhaseRule("1. Connection", "The connection works and CT WiZ accepts a test message.", _judge_connection),
    _PhaseRule("2. Required fields", "Every required field is there, with a proper code.", _judge_required_fields),
    _PhaseRule(
        "3. Data quality", "What is sent is what happened: no warnings, nothing that looks wrong.", _judge_data_quality
    ),
)
"""CT WiZ's test phases (docs/onboarding.md), each with how the ledger shows it."""


# the way to production ------------------------------------------------------------------------------------------------


def go_live_checklist(worklist: Worklist, stops: Stops, each: Sequence[Readiness]) -> tuple[ChecklistItem, ...]:
    """Return the checklist before the stage `production` takes over.

    Args:
        worklist: the worklist.
        stops: what stops delivery.
        each: the result of `readiness_of_each`.
    """
    interface, *clinics = each
    silent = [one.clinic for one in clinics if not any(day.messages for day in one.days)]
    not_yet = f" (not yet: {', '.join(silent)})" if silent else ""
    return (
        *(ChecklistItem(f"Phase {phase.title}: {phase.asks}", phase.is_passed) for phase in interface.phases),
        ChecklistItem(f"{CLEAN_DAYS_REQUIRED} days without an error or a warning.", interface.is_ready),
        ChecklistItem(f"Every configured clinic has sent in the days shown{not_yet}.", not silent),
        ChecklistItem("Nothing waits in the worklist.", next(iter(worklist.entries()), None) is None),
        ChecklistItem("No facility is stopped.", not stops.current().facilities),
        *(ChecklistItem(words) for words in _KNOWN_TO_PEOPLE),
    )


_KNOWN_TO_PEOPLE: Final = (
    "CT DPH has confirmed in writing that the interface may go to production.",
    "URL, user name, password and facility codes of production are in the stage's own secrets and clinics.toml.",
    "`vaxline test-connection --stage production` answers.",
    "Every clinic knows the day, and who looks at the worklist every morning.",
    "The feeds are moved to the production bucket, and the test stage gets no more exports.",
)
