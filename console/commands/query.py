"""`vaxline query`: ask the IIS for a patient's immunization history and forecast."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.iis_query import (
    describe_completion,
    describe_evaluation,
    describe_person,
    describe_vaccine,
    newest_submission,
    ordinal,
    search_fields,
)
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import MEANING, Match, Response
from shared.domain.model import Patient
from shared.replaced import replace
from shared.settings import LOCAL_STAGE
from shared.usecases.explain import explanation
from shared.usecases.registry.query import COLUMNS, Asked, is_batch_time, patient_of


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("query")(query)


def query(
    msh_10: Annotated[str, typer.Argument(help="ask about the patient of this submission")] = "",
    mrn: Annotated[str, typer.Option(help="record number; alone: the patient of the ledger who has it")] = "",
    last_name: Annotated[str, typer.Option(help="family name")] = "",
    first_name: Annotated[str, typer.Option(help="given name")] = "",
    middle_name: Annotated[str, typer.Option(help="second given name or initial")] = "",
    birth_date: Annotated[str, typer.Option(help="YYYY-MM-DD")] = "",
    sex: Annotated[str, typer.Option(help="F, M, U or X")] = "",
    mothers_maiden_name: Annotated[str, typer.Option(help="tells apart who shares name and birth date")] = "",
    street: Annotated[str, typer.Option(help="house number and street")] = "",
    city: Annotated[str, typer.Option(help="city of the address")] = "",
    state: Annotated[str, typer.Option(help="two letters")] = "",
    zip_code: Annotated[str, typer.Option("--zip", help="zip code")] = "",
    phone: Annotated[str, typer.Option(help="ten digits")] = "",
    file: Annotated[
        Path | None, typer.Option("--csv", exists=True, dir_okay=False, help="patients in vaxline's CSV columns")
    ] = None,
    clinic: Annotated[str, typer.Option(help="the clinic that asks; needed where the ledger does not tell")] = "",
    source: Annotated[str, typer.Option(help="the source that the record number comes from")] = "",
    history: Annotated[bool, typer.Option("--history", help="the plain history (Z34) instead of Z44")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="print the JSON schema of the answer and send no query")
    ] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
    fhir: Annotated[bool, typer.Option("--fhir", help="print a FHIR R4 Bundle for each patient, one a line")] = False,
) -> None:
    """Asks the IIS for history and forecast; exit code 1 unless all were found. Example: vaxline query --mrn SYN-17"""
    if schema:
        terminal.print_json(msgspec.json.schema(Asked))
        return
    fields = {
        "patient_id": mrn,
        "last_name": last_name,
        "first_name": first_name,
        "middle_name": middle_name,
        "birth_date": birth_date,
        "sex": sex,
        "mothers_maiden_name": mothers_maiden_name,
        "address_street": street,
        "address_city": city,
        "address_state": state,
        "address_zip": zip_code,
        "phone": phone,
    }
    profile = Profile.HISTORY if history else Profile.FORECAST
    with open_stage(stage) as application:
        if file is not None:
            require_query_hours(application)
        targets = list(_targets(application, msh_10, fields, file, (clinic, source)))
        answers = []
        for number, (request, asking_clinic, subject) in enumerate(targets):
            if number:
                time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
            detail = f"{profile.value} by {search_fields(request.patient)}"
            audit_trail.record(application, "query", [subject or asking_clinic], detail)
            answers.append(application.ask(replace(request, profile=profile), asking_clinic))
    if fhir:
        from console.commands.fhir_bundle import bundle  # the FHIR models take a second to load

        for answer in answers:
            typer.echo(bundle(answer))
    elif json:
        terminal.print_json(answers if file else answers[0])
    else:
        for answer in answers:
            _print_answer(answer)
    if any(answer.response is None or answer.response.match is not Match.FOUND for answer in answers):
        raise typer.Exit(1)


def require_query_hours(application: Application) -> None:
    """Check that a series of queries may be sent now (`iis.query_hours`).

    Raises:
        typer.Exit: it may not.
    """
    iis = application.configurations.current().iis
    if not is_batch_time(iis, application.clock.now()):
        hours = ", ".join(window.text for window in iis.query_hours)
        terminal.print_error(
            f"a series of queries is sent only in iis.query_hours ({hours}, {iis.time_zone}); none was sent"
        )
        raise typer.Exit(1)


# whom to ask about ----------------------------------------------------------------------------------------------------


def _targets(
    application: Application, msh_10: str, fields: Mapping[str, str], file: Path | None, named: tuple[str, str]
) -> Iterator[tuple[Request, str, str]]:
    """Yield request, clinic that asks, and MSH-10 (or the empty string) for each query.

    Args:
        application: The application of the stage.
        msh_10: The submission whose patient is asked about, or empty.
        fields: What the patient is asked about by, by column.
        file: A CSV of patients.
        named: The clinic that asks, and the source that the record number comes from; empty where not known.
    """
    clinic, source = named
    given = {column: value for column, value in fields.items() if value.strip()}
    if file is not None:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                values = {column: row.get(column) or "" for column in COLUMNS}
                request = Request(_parse_patient(values), source=row.get("source") or source)
                yield request, _asking_clinic(application, row.get("clinic") or clinic), ""
    elif msh_10 or given.keys() == {"patient_id"}:
        submission = newest_submission(application, msh_10, given.get("patient_id", ""), source)
        if isinstance(submission, str):
            raise typer.BadParameter(submission)
        request = Request(submission.visit.patient, source=submission.source)
        yield request, clinic or submission.clinic, submission.msh_10
    elif given:
        yield Request(_parse_patient(given), source=source), _asking_clinic(application, clinic), ""
    else:
        raise typer.BadParameter("say whom to ask about; `vaxline query --help` lists the options")


def _parse_patient(values: Mapping[str, str]) -> Patient:
    patient = patient_of(values)
    if isinstance(patient, str):
        raise typer.BadParameter(patient)
    return patient


def _asking_clinic(application: Application, named: str) -> str:
    """Return the clinic that was named, else the only one in clinics.toml."""
    clinics = application.configurations.current().clinics
    if named:
        return named
    if len(clinics) == 1:
        return next(iter(clinics))
    raise typer.BadParameter(f"say which clinic asks: --clinic, one of {', '.join(clinics)}")


# the answer -----------------------------------------------------------------------------------------------------------


def _print_answer(answer: Asked) -> None:
    """Print history and forecast as tables; where there is no answer, what to do."""
    response = answer.response
    if response is None:
        explained = explanation(answer.fault) if answer.fault else None
        reason = answer.fault or f"not asked: {answer.not_asked} {' '.join(answer.missing)}".strip()
        terminal.print_text(f"{reason}. {explained.words} {explained.fix}" if explained else reason)
        return
    match = response.match
    terminal.print_text(f"{match.value}: {MEANING[match]} ({response.profile}, QAK-2 {response.status})")
    for error in response.errors:
        terminal.print_text(f"  {error.severity} {error.path} {error.application_code or error.code} {error.text}")
    for person in filter(None, (response.patient, *response.candidates)):
        terminal.print_text(f"  {describe_person(person)}")
    if match is Match.FOUND:
        _print_history(response)
    if response.forecast:
        _print_forecast(response)


def _print_history(response: Response) -> None:
    terminal.print_table(
        f"History: {len(response.vaccinations)} vaccinations",
        ("date", "vaccine", "lot", "source", "status", "counts as"),
        (
            (
                vaccination.date[:8],
                describe_vaccine(vaccination),
                vaccination.lot,
                vaccination.source.text or vaccination.source.code,
                describe_completion(vaccination),
                "; ".join(map(describe_evaluation, vaccination.evaluations)),
            )
            for vaccination in response.vaccinations
        ),
    )


def _print_forecast(response: Response) -> None:
    terminal.print_table(
        "Forecast",
        ("vaccine", "dose", "earliest", "due", "overdue", "latest", "status", "reason"),
        (
            (
                recommendation.vaccine.text or recommendation.vaccine.code,
                ordinal(recommendation.ordinal),
                recommendation.earliest,
                recommendation.due,
                recommendation.overdue,
                recommendation.latest,
                recommendation.status.text or recommendation.status.code,
                ", ".join(reason.text or reason.code for reason in recommendation.reasons),
            )
            for recommendation in response.forecast
        ),
    )
