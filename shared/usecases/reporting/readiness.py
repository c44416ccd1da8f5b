"""Readiness for production: CT WiZ's test phases and its two clean weeks, counted from the days' outcomes (ADR 0011).

A day is judged by the messages that reached the IIS, on the day of the answer in the IIS's time zone. Held submissions
do not break it. `iis.ready_days`, `ready_messages`, `ready_active_days` and `holidays` of clinics.toml say what a ready
interface, and a ready clinic, has behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared.domain.clinics import Configuration, Iis
from shared.domain.lifecycle import STORED_BY_IIS, State
from shared.domain.local_days import days_between, last_working_day
from shared.domain.outcome import ANSWERED, DOSE_FIELDS, PATIENT_FIELDS
from shared.domain.readiness import ChecklistItem, Coverage, Day, Phase, Readiness, Reason
from shared.domain.report import percentage
from shared.ports.ledger import Stops, Worklist
from shared.replaced import replace
from shared.usecases.reporting.data_quality import SUSPICIONS
from shared.usecases.reporting.day_tallies import DayTallies
from shared.usecases.reporting.sheets import FAILED
from shared.usecases.reporting.tally import Tally, of_clinic, totals

DAYS_SHOWN: Final = 28
_RECENT_DAYS: Final = 7
"""Phases 2 and 3 are judged by the last days with messages, this many."""


def readiness_of_each(
    tallies: DayTallies, configuration: Configuration, today: date, *, shown: int = DAYS_SHOWN
) -> tuple[Readiness, ...]:
    """Return the readiness of the whole interface, then of every configured clinic.

    Args:
        tallies: the tallies by day.
        configuration: the configuration in force.
        today: the last day, in the IIS's time zone.
        shown: how many days are shown, today included.
    """
    first = today - timedelta(days=shown - 1)
    counts = tallies.count(first, today)
    interface = readiness_from(counts, configuration.iis, first, today)
    clinics = (
        readiness_from(of_clinic(counts, key), configuration.iis, first, today, key) for key in configuration.clinics
    )
    return (interface, *clinics)


def readiness_from(counts: Tally, iis: Iis, first: date, today: date, clinic: str = "") -> Readiness:
    """Return the readiness that a tally of the days from `first` to `today` shows."""
    shown = _from_first_active_day(_days(counts, first, today))
    with_messages = [day for day in shown if day.messages]
    broken = [day for day in shown if day.is_broken]
    clean_since = broken[-1].date + timedelta(days=1) if broken else with_messages[0].date if with_messages else None
    run = [day for day in shown if clean_since is not None and day.date >= clean_since]
    whole = [day for day in run if day.date < today]
    recent = with_messages[-_RECENT_DAYS:]
    so_far = Readiness(
        clinic=clinic,
        days=shown,
        clean_since=clean_since,
        could_end=clean_since + timedelta(days=iis.ready_days) if clean_since is not None else None,
        streak=len(whole),
        silent=sum(not day.messages for day in whole),
        messages=sum(day.messages for day in run),
        active_days=sum(day.messages > 0 for day in run),
        broken_on=broken[-1] if broken else None,
        phases=tuple(Phase(rule.title, rule.asks, *rule.judge(counts, recent)) for rule in _PHASE_RULES),
        coverage=_coverage(counts),
    )
    return replace(so_far, reasons=_reasons(so_far, iis, today))


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


def _coverage(counts: Tally) -> tuple[Coverage, ...]:
    """Return how often each field was present, without fields that no message or dose could have."""
    fields = totals(counts, "fields", 1, 2)
    each = (
        Coverage(field, fields[field, "present"], fields[field, "absent"]) for field in (*PATIENT_FIELDS, *DOSE_FIELDS)
    )
    return tuple(one for one in each if one.present + one.absent)


# the reasons against it -----------------------------------------------------------------------------------------------


def _reasons(so_far: Readiness, iis: Iis, today: date) -> tuple[Reason, ...]:
    since = so_far.clean_since
    if since is None:
        return (Reason("No message has been answered in the days shown."),)
    found = (rule(so_far, iis, today, min(since, today)) for rule in _REASON_RULES)
    return tuple(reason for reason in found if reason is not None)


def _too_few_days(so_far: Readiness, iis: Iis, _: date, since: date) -> Reason | None:
    if so_far.streak >= iis.ready_days:
        return None
    broken = so_far.broken_on
    after = f", after {', '.join(broken.causes) or 'errors'} on {broken.date}" if broken else ""
    words = f"{so_far.streak} of {iis.ready_days} whole days without an error or a warning{after}"
    return Reason(f"{words}; all of them on {so_far.could_end} at the earliest.", since)


def _too_few_messages(so_far: Readiness, iis: Iis, _: date, since: date) -> Reason | None:
    if so_far.messages >= iis.ready_messages:
        return None
    return Reason(f"{so_far.messages} of {iis.ready_messages} messages in these days.", since)


def _too_few_active_days(so_far: Readiness, iis: Iis, _: date, since: date) -> Reason | None:
    if so_far.active_days >= iis.ready_active_days:
        return None
    return Reason(f"{so_far.active_days} of {iis.ready_active_days} days with messages.", since)


def _silent_working_day(so_far: Readiness, iis: Iis, today: date, _: date) -> Reason | None:
    expected = last_working_day(today, iis.holidays)
    last = max((day.date for day in so_far.days if day.messages and day.date < today), default=None)
    if last is not None and last >= expected:
        return None
    silent_since = last + timedelta(days=1) if last is not None else None
    return Reason(f"No message on the last working day, {expected:%a} {expected}.", silent_since)


_REASON_RULES: Final = (_too_few_days, _too_few_messages, _too_few_active_days, _silent_working_day)
"""Each returns why an interface with messages is not ready, or None. Its last argument is the first day of the clean
run, today at the latest."""


# the phases -----------------------------------------------------------------------------------------------------------

_Judge = Callable[[Tally, Sequence[Day]], tuple[bool, str]]
"""Takes the tally of all days and the recent days with messages; returns whether the phase is passed, and evidence."""


@dataclass(frozen=True, slots=True)
class _PhaseRule:
    title: str
    asks: str
    judge: _Judge


def _judge_connection(counts: Tally, _: Sequence[Day]) -> tuple[bool, str]:
    accepted: Counter[str] = Counter()
    for (day, state), count in totals(counts, "answers", 1, 2).items():
        if state in STORED_BY_IIS:
            accepted[day] += count
    first = f", the first on {min(accepted)}" if accepted else ""
    return bool(accepted), f"{accepted.total()} messages accepted in the days shown{first}"


def _judge_required_fields(counts: Tally, recent: Sequence[Day]) -> tuple[bool, str]:
    errors, messages = sum(day.errors for day in recent), sum(day.messages for day in recent)
    evidence = f"{errors} errors in {messages} messages, on the last {_RECENT_DAYS} days that had any"
    gaps = ", ".join(
        f"{one.field} {percentage(one.present, one.present + one.absent)}" for one in _coverage(counts) if one.absent
    )
    return messages > 0 and not errors, f"{evidence}; present less than always: {gaps or 'no field'}"


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


def go_live_checklist(
    worklist: Worklist, stops: Stops, configuration: Configuration, each: Sequence[Readiness]
) -> tuple[ChecklistItem, ...]:
    """Return the checklist before the stage `production` takes over.

    Args:
        worklist: the worklist.
        stops: what stops delivery.
        configuration: the configuration in force.
        each: the result of `readiness_of_each`.
    """
    interface, *clinics = each
    active = [one for one in clinics if configuration.clinics[one.clinic].status == "active"]
    silent = [one.clinic for one in active if not any(day.messages for day in one.days)]
    not_ready = [one.clinic for one in active if not one.is_ready]
    return (
        *(ChecklistItem(f"Phase {phase.title}: {phase.asks}", phase.is_passed) for phase in interface.phases),
        ChecklistItem(
            f"{configuration.iis.ready_days} whole days without an error or a warning, with enough messages.",
            interface.is_ready,
        ),
        ChecklistItem(f"Every active clinic has sent in the days shown{_not_yet(silent)}.", not silent),
        ChecklistItem(f"Every active clinic is ready by itself{_not_yet(not_ready)}.", not not_ready),
        ChecklistItem("Nothing waits in the worklist.", next(iter(worklist.entries()), None) is None),
        ChecklistItem("No facility is stopped.", not stops.current().facilities),
        *(ChecklistItem(words) for words in _KNOWN_TO_PEOPLE),
    )


def _not_yet(clinics: Sequence[str]) -> str:
    return f" (not yet: {', '.join(clinics)})" if clinics else ""


_KNOWN_TO_PEOPLE: Final = (
    "CT DPH has confirmed in writing that the interface may go to production.",
    "URL, user name, password and facility codes of production are in the stage's own secrets and clinics.toml.",
    "`vaxline test-connection --stage production` answers.",
    "Every clinic knows the day, and who looks at the worklist every morning.",
    "The feeds are moved to the production bucket, and the test stage gets no more exports.",
)
