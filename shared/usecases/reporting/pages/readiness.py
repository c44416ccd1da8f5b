"""Readiness as one HTML page to print: the evidence of test phases and clean days, for CT DPH."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from shared.domain.readiness import IN_PRODUCTION, WINDOW, Day, Item, Phase, Readiness
from shared.usecases.reporting.pages import html

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(each: Sequence[Readiness], items: Sequence[Item], organization: str, stage: str, made: datetime) -> str:
    """The interface and every clinic, then the go-live checklist and what stays to be done."""
    title = f"Readiness of {organization} for CT WiZ"
    stays = "".join(f"<li>{_code(one)}</li>" for one in IN_PRODUCTION)
    body = (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="note">Stage {escape(stage)}, made {made:%Y-%m-%d %H:%M %Z} by vaxline from its ledger. Days '
        "are UTC. It quotes no patient data.</p>\n"
        f"{''.join(map(_readiness, each))}{_checklist(items)}"
        f"<h2>What stays to be done in production</h2>\n<ul>{stays}</ul>\n"
    )
    return html.page(title, body)


def _readiness(found: Readiness) -> str:
    name = f"Clinic {found.clinic}" if found.clinic else "The whole interface"
    broken = [day for day in reversed(found.days) if day.is_broken]
    rows = [(str(day.date), day.messages, day.warnings, day.errors, ", ".join(day.causes)) for day in broken]
    return f"<h2>{escape(name)}</h2>\n{verdict(found)}{_phases(found.phases)}{_calendar(found.days)}" + (
        f"<p>What broke a day:</p>\n{html.table(_BROKEN, rows)}" if rows else ""
    )


_BROKEN = ("day", "messages", "warnings", "errors", "causes")


def verdict(found: Readiness) -> str:
    """The clean run in one sentence."""
    if found.clean_since is None:
        return '<p class="verdict">No message has been answered in the days shown.</p>\n'
    if found.is_ready:
        words, kind = f"Ready: without errors and warnings since {found.clean_since}, {found.streak} days.", "good"
    else:
        words = f"{found.streak} of {WINDOW} clean days; the earliest end is {found.could_end}."
        kind = "warned"
    silent = f" {found.silent} of these days were silent." if found.silent else ""
    return f'<p class="verdict {kind}">{words}{silent}</p>\n'


def _phases(phases: Sequence[Phase]) -> str:
    rows = [(one.title, "yes" if one.is_passed else "not yet", one.asks, one.evidence) for one in phases]
    return html.table(("phase", "passed", "what CT WiZ asks", "what the ledger shows"), rows)


def _calendar(days: Sequence[Day]) -> str:
    heads = "".join(f'<div class="head">{name}</div>' for name in _WEEKDAYS)
    before = '<div class="head"></div>' * (days[0].date.weekday() if days else 0)
    return f'<div class="calendar">{heads}{before}{"".join(map(_day, days))}</div>\n'


def _day(day: Day) -> str:
    counts = f"{day.messages} messages"
    if day.is_broken:
        counts += f"<br>{day.warnings} warnings, {day.errors} errors"
    return f'<div class="{day.word}"><b>{day.date:%m-%d}</b> {day.word}<br>{counts if day.messages else ""}</div>'


def _checklist(items: Sequence[Item]) -> str:
    def line(item: Item) -> str:
        return f'<li><span class="box{" done" if item.is_done else ""}"></span>{_code(item.words)}</li>'

    return f'<h2>Before going live</h2>\n<ul class="list">{"".join(map(line, items))}</ul>\n'


def _code(words: str) -> str:
    """Text in which what stands between grave accents is a command."""
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
