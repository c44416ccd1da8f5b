"""Query: what CT WiZ knows about one patient, and what is due when."""

from __future__ import annotations

from datetime import date
from typing import Final

from nicegui import ui

from console.commands.query import ORDINALS, asked_by, counts_as, of_ledger, person, status
from console.web import charts
from console.web.parts import Cell, card, empty, failed, inputs, loading, row, said, table, text
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import MEANING, Match, Recommendation, Response, Vaccination
from shared.domain.model import Patient
from shared.usecases.explain import explanation
from shared.usecases.registry.query import Asked, patient_of

_FIELDS: Final = (
    ("patient_id", "MRN"),
    ("last_name", "last name"),
    ("first_name", "first name"),
    ("birth_date", "born, YYYY-MM-DD"),
    ("sex", "sex"),
    ("mothers_maiden_name", "mother's maiden name"),
    ("address_zip", "zip"),
    ("phone", "telephone"),
)
"""The inputs of the form, by the columns that a patient is asked for by."""


async def draw(session: ConsoleSession) -> None:
    """The page."""
    async with loading():
        configuration = await session.ask(lambda application: application.configurations.current())
        _Form(session, list(configuration.clinics)).draw()


class _Form:
    """Who is asked about, and what CT WiZ answered."""

    def __init__(self, session: ConsoleSession, clinics: list[str]) -> None:
        self._session = session
        self._clinics = clinics

    def draw(self) -> None:
        with card():
            with ui.element("form").on("submit.prevent", self._find), row():
                self._inputs = inputs(_FIELDS)
                self._clinic = ui.select(self._clinics, value=self._clinics[0], label="in the name of").classes("w-44")
                kinds = {Profile.FORECAST: "history and forecast", Profile.HISTORY: "history"}
                self._profile = ui.select(kinds, value=Profile.FORECAST, label="ask for").classes("w-48")
                self._ask = ui.button("Ask CT WiZ").props('no-caps type="submit"')
            text("The MRN alone asks about the patient of the ledger who has it. Ask only what is needed.", "p", "dim")
        self._result = ui.element("div").classes("flex flex-col gap-3").props('aria-live="polite"')
        with self._result, card():
            empty(
                "Nobody is asked about yet.", "Fill in the MRN of a patient that was reported, or name and birth date."
            )

    async def _find(self) -> None:
        given = said(self._inputs)
        clinic, profile = str(self._clinic.value), Profile(self._profile.value)
        self._result.clear()
        self._ask.disable()
        with self._result:
            ui.spinner()
            found = await self._session.ask(lambda application: _whom(application, given, clinic))
            if isinstance(found, str):
                asked = None
            else:
                patient, clinic, subject = found
                await self._session.note("query", [subject or clinic], f"{profile.value} by {asked_by(patient)}")
                asked = await self._session.ask(lambda application: application.ask(Request(patient, profile), clinic))
                today = await self._session.ask(lambda application: application.clock.now().date())
        self._result.clear()
        self._ask.enable()
        with self._result:
            if asked is None:
                failed(str(found))
            else:
                _show(asked, today)


def _whom(application: Application, typed: dict[str, str], clinic: str) -> tuple[Patient, str, str] | str:
    """(patient, clinic, MSH-10) of who is meant, or what is missing."""
    given = {name: value for name, value in typed.items() if value}
    if not given:
        return "Say who is meant."
    if given.keys() == {"patient_id"}:
        found = of_ledger(application, "", given["patient_id"])
        if found is None:
            return "The ledger knows nobody with this MRN; give name and birth date as well."
        return found.visit.patient, found.clinic or clinic, found.msh_10
    patient = patient_of(given)
    return patient if isinstance(patient, str) else (patient, clinic, "")


def _show(asked: Asked, today: date) -> None:
    response = asked.response
    if response is None:
        known = explanation(asked.fault) if asked.fault else None
        why = asked.fault or f"Not asked: {asked.not_asked} {' '.join(asked.missing)}".strip()
        failed(f"{why}. {known.words} {known.fix}" if known else f"{why}.")
        return
    found = response.match is Match.FOUND
    with card(response.match.value.replace("_", " ").lower()):
        text(
            f"{MEANING[response.match]} ({response.profile}, QAK-2 {response.status})", "p", "good" if found else "warn"
        )
        for error in response.errors:
            text(f"{error.severity} {error.path} {error.application_code or error.code} {error.text}", "p", "bad")
        for one in filter(None, (response.patient, *response.candidates)):
            text(person(one))
    if found:
        with card(f"History: {len(response.vaccinations)} vaccinations"):
            heads = ("date", "vaccine", "lot", "source", "status", "counts as")
            table(heads, map(_dose, response.vaccinations), label="History")
    if response.forecast:
        _forecast(response, today)


def _dose(one: Vaccination) -> tuple[Cell, ...]:
    return (
        charts.day(one.date),
        f"{one.vaccine.text} ({one.vaccine.code})",
        one.lot,
        one.source.text or one.source.code,
        status(one),
        "; ".join(map(counts_as, one.evaluations)),
    )


def _forecast(response: Response, today: date) -> None:
    with card("Forecast"):
        names = [_recommended(one) for one in response.forecast]
        dates = [(one.earliest, one.due, one.overdue, one.latest) for one in response.forecast]
        chart = ui.echart(charts.time_line(names, dates, today))
        chart.classes("w-full").style(f"height: {90 + 34 * len(names)}px").props('aria-label="Forecast as a time line"')
        table(
            ("vaccine", "dose", "earliest", "due", "overdue", "latest", "status", "reason"),
            (
                (
                    one.vaccine.text or one.vaccine.code,
                    ORDINALS.get(one.ordinal, f"{one.ordinal}th"),
                    *map(charts.day, (one.earliest, one.due, one.overdue, one.latest)),
                    one.status.text or one.status.code,
                    ", ".join(reason.text or reason.code for reason in one.reasons),
                )
                for one in response.forecast
            ),
            label="Forecast",
        )


def _recommended(one: Recommendation) -> str:
    return f"{one.vaccine.text or one.vaccine.code}, {ORDINALS.get(one.ordinal, f'{one.ordinal}th')}"
