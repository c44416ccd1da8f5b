"""Search: submissions by what a person has in hand."""

from __future__ import annotations

from datetime import date
from typing import Final

from nicegui import ui

from console.web.parts import (
    Cell,
    card,
    empty,
    failed,
    inputs,
    loading,
    message_link,
    row,
    said,
    table,
    text,
)
from console.web.session import ConsoleSession
from shared.domain.lifecycle import State
from shared.settings import INBOX_PREFIX
from shared.usecases.reporting.search import Found, Hit, Wanted, search

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


async def draw(session: ConsoleSession) -> None:
    """The page of the search."""
    async with loading():
        configuration = await session.ask(lambda application: application.configurations.current())
        _Form(session, list(configuration.clinics)).draw()


class _Form:
    """What is searched for, and what was found."""

    def __init__(self, session: ConsoleSession, clinics: list[str]) -> None:
        self._session = session
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
            await self._session.note("search", [wanted.msh_10 or wanted.clinic or "all clinics"], f"by {', '.join(by)}")
            found = await self._session.ask(
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
