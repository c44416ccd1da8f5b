"""Which address leads to which page; the navigation, the tests and docs/console.md follow this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

from console.web.frame import Entry, frame
from console.web.pages import audit, clinics, files, message, overview, query, readiness, reports, search, worklist
from console.web.parts import clinic_choice, loading
from console.web.session import ConsoleSession

Draw = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the navigation: what it is for, and what draws it. `clinic` says whether it can show one clinic."""

    path: str
    title: str
    words: str
    draw: Draw
    clinic: bool = False


PAGES: Final = (
    Page(
        "/",
        "Overview",
        "what was sent and answered by day and clinic, what waits, what does not come",
        overview.draw,
        clinic=True,
    ),
    Page("/worklist", "Worklist", "what needs a person, by cause, and one remedy for each", worklist.draw, clinic=True),
    Page("/search", "Search", "submissions by MSH-10, MRN, dose id, lot, file, cause, state and day", search.draw),
    Page("/files", "Files", "what arrived, where its rows are, and the way of each row", files.draw, clinic=True),
    Page("/readiness", "Readiness", "CT WiZ's phases and the two clean weeks, by clinic", readiness.draw, clinic=True),
    Page("/reports", "Reports", "the reports, drawn and to keep", reports.draw),
    Page("/query", "Query", "what CT WiZ knows about a patient, and what is due", query.draw),
    Page(
        "/clinics", "Clinics", "who reports under which codes, code maps, and clinics.toml", clinics.draw, clinic=True
    ),
    Page("/audit", "Audit", "who read or changed what", audit.draw, clinic=True),
)


def register(session: ConsoleSession) -> None:
    """Makes every page known to NiceGUI, for one session."""
    entries = tuple(Entry(page.path, page.title) for page in PAGES)
    for page in PAGES:
        _page(session, entries, page)

    @ui.page("/worklist/{cause:path}")
    async def cause_page(cause: str, clinic: str = "") -> None:
        with frame(session, entries, cause, "/worklist"):
            await worklist.draw_cause(session, cause, clinic)

    @ui.page("/files/{file_id}")
    async def file_page(file_id: str) -> None:
        with frame(session, entries, "File", "/files"):
            await files.draw_file(session, file_id)

    @ui.page("/message/{msh_10}")
    async def message_page(msh_10: str) -> None:
        with frame(session, entries, msh_10, "/worklist"):
            await message.draw(session, msh_10)


def _page(session: ConsoleSession, entries: tuple[Entry, ...], page: Page) -> None:
    async def drawn(clinic: str = "") -> None:
        narrowed: dict[str, Any] = {"clinic": clinic} if page.clinic else {}
        with frame(session, entries, page.title, page.path):
            if page.clinic:
                async with loading():
                    names = await session.ask(lambda one: tuple(one.configurations.current().clinics))
                    clinic_choice(page.path.strip("/"), names, clinic)
            await page.draw(session, **narrowed)

    ui.page(page.path)(drawn)
