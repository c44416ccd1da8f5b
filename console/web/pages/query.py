"""Query: a patient's immunization history and forecast at CT WiZ."""

from __future__ import annotations

from datetime import date
from typing import Final

from nicegui import ui

from console.iis_query import (
    describe_completion,
    describe_evaluation,
    describe_person,
    describe_vaccine,
    newest_submission,
    ordinal,
    search_fields,
)
from console.web import charts
from console.web.parts import Cell, card, empty, failed, input_values, inputs, loading, row, table, text
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import MEANING, Match, Recommendation, Response, Vaccination
from shared.replaced import replace
from shared.usecases.explain import explanation
from shared.usecases.registry.query import Asked, patient_of

_FIELDS: Final = (
    ("patient_id", "MRN"),
    ("source", "source"),
    ("last_name", "last name"),
    ("first_name", "first name"),
    ("birth_date", "born, YYYY-MM-DD"),
    ("sex", "sex"),
    ("mothers_maiden_name", "mother's maiden name"),
    ("address_zip", "zip"),
    ("phone", "telephone"),
)
"""Column of vaxline's CSV layout → label of its input."""


async def draw(session: ConsoleSession) -> None:
    """Draw the page."""
    async with loading():
        configuration = await session.run(lambda application: application.configurations.current())
        _QueryForm(session, list(configuration.clinics)).draw()


class _QueryForm:
    """The patient to ask about, and CT WiZ's answer."""

    def __init__(self, session: ConsoleSession, clinics: list[str]) -> None:
        self._session = session
        self._clinics = clinics

    def draw(self) -> None:
        with card():
            with ui.element("form").on("submit.prevent", self._query), row():
                self._inputs = inputs(_FIELDS)
                self._clinic = ui.select(self._clinics, value=self._clinics[0], label="asking clinic").classes("w-44")
                profiles = {Profile.FORECAST: "history and forecast", Profile.HISTORY: "history"}
                self._profile = ui.select(profiles, value=Profile.FORECAST, label="ask for").classes("w-48")
                self._button = ui.button("Ask CT WiZ").props('no-caps type="submit"')
            text(
                "With the MRN alone, it asks about the patient of the ledger who has it. Ask only what is needed.",
                "p",
                "dim",
            )
        self._result = ui.element("div").classes("flex flex-col flex-nowrap gap-3").props('aria-live="polite"')
        with self._result, card():
            empty("No query yet.", "Fill in the MRN of a patient that was reported, or name and birth date.")

    async def _query(self) -> None:
        values = input_values(self._inputs)
        clinic, profile = str(self._clinic.value), Profile(self._profile.value)
        self._result.clear()
        self._button.disable()
        with self._result:
            ui.spinner()
            target = await self._session.run(lambda application: _target(application, values, clinic))
            if isinstance(target, str):
                asked = None
            else:
                request, clinic, subject = target
                request = replace(request, profile=profile)
                detail = f"{profile.value} by {search_fields(request.patient)}"
                await self._session.record("query", [subject or clinic], detail)
                asked = await self._session.run(lambda application: application.ask(request, clinic))
                today = await self._session.run(lambda application: application.clock.now().date())
        self._result.clear()
        self._button.enable()
        with self._result:
            if asked is None:
                failed(str(target))
            else:
                _draw_answer(asked, today)


def _target(application: Application, typed: dict[str, str], clinic: str) -> tuple[Request, str, str] | str:
    """Return request, asking clinic and MSH-10 (or the empty string); or what is missing."""
    given = {name: value for name, value in typed.items() if value}
    source = given.pop("source", "")
    if not given:
        return "Fill in whom to ask about."
    if given.keys() == {"patient_id"}:
        submission = newest_submission(application, "", given["patient_id"], source)
        if isinstance(submission, str):
            return f"{submission[:1].upper()}{submission[1:]}."
        request = Request(submission.visit.patient, source=submission.source)
        return request, submission.clinic or clinic, submission.msh_10
    patient = patient_of(given)
    return patient if isinstance(patient, str) else (Request(patient, source=source), clinic, "")


def _draw_answer(asked: Asked, today: date) -> None:
    response = asked.response
    if response is None:
        explained = explanation(asked.fault) if asked.fault else None
        reason = asked.fault or f"Not asked: {asked.not_asked} {' '.join(asked.missing)}".strip()
        failed(f"{reason}. {explained.words} {explained.fix}" if explained else f"{reason}.")
        return
    match = response.match
    is_found = match is Match.FOUND
    with card(match.value.replace("_", " ").lower()):
        text(f"{MEANING[match]} ({response.profile}, QAK-2 {response.status})", "p", "good" if is_found else "warn")
        for error in response.errors:
            text(f"{error.severity} {error.path} {error.application_code or error.code} {error.text}", "p", "bad")
        for person in filter(None, (response.patient, *response.candidates)):
            text(describe_person(person))
    if is_found:
        with card(f"History: {len(response.vaccinations)} vaccinations"):
            heads = ("date", "vaccine", "lot", "source", "status", "counts as")
            table(heads, map(_vaccination_cells, response.vaccinations), label="History")
    if response.forecast:
        _draw_forecast(response, today)


def _vaccination_cells(vaccination: Vaccination) -> tuple[Cell, ...]:
    return (
        charts.day(vaccination.date),
        describe_vaccine(vaccination),
        vaccination.lot,
        vaccination.source.text or vaccination.source.code,
        describe_completion(vaccination),
        "; ".join(map(describe_evaluation, vaccination.evaluations)),
    )


def _draw_forecast(response: Response, today: date) -> None:
    with card("Forecast"):
        names = [f"{_vaccine(one)}, {ordinal(one.ordinal)}" for one in response.forecast]
        dates = [(one.earliest, one.due, one.overdue, one.latest) for one in response.forecast]
        chart = ui.echart(charts.time_line(names, dates, today))
        chart.classes("w-full").style(f"height: {90 + 34 * len(names)}px").props('aria-label="Forecast as a time line"')
        table(
            ("vaccine", "dose", "earliest", "due", "overdue", "latest", "status", "reason"),
            map(_recommendation_cells, response.forecast),
            label="Forecast",
        )


def _recommendation_cells(recommendation: Recommendation) -> tuple[Cell, ...]:
    return (
        _vaccine(recommendation),
        ordinal(recommendation.ordinal),
        charts.day(recommendation.earliest),
        charts.day(recommendation.due),
        charts.day(recommendation.overdue),
        charts.day(recommendation.latest),
        recommendation.status.text or recommendation.status.code,
        ", ".join(reason.text or reason.code for reason in recommendation.reasons),
    )


def _vaccine(recommendation: Recommendation) -> str:
    return recommendation.vaccine.text or recommendation.vaccine.code
