"""The pages of the web console and their addresses. Navigation and tests follow this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

from console.web.frame import NavigationEntry, frame
from console.web.pages import (
    audit,
    cause,
    clinics,
    files,
    message,
    overview,
    query,
    readiness,
    reports,
    search,
    worklist,
)
from console.web.parts import clinic_choice, loading
from console.web.session import ConsoleSession


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the navigation: address, heading, the function that draws it, and whether it can show one clinic."""

    path: str
    title: str
    draw: Callable[..., Awaitable[None]]
    by_clinic: bool = False


PAGES: Final = (
    Page("/", "Overview", overview.draw, by_clinic=True),
    Page("/worklist", "Worklist", worklist.draw, by_clinic=True),
    Page("/search", "Search", search.draw),
    Page("/files", "Files", files.draw, by_clinic=True),
    Page("/readiness", "Readiness", readiness.draw, by_clinic=True),
    Page("/reports", "Reports", reports.draw),
    Page("/query", "Query", query.draw),
    Page("/clinics", "Clinics", clinics.draw, by_clinic=True),
    Page("/audit", "Audit", audit.draw, by_clinic=True),
)


def register(session: ConsoleSession) -> None:
    """Register every page with NiceGUI."""
    entries = tuple(NavigationEntry(page.path, page.title) for page in PAGES)
    for page in PAGES:
        _register_page(session, entries, page)

    @ui.page("/worklist/{name:path}")
    async def cause_page(name: str, clinic: str = "") -> None:
        with frame(session, entries, name, "/worklist"):
            await cause.draw(session, name, clinic)

    @ui.page("/files/{file_id}")
    async def file_page(file_id: str) -> None:
        with frame(session, entries, "File", "/files"):
            await files.draw_file(session, file_id)

    @ui.page("/message/{msh_10}")
    async def message_page(msh_10: str) -> None:
        with frame(session, entries, msh_10, "/worklist"):
            await message.draw(session, msh_10)


def _register_page(session: ConsoleSession, entries: tuple[NavigationEntry, ...], page: Page) -> None:
    async def draw_page(clinic: str = "") -> None:
        arguments: dict[str, Any] = {"clinic": clinic} if page.by_clinic else {}
        with frame(session, entries, page.title, page.path):
            if page.by_clinic:
                async with loading():
                    clinics_in_force = await session.run(lambda one: tuple(one.configurations.current().clinics))
                    clinic_choice(page.path.strip("/"), clinics_in_force, clinic)
            await page.draw(session, **arguments)

    ui.page(page.path)(draw_page)
