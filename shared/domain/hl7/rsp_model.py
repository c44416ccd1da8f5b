"""The answer of an IIS to a query: patients, their vaccinations, evaluations and forecast.

Texts are the IIS's own, decoded. Dates are HL7 texts (`YYYYMMDD`; some IISs add a time). A value that the IIS did not
send is empty. `docs/query.md` describes the JSON of these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.codes import cdc
from shared.domain.model import NO_CODE, Address, Code, Name, Telecom

CVX_SYSTEMS: Final = frozenset({"CVX", "HL70292", "2.16.840.1.113883.12.292"})
_NDC_SYSTEMS: Final = frozenset({"NDC", "2.16.840.1.113883.6.69"})
_CVX_DIGITS: Final = 4
_GIVEN: Final = frozenset({"", "CP", "PA"})
_DELETED: Final = "D"


def cvx_of(vaccine: Code) -> str:
    """Return the CVX code of RXA-5 with at least two digits.

    The CVX may be the alternate of a CPT code or an NDC. A number of no named system is a CVX; an NDC without a CVX is
    looked up in CDC's table. Any other code is returned as it is.
    """
    pairs = ((vaccine.code, vaccine.system.upper()), (vaccine.alternate_code, vaccine.alternate_system.upper()))
    named = next((code for code, system in pairs if code and system in CVX_SYSTEMS), None)
    if named is not None:
        return _two_digits(named)
    packages = (cdc.ndc(code) for code, system in pairs if code and system in _NDC_SYSTEMS)
    package = next(filter(None, packages), None)
    if package is not None and len(package.cvx) == 1:
        return package.cvx[0]
    return vaccine.code if vaccine.system else _two_digits(vaccine.code)


def _two_digits(code: str) -> str:
    is_number = code.isascii() and code.isdigit() and len(code) <= _CVX_DIGITS
    return str(int(code)).zfill(2) if is_number else code


class Match(StrEnum):
    """The result of a query."""

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
    """A CX. `type` is of HL7 table 0203: MR medical record, SR state registry."""

    id: str
    authority: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative of the patient (NK1)."""

    name: Name
    relationship: Code = NO_CODE
    address: Address = Address()
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A patient (PID, PD1, NK1). `state_id` is the IIS's own id, `updated` is PID-33."""

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
    """An OBX: `code` is OBX-3, `value` OBX-5, `units` OBX-6, `group` OBX-4, `date` OBX-14."""

    code: Code
    value: Code
    units: Code = NO_CODE
    group: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a dose counts toward one vaccine group.

    Attributes:
        group: OBX-4.
        vaccine: The vaccine group (LOINC 30956-7).
        validity: Y or N (59781-5).
        dose_number: 30973-2.
        series: 59780-7.
        doses_in_series: 59782-3.
        status: 59783-1.
        schedule: 59779-9.
        reasons: 30982-3.
        others: The other observations of the group.
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
    """One ORDER group about a vaccine.

    Attributes:
        order_id: ORC-3.1 as the IIS has it; WebIZ gives its own.
        authority: ORC-3.2.
        placer_id: ORC-2.1.
        source: RXA-9 (NIP001).
        completion: RXA-20 (HL7 table 0322): given or refused.
        action: RXA-21.
        entered: RXA-22.
        evaluations: How the dose counts.
        observations: The other observations.
        notes: The texts of NTE-3.
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

    @property
    def cvx(self) -> str:
        """The CVX code of the vaccine; another code where it has none."""
        return cvx_of(self.vaccine)

    @property
    def is_there(self) -> bool:
        """Whether the IIS has it as a given dose: not refused (RXA-20), and not deleted (RXA-21)."""
        return self.completion in _GIVEN and self.action != _DELETED


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The forecast of one dose.

    Attributes:
        vaccine: The vaccine or vaccine group.
        ordinal: 1 for the next dose of its vaccine, 2 for the one after it, in the IIS's order.
        group: OBX-4.
        earliest: Earliest date to give it (LOINC 30981-5).
        due: Date when it is due (30980-7).
        latest: Latest date to give it (59777-3).
        overdue: Date when it is overdue (59778-1).
        status: 59783-1: LA13421-5 complete, LA13422-3 on schedule, LA13423-1 overdue, LA13424-9 too old, or the IIS's
            own code.
        others: The other observations of the group.
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
    """One ERR: `severity` is of HL7 table 0516, `code` ERR-3, `application_code` the IIS's own, `path` from ERR-2."""

    severity: str
    code: str = ""
    application_code: str = ""
    path: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """One RSP^K11, complete except for the echo of the query (QPD) and set ids.

    Attributes:
        match: The result.
        profile: MSH-21.1: Z31, Z32, Z33 or Z42.
        msa_1: MSA-1.
        control_id: MSA-2.
        status: QAK-2.
        query_tag: QAK-1.
        patient: The patient, if exactly one was found.
        candidates: The patients, if several may be meant.
        vaccinations: The patient's vaccinations.
        forecast: The doses that the IIS recommends.
        observations: The observations that belong to no vaccination.
        errors: The ERR segments.
        unknown: Other segments, as they came.
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
