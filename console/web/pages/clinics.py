"""Clinics: clinics and sources, unmapped codes, and an editor for clinics.toml."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from console.web.parts import Link, address, card, empty, failed, loading, row, table, text
from console.web.session import ConsoleSession
from shared.adapters.configuration.reader import InvalidConfigurationError, read_configuration
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.ports.ledger import StopStatus
from shared.usecases.correction.unmapped import Unmapped, unmapped


@dataclass(frozen=True, slots=True)
class _PageData:
    configuration: Configuration
    text: str
    stops: StopStatus
    unmapped: tuple[Unmapped, ...]


def _read(application: Application, clinic: str) -> _PageData:
    return _PageData(
        application.configurations.current(),
        application.configurations.text(),
        application.ledger.stops.current(),
        unmapped(application.ledger.submissions, application.ledger.worklist, clinic),
    )


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for all clinics or for one."""
    async with loading():
        await session.record("codes unmapped", [clinic or "all clinics"])
        data = await session.run(lambda application: _read(application, clinic))
        with card("Clinics"):
            _clinics(data, clinic)
        with card("Sources"):
            table(
                ("source", "format", "clinic", "own column names", "strict"),
                (
                    (
                        source.name,
                        source.format,
                        source.clinic or "as exported",
                        len(source.columns),
                        "yes" if source.strict else "",
                    )
                    for source in data.configuration.sources.values()
                ),
            )
        with card("Unmapped codes"):
            _unmapped_codes(data.unmapped)
        _Editor(session, data).draw()


def _clinics(data: _PageData, clinic: str) -> None:
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
                _delivery(data.stops, one.facility_id),
            )
            for one in data.configuration.clinics.values()
            if clinic in ("", one.key)
        ),
    )


def _delivery(stops: StopStatus, facility: str) -> str:
    """Return whether messages and queries of a facility are sent."""
    messages, queries = stops.facilities.get(facility), stops.query_facilities.get(facility)
    stopped = [f"stopped: {messages}"] if messages else []
    stopped += [f"queries stopped: {queries}"] if queries else []
    return "; ".join(stopped) or "open"


def _unmapped_codes(codes: tuple[Unmapped, ...]) -> None:
    if not codes:
        empty("No submission waits for a code to be mapped.")
        return
    table(
        ("cause", "table", "code", "source", "rows", "submissions", "since (UTC)"),
        (
            (
                Link(code.cause, address("worklist", code.cause)),
                code.table,
                code.code,
                code.source,
                code.rows,
                code.submissions,
                f"{code.first_seen:%Y-%m-%d %H:%M}",
            )
            for code in codes
        ),
    )


class _Editor:
    """Edits, checks and pushes the clinics.toml in force."""

    def __init__(self, session: ConsoleSession, data: _PageData) -> None:
        self._session = session
        self._before = data.text
        self._version = data.configuration.version

    def draw(self) -> None:
        with card("clinics.toml in force"):
            text(f"Version {self._version}. docs/configuration.md explains every key.", "p", "dim")
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

    def _read_text(self) -> Configuration | None:
        """Return the configuration in the text area; None, with its errors drawn, where it has any."""
        self._result.clear()
        with self._result:
            try:
                return read_configuration(str(self._text.value))
            except InvalidConfigurationError as error:
                for each in error.errors:
                    failed(str(each))
                return None

    def _check(self) -> None:
        configuration = self._read_text()
        if configuration is not None:
            counts = f"{len(configuration.clinics)} clinics, {len(configuration.sources)} sources"
            with self._result:
                text(f"{counts}, no errors.", "p", "good")

    async def _push(self) -> None:
        configuration = self._read_text()
        if configuration is None:
            return
        version, new = configuration.version, str(self._text.value)
        await self._session.record("config push", [version])
        is_in_force = await self._session.run(lambda application: _push(application, self._before, new, version))
        with self._result:
            if not is_in_force:
                failed("Somebody else changed it meanwhile. Reload the page and change it again.")
                return
            self._before = new
            text(f"Version {version} is in force.", "p", "good")


def _push(application: Application, before: str, new: str, version: str) -> bool:
    """Put the text in force, unless another text than `before` came into force meanwhile."""
    if application.configurations.text() != before:
        return False
    application.configurations.push(new, version)
    return True
