"""Reports: any report for some days and a clinic, with charts, and as an HTML, CSV or JSON file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from nicegui import ui

from console.web import charts
from console.web.parts import card, empty, failed, loading, row, table, text
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.report import Report, Sheet
from shared.usecases.reporting.pages import csv_text, report
from shared.usecases.reporting.report import REPORTS, build_report

_DEFAULT_DAYS: Final = 7
_MAX_DAYS: Final = 366
_MAX_CHARTED: Final = 25
_MAX_LABEL: Final = 40


async def draw(session: ConsoleSession) -> None:
    """Draw the page."""
    async with loading():
        clinics, today = await session.run(
            lambda one: (list(one.configurations.current().clinics), one.local_now().date())
        )
        form = _ReportForm(session, clinics, today)
        form.draw()
        await form.show()


class _ReportForm:
    """Chooses report, days and clinic, and draws the report."""

    def __init__(self, session: ConsoleSession, clinics: list[str], today: date) -> None:
        self._session = session
        self._clinics = clinics
        self._today = today

    def draw(self) -> None:
        first_day = self._today - timedelta(days=_DEFAULT_DAYS - 1)
        with card():
            with ui.element("form").on("submit.prevent", self.show), row():
                kinds = {name: kind.title for name, kind in REPORTS.items()}
                self._name = ui.select(kinds, value=next(iter(kinds)), label="report").classes("w-72")
                self._since = ui.input("since", value=str(first_day)).classes("w-36")
                self._until = ui.input("until", value=str(self._today)).classes("w-36")
                self._clinic = ui.select(["", *self._clinics], value="", label="clinic").classes("w-40")
                ui.button("Show").props('no-caps type="submit"')
            self._description = text("", "p", "dim")
        self._result = ui.element("div").classes("flex flex-col flex-nowrap gap-3").props('aria-live="polite"')

    async def show(self) -> None:
        """Draw the chosen report."""
        name, clinic = str(self._name.value), str(self._clinic.value or "")
        self._description.content = f"{REPORTS[name].words}. It quotes no patient data."
        self._result.clear()
        with self._result:
            try:
                since, until = date.fromisoformat(self._since.value), date.fromisoformat(self._until.value)
            except ValueError as error:
                failed(f"{error}. Write days as 2026-03-31.")
                return
            if not 0 <= (until - since).days < _MAX_DAYS:
                failed("The first day must not be after the last, nor more than a year before it.")
                return
            ui.spinner()
            await self._session.record("report", [clinic or "all clinics"], f"{name}, {since} to {until}")

            def make(application: Application) -> Report:
                counts = application.tallies.count(since, until, clinic)
                return build_report(name, counts, application.configurations.current(), since, until, clinic)

            made = await self._session.run(make)
        self._result.clear()
        with self._result:
            _draw_report(made)


def _draw_report(made: Report) -> None:
    with row():
        text(f"{made.messages:,} messages", "h2")
        _download_buttons(made)
    if not made.messages:
        with card():
            empty("Nothing was answered or held on these days.", "Choose other days.")
        return
    for sheet in made.sheets:
        _draw_sheet(sheet)


def _download_buttons(made: Report) -> None:
    name = f"vaxline-{made.name}-{made.since}-{made.until}"
    now = datetime.now(ZoneInfo(made.time_zone))
    files: tuple[tuple[str, Callable[[], str | bytes], str], ...] = (
        ("HTML", lambda: report.page([made], now), "text/html"),
        # Spreadsheets recognize UTF-8 by the byte order mark.
        ("CSV", lambda: csv_text.of_report(made).encode("utf-8-sig"), "text/csv"),
        ("JSON", lambda: msgspec.json.encode(made), "application/json"),
    )
    for label, content, media_type in files:

        def download(
            label: str = label, content: Callable[[], str | bytes] = content, media_type: str = media_type
        ) -> None:
            ui.download.content(content(), f"{name}.{label.lower()}", media_type)

        ui.button(label, on_click=download).props("no-caps flat dense")


def _draw_sheet(sheet: Sheet) -> None:
    with card(sheet.title):
        if sheet.note:
            text(sheet.note, "p", "dim")
        if not sheet.rows:
            text("Nothing.", "p", "dim")
            return
        _draw_chart(sheet)
        table(sheet.columns, sheet.rows, label=sheet.title)


def _draw_chart(sheet: Sheet) -> None:
    index = sheet.chart_column
    if index is None:
        return
    shown = sheet.rows[:_MAX_CHARTED]
    names = [str(cells[0])[:_MAX_LABEL] for cells in shown]
    values = [int(cells[index]) for cells in shown]
    make_chart = charts.bars if sheet.chart == "bars" else charts.columns
    height = 60 + 24 * len(shown) if sheet.chart == "bars" else 220
    ui.echart(make_chart(names, values)).classes("w-full").style(f"height: {height}px").props(
        f'aria-label="{sheet.title}"'
    )
