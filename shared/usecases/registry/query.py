"""Queries to the IIS about one patient: a request becomes a QBP message, one call, and a typed answer.

Queries share the port, the credentials and the fault catalogue of delivery and have stops of their own (ADR 0010,
0023). A query changes nothing at the IIS, so vaxline does not repeat it after a fault: the caller gets the fault and
decides.
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
from shared.domain.submission import DeliveryFault
from shared.exports.corrections import corrected
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations, Secrets
from shared.ports.iis import Iis
from shared.ports.ledger import Stops
from shared.usecases.delivery.registry_call import NO_CREDENTIALS, RegistryCall, Send
from shared.usecases.delivery.stops import QueryStops

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
"""The columns of vaxline's CSV layout that a query is made from, in query files, events and options."""

CLINIC_NOT_CONFIGURED: Final = "clinic not configured"
NOT_ENOUGH: Final = "not enough to ask by"
SOURCE_NOT_NAMED: Final = "the clinic's sources number patients differently; name the number's source"


@dataclass(frozen=True, slots=True)
class Asked:
    """The result of one query.

    Attributes:
        clinic: The key of the clinic that asked.
        profile: The profile of the query.
        msh_10: The query's MSH-10; empty if nothing was sent.
        response: The answer of the IIS; None if there is none.
        fault: A code of the fault catalogue; empty if there was no fault.
        not_asked: Why nothing was sent; empty if it was.
        missing: The QPD fields that the query lacks.
        seconds: The IIS's answer time.
        when: The time of the query (ISO 8601, with a time zone).
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
    """Read a patient from columns. Empty values are ignored.

    Returns:
        The patient, or a text that says what cannot be read (it may quote a value: PHI).
    """
    unknown = sorted(values.keys() - set(COLUMNS))
    if unknown:
        return f"there is no column {unknown[0]!r} to ask by; the columns are {', '.join(COLUMNS)}"
    filled = {column: value for column, value in values.items() if value.strip()}
    visit = corrected(Visit("query", Patient(), ""), filled, Source("query", "csv"))
    return visit if isinstance(visit, str) else visit.patient


def columns_of(patient: Patient) -> dict[str, str]:
    """Return the columns from which `patient_of` reads this patient; the reverse of it."""
    address = next(iter(patient.addresses), Address())
    telephone = next((telecom for telecom in patient.telecoms if telecom.local), None)
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
        "address_street": address.street,
        "address_other": address.other,
        "address_city": address.city,
        "address_state": address.state,
        "address_zip": address.zip,
        "phone": f"{telephone.area}{telephone.local}" if telephone else "",
        "multiple_birth": patient.multiple_birth,
        "birth_order": patient.birth_order,
    }
    return {column: value for column, value in columns.items() if value}


def is_batch_time(iis: IisSettings, now: datetime) -> bool:
    """Whether query files may be worked on now: within `iis.query_hours`, or at any time if none are set."""
    return not iis.query_hours or maintenance.current(iis.query_hours, iis.time_zone, now) is not None


class Query:
    """Asks the IIS about one patient, in the name of a clinic.

    Args:
        stops: Holds the facilities whose queries are stopped, the gate of queries, and the valve.
        configurations: The clinics.toml in force.
        secrets: The clinics' credentials.
        iis: The IIS, with room for answers that are longer than an ACK.
        clock: The current time.
        retry_scale: Factor on the wait of the gate; below 1 in the local run and in tests.
    """

    def __init__(
        self,
        *,
        stops: Stops,
        configurations: Configurations,
        secrets: Secrets,
        iis: Iis,
        clock: Clock,
        retry_scale: float = 1.0,
    ) -> None:
        self._stops = stops
        self._configurations = configurations
        self._secrets = secrets
        self._iis = iis
        self._clock = clock
        self._retry_scale = retry_scale

    def __call__(self, request: Request, clinic: str) -> Asked:
        """Ask once. A lost answer is not asked for again.

        Args:
            request: The patient, and the profile of the answer.
            clinic: The clinic's key in clinics.toml.

        Raises:
            LookupError: No configuration was pushed yet.
        """
        configuration = self._configurations.current()
        asked = Asked(clinic, request.profile)
        asking = configuration.clinics.get(clinic)
        if asking is None:
            return replace(asked, not_asked=CLINIC_NOT_CONFIGURED)
        missing = qbp.missing(request)
        if missing:
            return replace(asked, not_asked=NOT_ENOUGH, missing=missing)
        if request.patient.mrn and configuration.numbering_for(clinic, request.source) is None:
            return replace(asked, not_asked=SOURCE_NOT_NAMED, missing=("source",))
        stops = QueryStops(self._stops, self._clock, configuration.iis, retry_scale=self._retry_scale)
        stop = stops.reason(asking)
        if stop is not None:
            return replace(asked, not_asked=stop.value)
        call = RegistryCall(secrets=self._secrets, iis=self._iis, configuration=configuration)
        result = call(asking, lambda send: self._exchange(asked, request, asking, configuration, send))
        if result is None:
            return replace(asked, fault=NO_CREDENTIALS)
        fault = faults.BY_CODE.get(result.fault)
        if fault is None:
            stops.record_answer()
        else:
            stops.record_fault(fault, asking)
        return result

    def _exchange(
        self, asked: Asked, request: Request, clinic: Clinic, configuration: Configuration, send: Send
    ) -> Asked:
        query_id, now = fresh_id(), self._clock.now()
        message = qbp.build(
            request,
            msh_10=query_id,
            query_tag=query_id,
            limit=configuration.iis.query_limit,
            clinic=clinic,
            configuration=configuration,
            now=now,
        )
        answer = send(message)
        asked = replace(asked, msh_10=query_id, seconds=answer.seconds, when=now.isoformat(timespec="seconds"))
        if isinstance(answer, DeliveryFault):
            return replace(asked, fault=answer.code)
        response = read_rsp(answer.text)
        profile = PROFILES[configuration.iis.profile]
        fault = fault_of(response, msh_10=query_id, query_tag=query_id, profile=profile)
        return replace(asked, fault=fault) if fault else replace(asked, response=response)


def fresh_id() -> str:
    """Return a new MSH-10 and QPD-2 for a query: 20 random base32 characters, the most that WebIZ takes."""
    return base64.b32encode(secrets.token_bytes(13)).decode("ascii")[:20]
