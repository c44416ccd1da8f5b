"""Builds the QBP: a request for one patient becomes one ER7 text (HL7 v2.5.1 QBP^Q11^QBP_Q11, profiles Z34 and Z44 of
the National IG R1.5).

Every leaf goes through the codec, as in the VXU; its data types are the VXU's own. `docs/query.md` says which value
goes where.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain import identity
from shared.domain.clinics import Clinic, Configuration
from shared.domain.hl7.er7 import SEGMENT_END, encode
from shared.domain.hl7.vxu import hd, timestamp, xad, xpn, xtns
from shared.domain.model import Name, Numbering, Patient


class Profile(StrEnum):
    """MSH-21 of a query: what is asked for."""

    HISTORY = "Z34"
    FORECAST = "Z44"


QUERY_NAME: Final = {
    Profile.HISTORY: "Z34^Request Immunization History^CDCPHINVS",
    Profile.FORECAST: "Z44^Request Evaluated History and Forecast^CDCPHINVS",
}
"""QPD-1 (IZ-67, IZ-68)."""

_DAY: Final = 8


@dataclass(frozen=True, slots=True)
class Request:
    """Who is asked about, and what: the complete history (Z34), or the evaluated history and forecast (Z44).

    Of the patient the query carries record number, name, mother's maiden name, birth date, sex, first address, first
    telephone, multiple birth and birth order, each where it is known. `source` is the source that the record number
    comes from, where that is known.
    """

    patient: Patient
    profile: Profile = Profile.FORECAST
    source: str = ""


def missing(request: Request) -> tuple[str, ...]:
    """What the request lacks to be asked at all, as HL7 paths; an IIS matches by name and birth date before all."""
    patient = request.patient
    day = patient.birth_date
    needed = (
        ("QPD-4.1", patient.name.family.strip()),
        ("QPD-4.2", patient.name.given.strip()),
        ("QPD-6", day if len(day) == _DAY and day.isascii() and day.isdigit() else ""),
    )
    return tuple(path for path, value in needed if not value)


def build(
    request: Request,
    *,
    msh_10: str,
    query_tag: str,
    limit: int,
    clinic: Clinic,
    configuration: Configuration,
    now: datetime,
) -> str:
    """The QBP of a request, segments ended by CR.

    `now` must carry a zone; it becomes MSH-7 with seconds and offset (IZ-TS_Z). `limit` is how many records the IIS may
    answer with (RCP-2, at least 1). `query_tag` (QPD-2, at most 32 characters) comes back in QAK-1. A record number
    whose numbering is not clear (`Configuration.numbering_for`) is left out.
    """
    iis = configuration.iis
    sender = f"{hd(configuration.sending_application)}|{hd(clinic.sending_facility)}"
    receiver = f"{hd(iis.receiving_application)}|{hd(iis.receiving_facility)}"
    time = timestamp(now)
    head = (
        f"MSH|^~\\&|{sender}|{receiver}|{time}||QBP^Q11^QBP_Q11|{encode(msh_10)}|{encode(iis.processing_id)}|2.5.1"
        f"|||ER|AL|||||{request.profile.value}^CDCPHINVS"
    )
    qpd = _qpd(request, query_tag, clinic, configuration.numbering_for(clinic.key, request.source))
    return SEGMENT_END.join((head, qpd, f"RCP|I|{limit}^RD&Records&HL70126", ""))


def _qpd(request: Request, query_tag: str, clinic: Clinic, numbering: Numbering | None) -> str:
    patient = request.patient
    number = ""
    if patient.mrn and numbering is not None:
        authority = hd(numbering.authority or clinic.sending_facility, "&")
        number = f"{encode(identity.pid_3(patient.mrn, numbering.prefix))}^^^{authority}^MR"
    maiden = f"{encode(patient.mothers_maiden_name)}^^^^^^M" if patient.mothers_maiden_name else ""
    telephone = xtns([telecom for telecom in patient.telecoms if telecom.local][:1])
    place = next(filter(None, map(xad, patient.addresses)), "")
    line = (
        f"QPD|{QUERY_NAME[request.profile]}|{encode(query_tag)}|{number}|{_name(patient.name)}|{maiden}"
        f"|{encode(patient.birth_date)}|{encode(patient.sex)}|{place}|{telephone}"
        f"|{encode(patient.multiple_birth)}|{encode(patient.birth_order) if patient.multiple_birth == 'Y' else ''}"
    )
    return line.rstrip("|")


def _name(name: Name) -> str:
    """QPD-4: a legal name where the EHR does not say otherwise."""
    return xpn(name if name.type else Name(name.family, name.given, name.middle, name.suffix, "L"))
