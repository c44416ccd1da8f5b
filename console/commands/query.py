"""`vaxline query`: what the IIS knows about a patient, and what it thinks is due."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from console import render
from console.commands.audit import noted
from console.connect import to_stage
from console.options import Json, Stage
from shared.bootstrap import Application
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import MEANING, Evaluation, Match, Person, Response, Vaccination
from shared.domain.model import Patient
from shared.domain.submission import Submission
from shared.settings import LOCAL_STAGE
from shared.usecases.explain import explanation
from shared.usecases.registry.query import COLUMNS, Asked, is_batch_time, patient_of

ORDINALS: Final = {1: "next", 2: "following"}
_VALID: Final = {"Y": "valid", "N": "not valid"}


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("query")(query)


def query(  # noqa: PLR0913, PLR0917 - one parameter for each thing that a patient is asked for by
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
    clinic: Annotated[str, typer.Option(help="in whose name; needed where the ledger does not tell")] = "",
    history: Annotated[bool, typer.Option("--history", help="the plain history (Z34) instead of Z44")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="print the JSON schema of the answer and ask nobody")
    ] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
    fhir: Annotated[bool, typer.Option("--fhir", help="print a FHIR R4 Bundle for each patient, one a line")] = False,
) -> None:
    """Asks the IIS for history and forecast; exit code 1 unless all were found. Example: vaxline query --mrn SYN-17"""
    if schema:
        render.as_json(msgspec.json.schema(Asked))
        return
    flags = {
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
    with to_stage(stage) as application:
        if file is not None:
            in_hours(application)
        patients = list(_patients(application, msh_10, flags, file, clinic))
        done = []
        for number, (whom, who, subject) in enumerate(patients):
            if number:
                time.sleep(application.configurations.current().iis.query_pause * application.runtime.retry_scale)
            noted(application, "query", [subject or who], f"{profile.value} by {asked_by(whom)}")
            done.append(application.ask(Request(whom, profile), who))
    if fhir:
        from console.commands.fhir_bundle import bundle  # noqa: PLC0415 - the FHIR models take a second to load

        for asked in done:
            typer.echo(bundle(asked))
    elif json:
        render.as_json(done if file else done[0])
    else:
        for asked in done:
            show(asked)
    if any(asked.response is None or asked.response.match is not Match.FOUND for asked in done):
        raise typer.Exit(1)


# who is meant ---------------------------------------------------------------------------------------------------------


def _patients(
    application: Application, msh_10: str, flags: Mapping[str, str], file: Path | None, clinic: str
) -> Iterator[tuple[Patient, str, str]]:
    """(patient, clinic, what the audit trail calls it) of everyone who is asked about."""
    given = {column: value for column, value in flags.items() if value.strip()}
    if file is not None:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                values = {column: row.get(column) or "" for column in COLUMNS}
                yield _read(values), _clinic(application, row.get("clinic") or clinic), ""
    elif msh_10 or given.keys() == {"patient_id"}:
        found = of_ledger(application, msh_10, given.get("patient_id", ""))
        if found is None:
            raise typer.BadParameter("the ledger has no such submission; give names and birth date instead")
        yield found.visit.patient, clinic or found.clinic, found.msh_10
    elif given:
        yield _read(given), _clinic(application, clinic), ""
    else:
        raise typer.BadParameter("say who is meant; `vaxline query --help` lists how")


def in_hours(application: Application) -> None:
    """Several questions wait for the hours that the IIS wants them in.

    Raises:
        Exit: it is not the time.
    """
    iis = application.configurations.current().iis
    if not is_batch_time(iis, application.clock.now()):
        hours = ", ".join(window.text for window in iis.query_hours)
        render.err.print(f"several are asked only in iis.query_hours ({hours}, {iis.time_zone}); nobody was asked")
        raise typer.Exit(1)


def of_ledger(application: Application, msh_10: str, mrn: str) -> Submission | None:
    """The submission with this MSH-10, else the newest one of the patient with this record number."""
    marks = [msh_10] if msh_10 else application.ledger.found("mrn", mrn)
    return max(application.ledger.many(marks), key=lambda one: one.created, default=None)


def _read(values: Mapping[str, str]) -> Patient:
    patient = patient_of(values)
    if isinstance(patient, str):
        raise typer.BadParameter(patient)
    return patient


def _clinic(application: Application, named: str) -> str:
    clinics = application.configurations.current().clinics
    if named:
        return named
    if len(clinics) == 1:
        return next(iter(clinics))
    raise typer.BadParameter(f"say in whose name to ask: --clinic, one of {', '.join(clinics)}")


def asked_by(patient: Patient) -> str:
    """What a patient is asked for by, in names of fields and without their values."""
    said = {"record number": patient.mrn, "name": patient.name, "birth date": patient.birth_date, "sex": patient.sex}
    return ", ".join(word for word, value in said.items() if value)


# what came ------------------------------------------------------------------------------------------------------------


def show(asked: Asked) -> None:
    """History and forecast as tables, or what to do where there are none."""
    response = asked.response
    if response is None:
        known = explanation(asked.fault) if asked.fault else None
        why = asked.fault or f"not asked: {asked.not_asked} {' '.join(asked.missing)}".strip()
        render.out.print(f"{why}. {known.words} {known.fix}" if known else why, markup=False, highlight=False)
        return
    words = f"{response.match.value}: {MEANING[response.match]} ({response.profile}, QAK-2 {response.status})"
    render.out.print(words, markup=False, highlight=False)
    for error in response.errors:
        line = f"  {error.severity} {error.path} {error.application_code or error.code} {error.text}"
        render.out.print(line, markup=False, highlight=False)
    for one in filter(None, (response.patient, *response.candidates)):
        render.out.print(f"  {person(one)}", markup=False, highlight=False)
    _show_history(response)
    _show_forecast(response)


def person(known: Person) -> str:
    """Who the IIS knows, in one line."""
    name = known.name
    ids = ", ".join(f"{one.type or 'id'} {one.id}" for one in known.ids)
    born = f"born {known.birth_date} {known.sex}"
    return f"{name.family}, {name.given} {name.middle}".strip() + f", {born}; {ids}"


def _show_history(response: Response) -> None:
    if response.match is not Match.FOUND:
        return
    render.table(
        f"History: {len(response.vaccinations)} vaccinations",
        ("date", "vaccine", "lot", "source", "status", "counts as"),
        (
            (
                one.date[:8],
                f"{one.vaccine.text} ({one.vaccine.code})",
                one.lot,
                one.source.text or one.source.code,
                status(one),
                "; ".join(map(counts_as, one.evaluations)),
            )
            for one in response.vaccinations
        ),
    )


def status(one: Vaccination) -> str:
    """Completion, and why it was refused."""
    return f"{one.completion} {one.refusal_reason.text}".strip()


def counts_as(one: Evaluation) -> str:
    """How a dose counts, in words."""
    words = [one.vaccine.text or one.vaccine.code]
    words += [f"dose {one.dose_number}"] if one.dose_number else []
    words += [_VALID.get(one.validity, one.validity)] if one.validity else []
    words += [reason.text or reason.code for reason in one.reasons]
    return " ".join(words)


def _show_forecast(response: Response) -> None:
    if not response.forecast:
        return
    render.table(
        "Forecast",
        ("vaccine", "dose", "earliest", "due", "overdue", "latest", "status", "reason"),
        (
            (
                one.vaccine.text or one.vaccine.code,
                ORDINALS.get(one.ordinal, f"{one.ordinal}th"),
                one.earliest,
                one.due,
                one.overdue,
                one.latest,
                one.status.text or one.status.code,
                ", ".join(reason.text or reason.code for reason in one.reasons),
            )
            for one in response.forecast
        ),
    )
