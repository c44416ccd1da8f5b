"""Search: submissions by what a person has in hand; and the files, with the way of each of their rows."""

from __future__ import annotations

from datetime import date
from typing import Final

from nicegui import ui

from console.render import standing
from console.web.desk import Desk
from console.web.pages.message import time_line
from console.web.parts import (
    Cell,
    Link,
    address,
    card,
    empty,
    failed,
    inputs,
    loading,
    message_link,
    row,
    said,
    state_of,
    table,
    text,
)
from shared.bootstrap import Application
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX
from shared.usecases.reporting.by_clinic import files_of
from shared.usecases.reporting.search import Found, Hit, Wanted, search
from shared.usecases.reporting.trace import trace

LIMIT: Final = 500
_FIELDS: Final = (
    ("msh_10", "MSH-10"),
    ("mrn", "MRN, exact"),
    ("orc_3", "dose id (ORC-3)"),
    ("lot", "lot"),
    ("file", "file"),
    ("row", "row of the file"),
    ("code", "cause, or its code"),
    ("since", "since, YYYY-MM-DD"),
    ("until", "until, YYYY-MM-DD"),
)
"""The inputs of the form, by the names of `Wanted`. They never go into an address: an MRN is PHI."""


async def draw(desk: Desk) -> None:
    """The page of the search."""
    async with loading():
        configuration = await desk.ask(lambda application: application.configurations.current())
        _Form(desk, list(configuration.clinics)).draw()


class _Form:
    """What is searched for, and what was found."""

    def __init__(self, desk: Desk, clinics: list[str]) -> None:
        self._desk = desk
        self._clinics = clinics

    def draw(self) -> None:
        with card():
            with ui.element("form").props('role="search"').on("submit.prevent", self._find), row():
                self._inputs = inputs(_FIELDS)
                self._clinic = ui.select(["", *self._clinics], value="", label="clinic").classes("w-40")
                self._state = ui.select(["", *(state.value for state in State)], value="", label="state").classes(
                    "w-56"
                )
                ui.button("Search").props('no-caps type="submit"')
            text("All that is filled in must fit. By state, cause or clinic alone: the last 28 days.", "p", "dim")
        self._result = ui.element("section").classes("card").props('aria-live="polite"')
        with self._result:
            empty("Nothing is searched for yet.", "Fill in what you have in hand.")

    def _wanted(self) -> Wanted:
        """What the form says.

        Raises:
            ValueError: a number or a day cannot be read.
        """
        given = said(self._inputs)
        state = State(self._state.value) if self._state.value else None
        return Wanted(
            msh_10=given["msh_10"].upper(),
            orc_3=given["orc_3"],
            mrn=given["mrn"],
            lot=given["lot"],
            file=given["file"],
            row=int(given["row"]) if given["row"] else 0,
            clinic=str(self._clinic.value or ""),
            state=state,
            code=given["code"].upper(),
            since=date.fromisoformat(given["since"]) if given["since"] else None,
            until=date.fromisoformat(given["until"]) if given["until"] else None,
        )

    async def _find(self) -> None:
        self._result.clear()
        with self._result:
            try:
                wanted = self._wanted()
            except ValueError as error:
                failed(f"{error}. Days are written as 2026-03-31, rows as numbers.")
                return
            by = [name for name, _ in _FIELDS if getattr(wanted, name)]
            by += [name for name in ("clinic", "state") if getattr(wanted, name)]
            if not by:
                failed("Say what to search by.")
                return
            if wanted.row and not wanted.file:
                failed("A row needs its file.")
                return
            await self._desk.note("search", [wanted.msh_10 or wanted.clinic or "all clinics"], f"by {', '.join(by)}")
            found = await self._desk.ask(
                lambda application: search(application.ledger, wanted, application.clock.now().date(), limit=LIMIT)
            )
            _show(found)


def _show(found: Found) -> None:
    if not found.hits:
        empty("Nothing fits.", "An MRN and a dose id must be exact; a lot may be in any case.")
        return
    more = f"; there are more than {LIMIT}, narrow it down" if found.more else ""
    since = f", held or answered since {found.since}, or open" if found.since else ""
    text(f"{len(found.hits):,} found{since}{more}.", "h2")
    table(("MSH-10", "clinic", "state", "file", "rows", "when (UTC)", "causes"), map(_hit, found.hits), label="Found")


def _hit(one: Hit) -> tuple[Cell, ...]:
    return (
        message_link(one.msh_10),
        one.clinic,
        one.state.value,
        one.file.removeprefix(INBOX_PREFIX),
        ", ".join(map(str, one.rows)),
        f"{one.when:%Y-%m-%d %H:%M}",
        ", ".join(one.causes),
    )


# files ----------------------------------------------------------------------------------------------------------------


async def draw_files(desk: Desk, clinic: str = "") -> None:
    """The page of all files that arrived, or of those with rows of a clinic."""
    async with loading():
        await desk.note("files", [clinic or "all files"])
        found = await desk.ask(lambda application: _files(application, clinic))
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


async def draw_file(desk: Desk, file_id: str) -> None:
    """The page of one file: where its rows are, and the way of any one of them."""
    async with loading():
        await desk.note("files", [file_id])
        found = await desk.ask(lambda application: application.ledger.file(file_id))
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
        _Way(desk, found).draw()


class _Way:
    """The way of one row of a file."""

    def __init__(self, desk: Desk, file: FileSummary) -> None:
        self._desk = desk
        self._file = file

    def draw(self) -> None:
        with card("Where is a row?"):
            with ui.element("form").on("submit.prevent", self._find), row():
                self._row = ui.number("row", value=1, min=1, format="%d").classes("w-32")
                ui.button("Trace").props('no-caps type="submit"')
            self._result = ui.element("div").props('aria-live="polite"')

    async def _find(self) -> None:
        number = int(self._row.value or 0)
        await self._desk.note("trace", [self._file.file_id], f"row {number}")
        found = await self._desk.ask(lambda application: trace(application.ledger, self._file, number))
        self._result.clear()
        with self._result:
            if found is None:
                failed(f"The file has no row {number}; it has {self._file.rows:,}.")
                return
            if found.state:
                state_of(found.state)
            time_line(found.steps)
