"""Files: what arrived and where its rows are; and one file's page, with the way of each of its rows."""

from __future__ import annotations

from nicegui import ui

from console.render import standing
from console.web.pages.message import time_line
from console.web.parts import Cell, Link, address, card, empty, failed, loading, row, state_of, table, text
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX
from shared.usecases.reporting.by_clinic import files_of
from shared.usecases.reporting.trace import trace


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page of all files that arrived, or of those with rows of a clinic."""
    async with loading():
        await session.note("files", [clinic or "all files"])
        found = await session.ask(lambda application: _files(application, clinic))
        if not found:
            with card():
                empty("No file has arrived yet.", "An export goes into its source's folder of the inbox.")
            return
        if clinic:
            text(
                f"Held and submitted rows are those of {clinic}; all rows and unchanged ones are the file's.",
                "p",
                "dim",
            )
        states = [state for state in State if any(state in one.submitted for one in found)]
        heads = (
            "file",
            "arrived (UTC)",
            "rows",
            "unchanged",
            "held",
            *(_words(state) for state in states),
            *(() if clinic else ("adds up",)),
        )
        newest = sorted(found, key=lambda one: one.arrived, reverse=True)
        with card():
            table(heads, (_file(one, states, clinic) for one in newest), label="Files")


def _words(state: State) -> str:
    return state.value.replace("_", " ").lower()


def _files(application: Application, clinic: str) -> list[FileSummary]:
    found = application.ledger.files()
    return list(files_of(found, application.configurations.current(), clinic) if clinic else found)


def _file(one: FileSummary, states: list[State], clinic: str) -> tuple[Cell, ...]:
    return (
        Link(one.name.removeprefix(INBOX_PREFIX), address("files", one.file_id)),
        f"{one.arrived:%Y-%m-%d %H:%M}",
        one.rows,
        one.unchanged,
        one.held,
        *(one.submitted.get(state, 0) for state in states),
        *(() if clinic else (standing(one),)),
    )


async def draw_file(session: ConsoleSession, file_id: str) -> None:
    """The page of one file: where its rows are, and the way of any one of them."""
    async with loading():
        await session.note("files", [file_id])
        found = await session.ask(lambda application: application.ledger.file(file_id))
        if found is None:
            with card():
                empty("There is no such file.", "Choose one under Files.")
            return
        with card(found.name.removeprefix(INBOX_PREFIX)):
            text(
                f"{found.rows:,} rows = {found.unchanged:,} unchanged + {found.held:,} held + "
                f"{sum(found.submitted.values()):,} submitted. Arrived {found.arrived:%Y-%m-%d %H:%M:%S} UTC."
            )
            table(("clinic", "state", "rows"), ((clinic, state.value, count) for clinic, state, count in found.places))
            if found.findings:
                text("About the file itself", "h3")
                table(("code", "where", "row"), ((one.code, one.path or one.column, one.row) for one in found.findings))
        _Way(session, found).draw()


class _Way:
    """The way of one row of a file."""

    def __init__(self, session: ConsoleSession, file: FileSummary) -> None:
        self._session = session
        self._file = file

    def draw(self) -> None:
        with card("Where is a row?"):
            with ui.element("form").on("submit.prevent", self._find), row():
                self._row = ui.number("row", value=1, min=1, format="%d").classes("w-32")
                ui.button("Trace").props('no-caps type="submit"')
            self._result = ui.element("div").props('aria-live="polite"')

    async def _find(self) -> None:
        number = int(self._row.value or 0)
        await self._session.note("trace", [self._file.file_id], f"row {number}")
        found = await self._session.ask(lambda application: trace(application.ledger, self._file, number))
        self._result.clear()
        with self._result:
            if found is None:
                failed(f"The file has no row {number}; it has {self._file.rows:,}.")
                return
            if found.state:
                state_of(found.state)
            time_line(found.steps)
