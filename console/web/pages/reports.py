"""Reports: each of `REPORTS` for some days and a clinic, drawn here and kept as HTML, CSV or JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
from nicegui import ui

from console.web import charts
from console.web.parts import card, empty, failed, loading, row, table, text
from console.web.session import ConsoleSession
from shared.domain.report import Report, Sheet
from shared.usecases.reporting.pages import csv_text, report
from shared.usecases.reporting.report import REPORTS, of_tally

_LONGEST: Final = 366
_DRAWN: Final = 25
_SHORT: Final = 40


async def draw(session: ConsoleSession) -> None:
    """The page."""
    async with loading():
        clinics, today = await session.ask(
            lambda one: (list(one.configurations.current().clinics), one.clock.now().date())
        )
        form = _Form(session, clinics, today)
        form.draw()
        await form.show()


class _Form:
    """Which report, of which days and clinic; and the report."""

    def __init__(self, session: ConsoleSession, clinics: list[str], today: date) -> None:
        self._session = session
        self._clinics = clinics
        self._today = today

    def draw(self) -> None:
        with card():
            with ui.element("form").on("submit.prevent", self.show), row():
                kinds = {name: kind.title for name, kind in REPORTS.items()}
                self._name = ui.select(kinds, value=next(iter(kinds)), label="report").classes("w-72")
                self._since = ui.input("since (UTC)", value=str(self._today - timedelta(days=6))).classes("w-36")
                self._until = ui.input("until (UTC)", value=str(self._today)).classes("w-36")
                self._clinic = ui.select(["", *self._clinics], value="", label="clinic").classes("w-40")
                ui.button("Show").props('no-caps type="submit"')
            self._words = text("", "p", "dim")
        self._result = ui.element("div").classes("flex flex-col gap-3").props('aria-live="polite"')

    async def show(self) -> None:
        name, clinic = str(self._name.value), str(self._clinic.value or "")
        self._words.content = f"{REPORTS[name].words}. It quotes no patient data."
        self._result.clear()
        with self._result:
            try:
                since, until = date.fromisoformat(self._since.value), date.fromisoformat(self._until.value)
            except ValueError as error:
                failed(f"{error}. Days are written as 2026-03-31.")
                return
            if not 0 <= (until - since).days < _LONGEST:
                failed("The first day must lie before the last, by a year at most.")
                return
            ui.spinner()
            await self._session.note("report", [clinic or "all clinics"], f"{name}, {since} to {until}")
            made = await self._session.ask(
                lambda one: of_tally(
                    name, one.report.counted(since, until, clinic), one.configurations.current(), since, until, clinic
                )
            )
        self._result.clear()
        with self._result:
            _show(made)


def _show(made: Report) -> None:
    name = f"vaxline-{made.name}-{made.since}-{made.until}"
    now = datetime.now(UTC)
    with row():
        text(f"{made.messages:,} messages", "h2")
        ui.button(
            "HTML", on_click=lambda: ui.download.content(report.page([made], now), f"{name}.html", "text/html")
        ).props("no-caps flat dense")
        ui.button(
            # With a byte order mark, by which spreadsheets know UTF-8.
            "CSV",
            on_click=lambda: ui.download.content(
                csv_text.of_report(made).encode("utf-8-sig"), f"{name}.csv", "text/csv"
            ),
        ).props("no-caps flat dense")
        ui.button(
            "JSON",
            on_click=lambda: ui.download.content(msgspec.json.encode(made), f"{name}.json", "application/json"),
        ).props("no-caps flat dense")
    if not made.messages:
        with card():
            empty("Nothing was answered or held on these days.", "Choose other days.")
        return
    for sheet in made.sheets:
        _sheet(sheet)


def _sheet(sheet: Sheet) -> None:
    with card(sheet.title):
        if sheet.note:
            text(sheet.note, "p", "dim")
        if not sheet.rows:
            text("Nothing.", "p", "dim")
            return
        place = next(
            (at for at in range(len(sheet.columns)) if all(isinstance(one[at], int) for one in sheet.rows)), None
        )
        if sheet.chart and place is not None:
            shown = sheet.rows[:_DRAWN]
            names = [str(one[0])[:_SHORT] for one in shown]
            values = [int(one[place]) for one in shown]
            draw_as = charts.bars if sheet.chart == "bars" else charts.columns
            height = 60 + 24 * len(shown) if sheet.chart == "bars" else 220
            ui.echart(draw_as(names, values)).classes("w-full").style(f"height: {height}px").props(
                f'aria-label="{sheet.title}"'
            )
        table(sheet.columns, sheet.rows, label=sheet.title)
