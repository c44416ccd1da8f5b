"""Readiness as one HTML page to print, for CT DPH: test phases, clean days and checklist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from shared.domain.readiness import CLEAN_DAYS_REQUIRED, IN_PRODUCTION, ChecklistItem, Day, Phase, Readiness
from shared.usecases.reporting.pages import html
from shared.usecases.reporting.pages.html import with_commands

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(
    each: Sequence[Readiness], items: Sequence[ChecklistItem], organization: str, stage: str, made: datetime
) -> str:
    """Return the page.

    Args:
        each: the readiness of the whole interface and of every clinic.
        items: the checklist before going live.
        organization: the organization's name.
        stage: the stage's name.
        made: the time at which the page is made.
    """
    title = f"Readiness of {organization} for CT WiZ"
    in_production = "".join(f"<li>{with_commands(line)}</li>" for line in IN_PRODUCTION)
    body = (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="note">Stage {escape(stage)}, made {made:%Y-%m-%d %H:%M %Z} by vaxline from its ledger. Days '
        "are UTC. It quotes no patient data.</p>\n"
        f"{''.join(map(_readiness, each))}{_checklist(items)}"
        f"<h2>In production</h2>\n<ul>{in_production}</ul>\n"
    )
    return html.page(title, body)


def verdict(readiness: Readiness) -> str:
    """Return a sentence about the current clean days, as HTML."""
    if readiness.clean_since is None:
        return '<p class="verdict">No message has been answered in the days shown.</p>\n'
    if readiness.is_ready:
        words = f"Ready: no errors and no warnings since {readiness.clean_since}, {readiness.streak} days."
        classes = "verdict good"
    else:
        words = f"{readiness.streak} of {CLEAN_DAYS_REQUIRED} clean days; the earliest end is {readiness.could_end}."
        classes = "verdict warned"
    silent = f" {readiness.silent} of these days were silent." if readiness.silent else ""
    return f'<p class="{classes}">{words}{silent}</p>\n'


def calendar(days: Sequence[Day]) -> str:
    """Return the days as a calendar of weeks, as HTML."""
    heads = "".join(f'<div class="head">{name}</div>' for name in _WEEKDAYS)
    before = '<div class="head"></div>' * (days[0].date.weekday() if days else 0)
    return f'<div class="calendar">{heads}{before}{"".join(map(_day, days))}</div>\n'


def _readiness(readiness: Readiness) -> str:
    name = f"Clinic {readiness.clinic}" if readiness.clinic else "The whole interface"
    return (
        f"<h2>{escape(name)}</h2>\n"
        f"{verdict(readiness)}{_phases(readiness.phases)}{calendar(readiness.days)}{_broken_days(readiness.days)}"
    )


def _broken_days(days: Sequence[Day]) -> str:
    broken = [day for day in reversed(days) if day.is_broken]
    if not broken:
        return ""
    columns = ("day", "messages", "warnings", "errors", "causes")
    rows = [(str(day.date), day.messages, day.warnings, day.errors, ", ".join(day.causes)) for day in broken]
    return f"<p>Days with warnings or errors:</p>\n{html.table(columns, rows)}"


def _phases(phases: Sequence[Phase]) -> str:
    rows = [(phase.title, "yes" if phase.is_passed else "not yet", phase.asks, phase.evidence) for phase in phases]
    return html.table(("phase", "passed", "what CT WiZ asks", "what the ledger shows"), rows)


def _day(day: Day) -> str:
    counts = f"{day.messages:,} messages" if day.messages else ""
    broken = f"<br>{day.warnings} warnings, {day.errors} errors" if day.is_broken else ""
    return f'<div class="{day.word}"><b>{day.date:%m-%d}</b> {day.word}<br>{counts}{broken}</div>'


def _checklist(items: Sequence[ChecklistItem]) -> str:
    def line(item: ChecklistItem) -> str:
        return f'<li><span class="box{" done" if item.is_done else ""}"></span>{with_commands(item.words)}</li>'

    return f'<h2>Before going live</h2>\n<ul class="list">{"".join(map(line, items))}</ul>\n'
