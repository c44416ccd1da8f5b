"""Asking the IIS about one patient: a request becomes a QBP, one call, and a typed answer.

The same port, secrets, stops and faults as delivery. A query changes nothing at the IIS, so a lost answer costs nothing
but the answer: nobody asks again by himself, and whoever asked is told the fault.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.domain import faults, maintenance
from shared.domain.clinics import Clinic, Configuration, Source
from shared.domain.clinics import Iis as IisSettings
from shared.domain.hl7 import qbp
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp import fault_of, read_rsp
from shared.domain.hl7.rsp_model import Response
from shared.domain.model import Address, Patient, Visit
from shared.domain.submission import Answer, Credentials, DeliveryFault, Strategy
from shared.exports.corrections import corrected
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations, Secrets
from shared.ports.iis import Iis
from shared.ports.ledger import Ledger
from shared.usecases.delivery.stops import DeliveryStops

COLUMNS: Final = (
    "patient_id",
    "last_name",
    "first_name",
    "middle_name",
    "suffix",
    "birth_date",
    "sex",
    "mothers_maiden_name",
    "address_street",
    "address_other",
    "address_city",
    "address_state",
    "address_zip",
    "phone",
    "multiple_birth",
    "birth_order",
)
"""What a patient is asked for by: columns of vaxline's CSV layout, in files, events and options alike."""

FACILITY_STOPPED: Final = "facility stopped"
IIS_CLOSED: Final = "the valve is closed"
MAINTENANCE: Final = "maintenance window"
CLINIC_NOT_CONFIGURED: Final = "clinic not configured"
MISSING: Final = "not enough to ask by"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one question.

    With `response` the IIS answered it. Else `fault` is a code of the fault catalogue, or `not_asked` says why nothing
    was sent; `missing` then names what the question lacks. `when` is the time of the question (ISO 8601, with zone).
    """

    clinic: str
    profile: Profile
    msh_10: str = ""
    response: Response | None = None
    fault: str = ""
    not_asked: str = ""
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    when: str = ""


def patient_of(values: Mapping[str, str]) -> Patient | str:
    """The patient that the columns describe; empty ones are left out. A text says what cannot be read."""
    unknown = sorted(values.keys() - set(COLUMNS))
    if unknown:
        return f"there is no column {unknown[0]!r} to ask by; the columns are {', '.join(COLUMNS)}"
    given = {column: value for column, value in values.items() if value.strip()}
    visit = corrected(Visit("query", Patient(), ""), given, Source("query", "csv"))
    return visit if isinstance(visit, str) else visit.patient


def columns_of(patient: Patient) -> dict[str, str]:
    """The columns by which `patient_of` makes what is asked for of this patient again."""
    place = next(iter(patient.addresses), Address())
    telephone = next((one for one in patient.telecoms if one.local), None)
    name = patient.name
    columns = {
        "patient_id": patient.mrn,
        "last_name": name.family,
        "first_name": name.given,
        "middle_name": name.middle,
        "suffix": name.suffix,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "mothers_maiden_name": patient.mothers_maiden_name,
        "address_street": place.street,
        "address_other": place.other,
        "address_city": place.city,
        "address_state": place.state,
        "address_zip": place.zip,
        "phone": f"{telephone.area}{telephone.local}" if telephone else "",
        "multiple_birth": patient.multiple_birth,
        "birth_order": patient.birth_order,
    }
    return {column: value for column, value in columns.items() if value}


def is_batch_time(iis: IisSettings, now: datetime) -> bool:
    """Whether several questions may be asked now: within `iis.query_hours`, or at any time where there are none."""
    return not iis.query_hours or maintenance.current(iis.query_hours, iis.time_zone, now) is not None


class Query:
    """The use case with its ports."""

    def __init__(
        self, *, ledger: Ledger, configurations: Configurations, secrets: Secrets, iis: Iis, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._configurations = configurations
        self._secrets = secrets
        self._iis = iis
        self._clock = clock

    def __call__(self, request: Request, clinic: str) -> Asked:
        """Asks once, in the name of a clinic (its key in clinics.toml)."""
        configuration = self._configurations.current()
        who = configuration.clinics.get(clinic)
        asked = Asked(clinic, request.profile)
        if who is None:
            return replace(asked, not_asked=CLINIC_NOT_CONFIGURED)
        missing = qbp.missing(request)
        if missing:
            return replace(asked, not_asked=MISSING, missing=missing)
        stops = DeliveryStops(self._ledger, self._clock)
        stopped = self._stopped(who, configuration, stops)
        if stopped:
            return replace(asked, not_asked=stopped)
        return self._ask(asked, request, who, configuration, stops)

    def _stopped(self, clinic: Clinic, configuration: Configuration, stops: DeliveryStops) -> str:
        iis = configuration.iis
        if clinic.facility_id in stops.facilities:
            return FACILITY_STOPPED
        if not stops.is_open:
            return IIS_CLOSED
        return MAINTENANCE if maintenance.current(iis.maintenance, iis.time_zone, self._clock.now()) else ""

    def _ask(
        self, asked: Asked, request: Request, clinic: Clinic, configuration: Configuration, stops: DeliveryStops
    ) -> Asked:
        credentials = self._secrets.credentials(clinic.secret)
        if credentials is None:
            return replace(asked, fault="NO-CREDENTIALS")
        asked = self._call(asked, request, clinic, configuration, credentials)
        if asked.fault == "SECURITY-FAULT":
            fresh = self._secrets.credentials(clinic.secret, fresh=True)
            if fresh is not None and fresh != credentials:
                asked = self._call(asked, request, clinic, configuration, fresh)
        self._tell(asked, clinic, stops)
        return asked

    def _call(
        self, asked: Asked, request: Request, clinic: Clinic, configuration: Configuration, credentials: Credentials
    ) -> Asked:
        mark, now = fresh_id(), self._clock.now()
        message = qbp.build(
            request,
            msh_10=mark,
            query_tag=mark,
            limit=configuration.iis.query_limit,
            clinic=clinic,
            configuration=configuration,
            now=now,
        )
        answer = self._iis.submit(configuration.iis.endpoint, credentials, clinic.facility_id, message)
        asked = replace(asked, msh_10=mark, seconds=answer.seconds, when=now.isoformat(timespec="seconds"))
        text = answer.text if isinstance(answer, Answer) else answer.embedded
        if isinstance(answer, DeliveryFault):
            return replace(asked, fault=answer.code)
        response = read_rsp(text)
        fault = fault_of(response, msh_10=mark, query_tag=mark, profile=PROFILES[configuration.iis.profile])
        return replace(asked, fault=fault) if fault else replace(asked, fault="", response=response)

    def _tell(self, asked: Asked, clinic: Clinic, stops: DeliveryStops) -> None:
        """What delivery must know: a refused password stops the facility, a failing IIS closes the valve."""
        fault = faults.BY_CODE.get(asked.fault)
        if fault is None:
            stops.answer_seen()
            return
        stops.fault_seen(fault)
        if fault.strategy is Strategy.CHECK_SETUP:
            stops.stop_facility(clinic.facility_id, fault.code)


def fresh_id() -> str:
    """MSH-10 and QPD-2 of one query: 20 random base32 characters, because every question is a new one."""
    return base64.b32encode(secrets.token_bytes(13)).decode("ascii")[:20]
