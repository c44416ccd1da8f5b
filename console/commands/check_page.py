"""The report of `vaxline check` as one HTML page to print. It loads nothing, and everything quoted is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from shared.usecases.intake.check import Cause, Checked, Report
from shared.usecases.reporting.pages import html

_STYLE: Final = """
section { border-left: 4px solid #b7791f; padding: .1rem 0 .1rem 1rem; margin: 1.2rem 0; break-inside: avoid; }
section.error { border-color: #b42318; }
h3 { font-size: 1rem; margin: .3rem 0; } code { font-size: .92em; }
.kind { font-weight: 600; } .error .kind { color: #b42318; } .warning .kind { color: #8a5a10; }
.private { background: #fff4e5; padding: .5rem .8rem; border-radius: 4px; }
"""


def check_page(report: Report) -> str:
    """Return the whole page. It quotes the export, so it holds patient data."""
    verdict = "Something would be held" if report.has_errors else "Everything would be sent"
    total = report.total
    errors = [cause for cause in report.causes if cause.holds]
    warnings = [cause for cause in report.causes if not cause.holds]
    body = (
        f"<h1>{verdict}</h1>\n"
        f"<p>{total.visits} visits in {total.rows} rows: {total.visits_sent} would be sent, {total.visits_held} held. "
        f"Configuration {escape(report.configuration)}.</p>\n"
        '<p class="private">This page quotes the export: it holds patient data. Keep it as you keep the export.</p>\n'
        f"{_exports(report)}"
        f"{_causes('Errors: what holds a visit', errors)}{_causes('Warnings: the visit is sent', warnings)}"
    )
    return html.page(f"vaxline check: {verdict.lower()}", body, style=_STYLE)


def times(count: int) -> str:
    """Return `once` or `3 times`."""
    return "once" if count == 1 else f"{count} times"


def _exports(report: Report) -> str:
    columns = ("file", "source", "rows", "visits", "would be sent", "would be held", "rows held")
    lines = [*report.exports, report.total] if len(report.exports) > 1 else report.exports
    return f"<h2>Exports</h2>\n{html.table(columns, [_cells(line) for line in lines])}"


def _cells(checked: Checked) -> tuple[str | int, ...]:
    return (
        checked.name,
        checked.source,
        checked.rows,
        checked.visits,
        checked.visits_sent,
        checked.visits_held,
        checked.rows_held,
    )


def _causes(title: str, causes: Iterable[Cause]) -> str:
    sections = "".join(map(_cause, causes))
    return f"<h2>{title}</h2>\n{sections}" if sections else ""


def _cause(cause: Cause) -> str:
    kind = cause.severity.value
    field = " ".join(filter(None, (cause.column, f"({cause.path})" if cause.path else "")))
    values = ", ".join(f"<code>{escape(value)}</code> ({times(count)})" for value, count in cause.values)
    examples = [(one.file, one.place or one.row or "", one.column, one.value) for one in cause.examples]
    return (
        f'<section class="{kind}">\n<h3><span class="kind">{kind}, found {times(cause.count)}</span> '
        f"<code>{escape(cause.code)}</code> {escape(field)}</h3>\n"
        f"<p>{escape(cause.words)}</p>\n<p><b>Fix</b> ({escape(cause.who.value)}): {escape(cause.fix)}</p>\n"
        + (f"<p>Values: {values}</p>\n" if values else "")
        + f"{html.table(('file', 'row', 'column', 'value'), examples)}</section>\n"
    )
