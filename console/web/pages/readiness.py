"""Readiness: CT WiZ's test phases and the two clean weeks, of the interface and of each clinic, and what is to do."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from nicegui import ui

from console.web.parts import Cell, Link, address, card, empty, html_element, lines, loading, row, table
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.readiness import IN_PRODUCTION, WINDOW, Day, Item, Readiness
from shared.usecases.reporting.pages import readiness
from shared.usecases.reporting.readiness import go_live, readiness_of_each

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page of the interface, or of one clinic."""
    async with loading():
        await session.note("readiness", [clinic or "all clinics"])
        organization, each, items = await session.ask(_seen)
        found = next((one for one in each if one.clinic == clinic), None)
        if found is None:
            with card():
                empty(f"There is no clinic {clinic} in clinics.toml.", "Choose another under Readiness.")
            return

        def keep() -> None:
            shown = (found,) if clinic else each
            page = readiness.page(shown, items, organization, session.stage, datetime.now(UTC))
            ui.download.content(page, "readiness.html", "text/html")

        with card(f"Clinic {clinic}" if clinic else "The whole interface"):
            with row("top"):
                html_element("div", readiness.verdict(found))
                ui.button("The page for CT DPH", on_click=keep, icon="print").props("no-caps outline")
            _calendar(found.days)
        with ui.element("div").classes("halves"):
            with card("CT WiZ's test phases"):
                table(
                    ("phase", "", "what the ledger shows"),
                    ((one.title, "passed" if one.is_passed else "not yet", one.evidence) for one in found.phases),
                )
            with card("Days that were broken"):
                _broken(found)
        if not clinic:
            with card("Clinics"):
                table(("clinic", "clean days", "silent", "last broken", "could end"), map(_clinic, each[1:]))
            with ui.element("div").classes("halves"):
                with card("Before going live"):
                    html_element("ul", "".join(map(_item, items)), "list")
                with card("What stays to be done in production"):
                    html_element("ul", "".join(f"<li>{lines((one,))}</li>" for one in IN_PRODUCTION), "list")


def _seen(application: Application) -> tuple[str, tuple[Readiness, ...], tuple[Item, ...]]:
    configuration = application.configurations.current()
    each = readiness_of_each(application.ledger, configuration, application.clock.now().date())
    return configuration.organization, each, go_live(application.ledger, each)


def _broken(found: Readiness) -> None:
    broken = [day for day in reversed(found.days) if day.is_broken]
    if not broken:
        empty(f"None in the last {len(found.days)} days.", f"CT WiZ asks for {WINDOW} clean days.")
        return
    table(
        ("day", "warnings", "errors", "causes"),
        ((str(day.date), day.warnings, day.errors, ", ".join(day.causes)) for day in broken),
    )


def _clinic(one: Readiness) -> tuple[Cell, ...]:
    broken = f"{one.broken_on.date}: {', '.join(one.broken_on.causes)}" if one.broken_on else ""
    to = Link(one.clinic, address("readiness", clinic=one.clinic))
    return to, one.streak, one.silent, broken, str(one.could_end or "")


def _calendar(days: tuple[Day, ...]) -> None:
    heads = "".join(f'<div class="head">{name}</div>' for name in _WEEKDAYS)
    before = "<div class='head'></div>" * (days[0].date.weekday() if days else 0)
    html_element("div", f"{heads}{before}{''.join(map(_day, days))}", "calendar")


def _day(day: Day) -> str:
    counts = f"{day.messages:,} messages" if day.messages else ""
    broken = f"<br>{day.warnings} warnings, {day.errors} errors" if day.is_broken else ""
    return f'<div class="{day.word}"><b>{day.date:%m-%d}</b> {day.word}<br>{counts}{broken}</div>'


def _item(item: Item) -> str:
    mark = {True: "☑", False: "☐", None: "☐"}[item.is_done]
    said = {True: "done: ", False: "not yet: ", None: "you know: "}[item.is_done]
    kind = ' class="done"' if item.is_done else ""
    return f'<li{kind}><span aria-hidden="true">{mark}</span> <b>{escape(said)}</b>{lines((item.words,))}</li>'
