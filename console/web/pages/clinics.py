"""Clinics and code maps: who reports under which codes, what waits for a map, and the clinics.toml in force."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from console.web.parts import Link, address, card, empty, failed, html_element, lines, loading, row, table, text
from console.web.session import ConsoleSession
from shared.adapters.configuration import reader
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.ports.ledger import Stops
from shared.usecases.correction.unmapped import Unmapped, unmapped


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows."""

    configuration: Configuration
    text: str
    stops: Stops
    unmapped: tuple[Unmapped, ...]


def seen(application: Application, clinic: str) -> Seen:
    """Reads it."""
    return Seen(
        application.configurations.current(),
        application.configurations.text(),
        application.ledger.stops(),
        unmapped(application.ledger, clinic),
    )


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page; of one clinic what stands in its line and which codes it waits for."""
    async with loading():
        await session.note("codes unmapped", [clinic or "all clinics"])
        found = await session.ask(lambda application: seen(application, clinic))
        stopped = found.stops.facilities
        with card("Clinics"):
            table(
                ("clinic", "name", "HL7 facility code", "sending facility", "facilityID", "password until", "delivery"),
                (
                    (
                        Link(one.key, address("worklist", clinic=one.key)),
                        one.name,
                        one.facility,
                        one.sending_facility,
                        one.facility_id,
                        str(one.credentials_expire or ""),
                        f"stopped: {stopped[one.facility_id]}" if one.facility_id in stopped else "open",
                    )
                    for one in found.configuration.clinics.values()
                    if clinic in ("", one.key)
                ),
            )
        with card("Sources"):
            table(
                ("source", "format", "clinic", "own column names", "strict"),
                (
                    (one.name, one.format, one.clinic or "as exported", len(one.columns), "yes" if one.strict else "")
                    for one in found.configuration.sources.values()
                ),
            )
        with card("Codes that no map has"):
            if found.unmapped:
                table(
                    ("cause", "table", "code", "source", "rows", "submissions", "since (UTC)"),
                    (
                        (
                            Link(one.cause, address("worklist", one.cause)),
                            one.table,
                            one.code,
                            one.source,
                            one.rows,
                            one.submissions,
                            f"{one.first_seen:%Y-%m-%d %H:%M}",
                        )
                        for one in found.unmapped
                    ),
                )
            else:
                empty("Nothing waits for a code to be mapped.", "")
        _Editor(session, found).draw()


class _Editor:
    """The clinics.toml in force: changed, checked, put in force."""

    def __init__(self, session: ConsoleSession, found: Seen) -> None:
        self._session = session
        self._before = found.text
        self._version = found.configuration.version

    def draw(self) -> None:
        with card("clinics.toml in force"):
            html_element("p", lines((f"Version {self._version}. docs/configuration.md explains every key.",)), "dim")
            self._text = (
                ui.textarea(value=self._before)
                .classes("w-full")
                .props(
                    'outlined autogrow input-style="font: 13px/1.45 ui-monospace, monospace" aria-label="clinics.toml"'
                )
            )
            with row():
                ui.button("Check", on_click=self._check).props("no-caps outline")
                ui.button("Put in force", on_click=self._push).props("no-caps color=positive")
            self._result = ui.element("div").props('aria-live="polite"')

    def _checked(self) -> Configuration | None:
        self._result.clear()
        with self._result:
            try:
                return reader.valid(str(self._text.value))
            except reader.NotValid as error:
                for one in error.errors:
                    failed(str(one))
                return None

    def _check(self) -> None:
        found = self._checked()
        if found is not None:
            with self._result:
                text(f"{len(found.clinics)} clinics, {len(found.sources)} sources, no errors.", "p", "good")

    async def _push(self) -> None:
        found = self._checked()
        if found is None:
            return
        await self._session.note("config push", [found.version])
        new = str(self._text.value)
        in_force = await self._session.ask(lambda application: _pushed(application, self._before, new, found.version))
        with self._result:
            if not in_force:
                failed("Somebody else changed it meanwhile. Reload the page, and change it again.")
                return
            self._before = new
            text(f"Version {found.version} is in force.", "p", "good")


def _pushed(application: Application, before: str, new: str, version: str) -> bool:
    """Puts it in force, unless another than the one that was shown is in force by now."""
    if application.configurations.text() != before:
        return False
    application.configurations.push(new, version)
    return True
