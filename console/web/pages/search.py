"""Search: find submissions by MSH-10, patient, dose, lot, file, cause, state or day."""

from __future__ import annotations

from datetime import date
from typing import Final

from nicegui import ui

from console.web.parts import Cell, card, empty, failed, input_values, inputs, loading, row, table, text
from console.web.session import ConsoleSession
from console.web.submissions import message_link
from shared.domain.lifecycle import State
from shared.settings import INBOX_PREFIX
from shared.usecases.reporting.search import SearchCriteria, SearchHit, SearchResult

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
"""Attribute of `SearchCriteria` → label of its input. The values never become part of an address: an MRN is PHI."""


async def draw(session: ConsoleSession) -> None:
    """Draw the page."""
    async with loading():
        configuration = await session.run(lambda application: application.configurations.current())
        _SearchForm(session, list(configuration.clinics)).draw()


class _SearchForm:
    """The search form and the result."""

    def __init__(self, session: ConsoleSession, clinics: list[str]) -> None:
        self._session = session
        self._clinics = clinics

    def draw(self) -> None:
        with card():
            with ui.element("form").props('role="search"').on("submit.prevent", self._search), row():
                self._inputs = inputs(_FIELDS)
                self._clinic = ui.select(["", *self._clinics], value="", label="clinic").classes("w-40")
                self._state = ui.select(["", *(state.value for state in State)], value="", label="state").classes(
                    "w-56"
                )
                ui.button("Search").props('no-caps type="submit"')
            text(
                "All fields that are filled in must match. By state, cause or clinic alone: the last 28 days.",
                "p",
                "dim",
            )
        self._result = ui.element("section").classes("card").props('aria-live="polite"')
        with self._result:
            empty("No search yet.", "Fill in at least one field.")

    def _criteria(self) -> SearchCriteria:
        """Return what the form asks for.

        Raises:
            ValueError: a number or a day cannot be parsed.
        """
        values = input_values(self._inputs)
        return SearchCriteria(
            msh_10=values["msh_10"].upper(),
            orc_3=values["orc_3"],
            mrn=values["mrn"],
            lot=values["lot"],
            file=values["file"],
            row=int(values["row"]) if values["row"] else 0,
            clinic=str(self._clinic.value or ""),
            state=State(self._state.value) if self._state.value else None,
            code=values["code"].upper(),
            since=date.fromisoformat(values["since"]) if values["since"] else None,
            until=date.fromisoformat(values["until"]) if values["until"] else None,
        )

    async def _search(self) -> None:
        self._result.clear()
        with self._result:
            try:
                criteria = self._criteria()
            except ValueError as error:
                failed(f"{error}. Write days as 2026-03-31 and rows as numbers.")
                return
            given = [name for name in (*dict(_FIELDS), "clinic", "state") if getattr(criteria, name)]
            if not given:
                failed("Fill in at least one field.")
                return
            if criteria.row and not criteria.file:
                failed("A row needs its file.")
                return
            subject = criteria.msh_10 or criteria.clinic or "all clinics"
            await self._session.record("search", [subject], f"by {', '.join(given)}")
            result = await self._session.run(
                lambda application: application.search(criteria, application.clock.now().date(), limit=LIMIT)
            )
            _draw_result(result)


def _draw_result(result: SearchResult) -> None:
    if not result.hits:
        empty("No submission matches.", "An MRN and a dose id must be exact; a lot may be in any case.")
        return
    more = f"; there are more than {LIMIT}, narrow the search" if result.more else ""
    since = f", held or answered since {result.since}, or open" if result.since else ""
    text(f"{len(result.hits):,} found{since}{more}.", "h2")
    table(
        ("MSH-10", "clinic", "state", "file", "rows", "when (UTC)", "causes"),
        map(_hit_cells, result.hits),
        label="Found",
    )


def _hit_cells(hit: SearchHit) -> tuple[Cell, ...]:
    return (
        message_link(hit.msh_10),
        hit.clinic,
        hit.state.value,
        hit.file.removeprefix(INBOX_PREFIX),
        ", ".join(map(str, hit.rows)),
        f"{hit.when:%Y-%m-%d %H:%M}",
        ", ".join(hit.causes),
    )
