"""What an IIS answers to a query, as values: who it knows, which doses, and what it thinks is due.

Texts are as the IIS wrote them, decoded; dates are HL7 texts (`YYYYMMDD`, some IISs add a time). Empty means "not
said". `docs/query.md` describes the JSON of these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.model import NO_CODE, Address, Code, Name, Telecom


class Match(StrEnum):
    """What the IIS made of the question."""

    FOUND = "FOUND"
    CANDIDATES = "CANDIDATES"
    NOT_FOUND = "NOT_FOUND"
    TOO_MANY = "TOO_MANY"
    PROTECTED = "PROTECTED"
    ERROR = "ERROR"
    UNREADABLE = "UNREADABLE"


MEANING: Final[dict[Match, str]] = {
    Match.FOUND: "one patient, with what the IIS has about them",
    Match.CANDIDATES: "several patients might be meant; ask again with what tells them apart",
    Match.NOT_FOUND: "no patient fits exactly: not reported yet, or known under other data",
    Match.TOO_MANY: "more patients fit than the limit of the query; say more about the patient",
    Match.PROTECTED: "the patient does not let the IIS share the record",
    Match.ERROR: "the IIS refused the query; its errors say why",
    Match.UNREADABLE: "what came is no answer to a query",
}


@dataclass(frozen=True, slots=True)
class Identifier:
    """A CX: `type` is HL7 table 0203 (MR medical record, SR state registry)."""

    id: str
    authority: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Relative:
    """An NK1 as the IIS knows it."""

    name: Name
    relationship: Code = NO_CODE
    address: Address = Address()
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """PID, PD1 and NK1 as the IIS knows them; `state_id` is the IIS's own id, `updated` PID-33."""

    ids: tuple[Identifier, ...] = ()
    state_id: str = ""
    names: tuple[Name, ...] = ()
    mothers_maiden_name: str = ""
    birth_date: str = ""
    sex: str = ""
    races: tuple[Code, ...] = ()
    ethnicity: Code = NO_CODE
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    multiple_birth: str = ""
    birth_order: str = ""
    death_date: str = ""
    death_indicator: str = ""
    updated: str = ""
    protection: str = ""
    registry_status: str = ""
    relatives: tuple[Relative, ...] = ()

    @property
    def name(self) -> Name:
        return self.names[0] if self.names else Name()


@dataclass(frozen=True, slots=True)
class Observation:
    """An OBX that is neither evaluation nor forecast; `code` is OBX-3, `value` OBX-5, `group` OBX-4."""

    code: Code
    value: Code
    units: Code = NO_CODE
    group: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One OBX group about a dose that was given: how it counts towards one vaccine group.

    `validity` is Y or N (LOINC 59781-5), `dose_number` 30973-2, `series` 59780-7, `doses_in_series` 59782-3, `schedule`
    59779-9, `status` 59783-1, `reasons` 30982-3.
    """

    group: str
    vaccine: Code = NO_CODE
    validity: str = ""
    dose_number: str = ""
    series: Code = NO_CODE
    doses_in_series: str = ""
    status: Code = NO_CODE
    schedule: Code = NO_CODE
    reasons: tuple[Code, ...] = ()
    others: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class Vaccination:
    """One order group that is about a vaccine: given, historical, or refused (`completion` of HL7 table 0322).

    `order_id` is ORC-3.1 as the IIS has it (WebIZ gives its own), `placer_id` ORC-2.1; `source` is RXA-9 (NIP001),
    `entered` RXA-22.
    """

    order_id: str = ""
    authority: str = ""
    placer_id: str = ""
    date: str = ""
    vaccine: Code = NO_CODE
    amount: str = ""
    units: Code = NO_CODE
    source: Code = NO_CODE
    completion: str = ""
    action: str = ""
    lot: str = ""
    expiry: str = ""
    manufacturer: Code = NO_CODE
    route: Code = NO_CODE
    site: Code = NO_CODE
    location: str = ""
    refusal_reason: Code = NO_CODE
    entered: str = ""
    evaluations: tuple[Evaluation, ...] = ()
    observations: tuple[Observation, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One forecast: `ordinal` is 1 for the next dose of its vaccine, 2 for the one after it, as the IIS ordered them.

    Dates: `earliest` 30981-5, `due` 30980-7, `latest` 59777-3, `overdue` 59778-1. `status` is 59783-1 (LA13421-5
    complete, LA13422-3 on schedule, LA13423-1 overdue, LA13424-9 too old, or the IIS's own).
    """

    vaccine: Code
    ordinal: int = 1
    group: str = ""
    earliest: str = ""
    due: str = ""
    latest: str = ""
    overdue: str = ""
    status: Code = NO_CODE
    schedule: Code = NO_CODE
    series: Code = NO_CODE
    dose_number: str = ""
    doses_in_series: str = ""
    reasons: tuple[Code, ...] = ()
    others: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryError:
    """One ERR of the answer: `severity` of table 0516, `code` ERR-3, `application_code` the IIS's own, `path` ERR-2."""

    severity: str
    code: str = ""
    application_code: str = ""
    path: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """One RSP^K11. `profile` is MSH-21.1 (Z31, Z32, Z33, Z42), `status` QAK-2, `control_id` MSA-2, `query_tag` QAK-1.

    `unknown` holds the segments that say nothing we know, as they came. Nothing of the answer is left out otherwise but
    the echo of the query (QPD) and set ids.
    """

    match: Match
    profile: str = ""
    msa_1: str = ""
    control_id: str = ""
    status: str = ""
    query_tag: str = ""
    patient: Person | None = None
    candidates: tuple[Person, ...] = ()
    vaccinations: tuple[Vaccination, ...] = ()
    forecast: tuple[Recommendation, ...] = ()
    observations: tuple[Observation, ...] = ()
    errors: tuple[QueryError, ...] = ()
    unknown: tuple[str, ...] = ()
