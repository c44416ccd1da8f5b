"""Builds the QBP: a question about one patient becomes one ER7 text (HL7 v2.5.1 QBP^Q11^QBP_Q11, profiles Z34 and Z44
of the National IG R1.5).

Every value is escaped, and data types are written as in the VXU. `docs/query.md` lists which value goes to which field.
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
    """MSH-21 of a query: the history, or the evaluated history with the forecast."""

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
    """A question about one patient.

    Attributes:
        patient: The patient. Sent are record number, name, mother's maiden name, birth date, sex, first address, first
            telephone number, multiple birth and birth order, as far as they are known.
        profile: Complete history (Z34), or evaluated history and forecast (Z44).
        source: The source that the record number comes from; empty if unknown.
    """

    patient: Patient
    profile: Profile = Profile.FORECAST
    source: str = ""


def missing(request: Request) -> tuple[str, ...]:
    """Return the HL7 paths of values that the request lacks: an IIS matches by name and birth date."""
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
    """Build the QBP of a request.

    Args:
        request: The request. A record number of unclear numbering (`Configuration.numbering_for`) is left out.
        msh_10: The message control id.
        query_tag: QPD-2, at most 32 characters; the answer has it in QAK-1.
        limit: How many records the IIS may answer with (RCP-2), at least 1.
        clinic: The clinic that asks.
        configuration: The configuration that the clinic is part of.
        now: The time for MSH-7, with a zone (IZ-TS_Z).

    Returns:
        The message, each segment ended by CR.
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
    """QPD-4. A name without a type is a legal name."""
    return xpn(name if name.type else Name(name.family, name.given, name.middle, name.suffix, "L"))
