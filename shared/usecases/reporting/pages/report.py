"""Reports as one HTML page to print."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from shared.domain.report import Report, Sheet
from shared.usecases.reporting.pages import html

_CHARTS = {"bars": html.bars, "columns": html.columns}


def page(reports: Sequence[Report], made: datetime) -> str:
    """Return one page with all sheets of some reports."""
    title = f"vaxline: {', '.join(report.title for report in reports)}"
    return html.page(title, "".join(_report(report, made) for report in reports))


def _report(report: Report, made: datetime) -> str:
    days = str(report.since) if report.since == report.until else f"{report.since} to {report.until}"
    return (
        f"<h1>{escape(report.title)}</h1>\n"
        f'<p class="note">{escape(report.clinic or "All clinics")}, {days} '
        f"({escape(report.time_zone)}), {report.messages:,} "
        f"messages. Made {made:%Y-%m-%d %H:%M %Z} by vaxline. It quotes no patient data.</p>\n"
        + "".join(map(_sheet, report.sheets))
    )


def _sheet(sheet: Sheet) -> str:
    note = f'<p class="note">{escape(sheet.note)}</p>\n' if sheet.note else ""
    body = html.table(sheet.columns, sheet.rows) if sheet.rows else "<p>Nothing.</p>\n"
    return f"<h2>{escape(sheet.title)}</h2>\n{note}{_chart(sheet)}{body}"


def _chart(sheet: Sheet) -> str:
    index = sheet.chart_column
    if index is None:
        return ""
    return _CHARTS[sheet.chart]((str(row[0]), int(row[index])) for row in sheet.rows)
