"""Readiness as one HTML page to print, for CT DPH: test phases, clean days and checklist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from shared.domain.clinics import Configuration
from shared.domain.readiness import IN_PRODUCTION, ChecklistItem, Coverage, Day, Phase, Readiness, Reason
from shared.domain.report import percentage
from shared.usecases.reporting.pages import html
from shared.usecases.reporting.pages.html import with_commands

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(
    each: Sequence[Readiness],
    items: Sequence[ChecklistItem],
    configuration: Configuration,
    stage: str,
    made: datetime,
) -> str:
    """Return the page.

    Args:
        each: the readiness of the whole interface and of every clinic.
        items: the checklist before going live.
        configuration: the configuration in force.
        stage: the stage's name.
        made: the time at which the page is made, in the IIS's time zone.
    """
    title = f"Readiness of {configuration.organization} for CT WiZ"
    in_production = "".join(f"<li>{with_commands(line)}</li>" for line in IN_PRODUCTION)
    body = (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="note">Stage {escape(stage)}, made {made:%Y-%m-%d %H:%M %Z} by vaxline from its ledger. Days '
        f"are those of {escape(configuration.iis.time_zone)}. It quotes no patient data.</p>\n"
        f"{''.join(_readiness(one, configuration) for one in each)}{_checklist(items)}"
        f"<h2>In production</h2>\n<ul>{in_production}</ul>\n"
    )
    return html.page(title, body)


def verdict(readiness: Readiness) -> str:
    """Return whether it is ready, and each reason why not with its day, as HTML."""
    if readiness.is_ready:
        silent = f", {readiness.silent} of them without a message" if readiness.silent else ""
        return (
            f'<p class="verdict good">Ready: no error and no warning since {readiness.clean_since}, '
            f"{readiness.streak} whole days{silent}; {readiness.messages:,} messages.</p>\n"
        )
    reasons = "".join(f"<li>{escape(with_day(reason))}</li>" for reason in readiness.reasons)
    return f'<div class="verdict warned">Not ready:<ul>{reasons}</ul></div>\n'


def with_day(reason: Reason) -> str:
    """Return a reason against readiness with the day since when it holds."""
    return f"{reason.words} (since {reason.since})" if reason.since else reason.words


def calendar(days: Sequence[Day]) -> str:
    """Return the days as a calendar of weeks, as HTML."""
    heads = "".join(f'<div class="head">{name}</div>' for name in _WEEKDAYS)
    before = '<div class="head"></div>' * (days[0].date.weekday() if days else 0)
    return f'<div class="calendar">{heads}{before}{"".join(map(_day, days))}</div>\n'


def name_of(clinic: str, configuration: Configuration) -> str:
    """Return how a page names a clinic: its name and facility code, and its status where it is not active."""
    if not clinic:
        return "The whole interface"
    configured = configuration.clinics[clinic]
    status = "" if configured.status == "active" else f", {configured.status.replace('_', ' ')}"
    return f"{configured.name} ({configured.facility}{status})"


def _readiness(readiness: Readiness, configuration: Configuration) -> str:
    return (
        f"<h2>{escape(name_of(readiness.clinic, configuration))}</h2>\n"
        f"{verdict(readiness)}{_phases(readiness.phases)}{calendar(readiness.days)}{_broken_days(readiness.days)}"
        f"{_coverage(readiness.coverage)}"
    )


def _coverage(fields: Sequence[Coverage]) -> str:
    if not fields:
        return ""
    rows = [(one.field, one.present, one.absent, percentage(one.present, one.present + one.absent)) for one in fields]
    note = "Fields in the days shown: a patient's per message, a dose's per dose administered here."
    return f"<p>{note}</p>\n{html.table(('field', 'present', 'absent', 'complete'), rows)}"


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
