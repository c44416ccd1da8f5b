"""CT WiZ's test phases and its two clean weeks: what each day brought, what broke the run, and when it could end.

Only what reached the IIS breaks a day, by the day (UTC) of its answer. What vaxline held back broke nothing there.
Counted from the days' outcomes (ADR 0011), of all submissions of the days shown.
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
from shared.domain.readiness import WINDOW, Day, Item, Phase, Readiness
from shared.ports.ledger import Outcomes, Stops, Worklist
from shared.usecases.reporting.data_quality import SUSPICIONS
from shared.usecases.reporting.sheets import FAILED
from shared.usecases.reporting.tally import Tally, by, days, tally_of

SHOWN: Final = 28
_LATELY: Final = 7
"""So many days, the last ones with messages, tell whether a phase is passed."""


def readiness(outcomes: Outcomes, today: date, clinic: str = "", *, shown: int = SHOWN) -> Readiness:
    """The phases and the clean window of one clinic, or of the whole interface."""
    first = today - timedelta(days=shown - 1)
    return of_tally(tally_of(outcomes, first, today, clinic), first, today, clinic)


def readiness_of_each(
    outcomes: Outcomes, configuration: Configuration, today: date, *, shown: int = SHOWN
) -> tuple[Readiness, ...]:
    """The whole interface first (clinic empty), then every configured clinic. Reads each day once."""
    first = today - timedelta(days=shown - 1)
    counts = tally_of(outcomes, first, today)
    whole = of_tally(counts, first, today, "")

    def of(clinic: str) -> Readiness:
        mine = Counter({key: count for key, count in counts.items() if key[1] == clinic})
        return of_tally(mine, first, today, clinic)

    return (whole, *map(of, configuration.clinics))


def of_tally(counts: Tally, first: date, today: date, clinic: str) -> Readiness:
    """The readiness that a tally of the days from the first one to today shows."""
    shown = _since_the_first(_days(counts, first, today))
    with_messages = [day for day in shown if day.messages]
    broken = [day for day in shown if day.is_broken]
    since = broken[-1].date + timedelta(days=1) if broken else with_messages[0].date if with_messages else None
    could_end = since + timedelta(days=WINDOW - 1) if since is not None else None
    run = [day for day in shown if since is not None and day.date >= since]
    return Readiness(
        clinic=clinic,
        days=shown,
        clean_since=since,
        could_end=could_end,
        is_ready=could_end is not None and could_end <= today,
        streak=len(run),
        silent=sum(not day.messages for day in run),
        broken_on=broken[-1] if broken else None,
        phases=tuple(Phase(one.title, one.asks, *one.judge(counts, with_messages[-_LATELY:])) for one in PHASES),
    )


def _since_the_first(shown: tuple[Day, ...]) -> tuple[Day, ...]:
    """Without the days before anything was sent or held; all of them where nothing ever was."""
    began = next((place for place, day in enumerate(shown) if day.messages or day.held), 0)
    return shown[began:]


def _days(counts: Tally, first: date, today: date) -> tuple[Day, ...]:
    states = by(counts, "answers", 1, 2)
    causes: dict[str, Counter[str]] = {}
    for (day, cause, state), count in by(counts, "causes", 3, 1, 2).items():
        if state not in (State.ACCEPTED, State.HELD):
            causes.setdefault(day, Counter())[cause] += count

    def one(day: date) -> Day:
        of = {state: states[day.isoformat(), state] for state in State}
        return Day(
            day,
            messages=sum(of[state] for state in ANSWERED),
            warnings=of[State.ACCEPTED_WITH_WARNINGS],
            errors=sum(of[state] for state in FAILED),
            held=of[State.HELD],
            causes=tuple(cause for cause, _ in causes.get(day.isoformat(), Counter()).most_common()),
        )

    return tuple(map(one, days(first, today)))


# the phases -----------------------------------------------------------------------------------------------------------

_Judge = Callable[[Tally, Sequence[Day]], tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class _PhaseRule:
    title: str
    asks: str
    judge: _Judge


def _connected(counts: Tally, _: Sequence[Day]) -> tuple[bool, str]:
    states = by(counts, "answers", 2)
    stored = sum(states[(state,)] for state in STORED_BY_IIS)
    return stored > 0, f"{stored} messages accepted in the days shown"


def _proper_codes(_: Tally, lately: Sequence[Day]) -> tuple[bool, str]:
    errors, messages = sum(day.errors for day in lately), sum(day.messages for day in lately)
    return (
        messages > 0 and not errors,
        f"{errors} errors in {messages} messages, on the last {_LATELY} days that had any",
    )


def _good_data(counts: Tally, lately: Sequence[Day]) -> tuple[bool, str]:
    warnings, held = sum(day.warnings for day in lately), sum(day.held for day in lately)
    suspicious = sum(1 for suspicion in SUSPICIONS for _ in suspicion(counts))
    good = bool(lately) and not any((warnings, held, suspicious, *(day.errors for day in lately)))
    return good, f"{warnings} warnings, {held} held, {suspicious} suspicious patterns (`vaxline report quality`)"


PHASES: Final = (
    _PhaseRule("1. Connection", "The connection works and CT WiZ accepts a test message.", _connected),
    _PhaseRule("2. Required fields", "Every required field is there, with a proper code.", _proper_codes),
    _PhaseRule("3. Data quality", "What is sent is what happened: no warnings, nothing that looks wrong.", _good_data),
)
"""CT WiZ's test phases (docs/onboarding.md), each with how the ledger shows it."""


# the way to production ------------------------------------------------------------------------------------------------


def go_live(worklist: Worklist, stops: Stops, each: Sequence[Readiness]) -> tuple[Item, ...]:
    """What must be true before the stage `production` takes over, as `readiness_of_each` and the ledger know it."""
    interface, *clinics = each
    silent = [one.clinic for one in clinics if not any(day.messages for day in one.days)]
    without = f" (not yet: {', '.join(silent)})" if silent else ""
    return (
        *(Item(f"Phase {phase.title}: {phase.asks}", phase.is_passed) for phase in interface.phases),
        Item(f"{WINDOW} days without an error or a warning.", interface.is_ready),
        Item(f"Every configured clinic has sent in the days shown{without}.", not silent),
        Item("Nothing waits in the worklist.", next(iter(worklist.entries()), None) is None),
        Item("No facility is stopped.", not stops.current().facilities),
        *(Item(words) for words in _BY_HAND),
    )


_BY_HAND: Final = (
    "CT DPH has confirmed in writing that the interface may go to production.",
    "URL, user name, password and facility codes of production are there, in the stage's own secrets and clinics.toml.",
    "`vaxline test-connection --stage production` answers.",
    "Every clinic knows the day, and who looks at the worklist every morning.",
    "The feeds are moved to the production bucket, and the test stage gets no more exports.",
)
