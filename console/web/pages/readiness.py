"""Readiness: CT WiZ's test phases and clean days, for the whole interface and each clinic, and the checklist."""

from __future__ import annotations

from datetime import datetime
from html import escape

from nicegui import ui

from console.web.parts import Cell, Link, address, card, empty, html_element, loading, row, table
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.domain.readiness import IN_PRODUCTION, ChecklistItem, Readiness
from shared.usecases.reporting.pages import readiness
from shared.usecases.reporting.pages.html import with_commands
from shared.usecases.reporting.readiness import go_live_checklist, readiness_of_each

_CHECKLIST_BOX = {True: "☑", False: "☐", None: "☐"}
_CHECKLIST_WORDS = {True: "done: ", False: "not yet: ", None: "you know: "}


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for the whole interface or for one clinic."""
    async with loading():
        await session.record("readiness", [clinic or "all clinics"])
        configuration, each, checklist, now = await session.run(_read)
        shown = next((one for one in each if one.clinic == clinic), None)
        if shown is None:
            with card():
                empty(f"There is no clinic {clinic} in clinics.toml.", "Choose another under Readiness.")
            return

        def download() -> None:
            on_page = (shown,) if clinic else each
            page = readiness.page(on_page, checklist, configuration, session.stage, now)
            ui.download.content(page, "readiness.html", "text/html")

        with card(readiness.name_of(clinic, configuration)):
            with row("top"):
                html_element("div", readiness.verdict(shown))
                ui.button("The page for CT DPH", on_click=download, icon="print").props("no-caps outline")
            html_element("div", readiness.calendar(shown.days))
        with ui.element("div").classes("halves"):
            with card("CT WiZ's test phases"):
                table(
                    ("phase", "", "what the ledger shows"),
                    (
                        (phase.title, "passed" if phase.is_passed else "not yet", phase.evidence)
                        for phase in shown.phases
                    ),
                )
            with card("Days with warnings or errors"):
                _broken_days(shown)
        if not clinic:
            with card("Clinics"):
                table(
                    ("clinic", "ready", "clean days", "silent", "messages", "last broken", "could end"),
                    map(_clinic_cells, each[1:]),
                )
            with ui.element("div").classes("halves"):
                with card("Before going live"):
                    html_element("ul", "".join(map(_checklist_item, checklist)), "list")
                with card("In production"):
                    html_element("ul", "".join(f"<li>{with_commands(line)}</li>" for line in IN_PRODUCTION), "list")


def _read(
    application: Application,
) -> tuple[Configuration, tuple[Readiness, ...], tuple[ChecklistItem, ...], datetime]:
    """Return the configuration, the readiness of interface and clinics, the checklist, and the local time."""
    configuration, now = application.configurations.current(), application.local_now()
    each = readiness_of_each(application.tallies, configuration, now.date())
    ledger = application.ledger
    return configuration, each, go_live_checklist(ledger.worklist, ledger.stops, configuration, each), now


def _broken_days(shown: Readiness) -> None:
    broken = [day for day in reversed(shown.days) if day.is_broken]
    if not broken:
        empty(f"None in the last {len(shown.days)} days.")
        return
    table(
        ("day", "warnings", "errors", "causes"),
        ((str(day.date), day.warnings, day.errors, ", ".join(day.causes)) for day in broken),
    )


def _clinic_cells(one: Readiness) -> tuple[Cell, ...]:
    broken = f"{one.broken_on.date}: {', '.join(one.broken_on.causes)}" if one.broken_on else ""
    link = Link(one.clinic, address("readiness", clinic=one.clinic))
    ready = "yes" if one.is_ready else "no"
    return link, ready, one.streak, one.silent, one.messages, broken, str(one.could_end or "")


def _checklist_item(item: ChecklistItem) -> str:
    attributes = ' class="done"' if item.is_done else ""
    box, words = _CHECKLIST_BOX[item.is_done], _CHECKLIST_WORDS[item.is_done]
    return (
        f'<li{attributes}><span aria-hidden="true">{box}</span> <b>{escape(words)}</b>{with_commands(item.words)}</li>'
    )
