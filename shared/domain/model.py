"""What an EHR export says, in the terms of HL7 v2.5.1 profile Z22 (National IG R1.5).

Dates are HL7 DT texts (`YYYYMMDD`; an expiry may stop at the month, `YYYYMM`), because both sides of vaxline speak
text and a string compares and prints at no cost. An empty string means "not known"; nothing is ever None here, so a
field is sent exactly when it is not empty. Coded values carry the HL7 table or coding system they belong to.

These are frozen structs and no dataclasses: a row makes a score of them, and a frozen dataclass takes ten times as
long. Nothing in them can point back to them, so the garbage collector need not follow them (`gc=False`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Completion(StrEnum):
    """RXA-20, HL7 table 0322."""

    COMPLETE = "CP"
    PARTIALLY_ADMINISTERED = "PA"
    REFUSED = "RE"
    NOT_ADMINISTERED = "NA"


class Action(StrEnum):
    """RXA-21, HL7 table 0323."""

    ADD = "A"
    UPDATE = "U"
    DELETE = "D"


ADMINISTERED = "00"
"""RXA-9.1 (NIP001) of a dose that the reporting clinic gave; 01 to 08 are historical."""

GIVEN = frozenset({Completion.COMPLETE, Completion.PARTIALLY_ADMINISTERED})


class Code(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A CE or CWE: identifier, text, coding system, and the local code it came from as the alternate triplet."""

    code: str = ""
    text: str = ""
    system: str = ""
    alternate_code: str = ""
    alternate_text: str = ""
    alternate_system: str = ""

    def __bool__(self) -> bool:
        return self.code != ""


NO_CODE = Code()


class Name(msgspec.Struct, frozen=True, gc=False):
    """An XPN; `type` is HL7 table 0200 (L legal, M maiden, U unspecified)."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    type: str = "L"

    def __bool__(self) -> bool:
        return self.family != "" or self.given != ""


class Address(msgspec.Struct, frozen=True, gc=False):
    """An XAD; `country` is ISO 3166 alpha-3, `type` HL7 table 0190, `county` a FIPS code."""

    street: str = ""
    other: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    type: str = "H"
    county: str = ""

    def __bool__(self) -> bool:
        return any((self.street, self.other, self.city, self.state, self.zip))


class Telecom(msgspec.Struct, frozen=True, gc=False):
    """An XTN: a telephone number (`use` of HL7 table 0201, `equipment` of 0202) or, with use NET, an e-mail address."""

    use: str = "PRN"
    equipment: str = "PH"
    area: str = ""
    local: str = ""
    email: str = ""

    def __bool__(self) -> bool:
        return self.local != "" or self.email != ""


class Provider(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """An XCN; `id_type` is HL7 table 0203 (NPI, PRN, EI, …), `authority` who assigned the id."""

    id: str = ""
    family: str = ""
    given: str = ""
    middle: str = ""
    authority: str = ""
    id_type: str = ""

    def __bool__(self) -> bool:
        return self.id != "" or self.family != ""


class NextOfKin(msgspec.Struct, frozen=True, gc=False):
    """An NK1; `relationship` is HL7 table 0063."""

    name: Name
    relationship: Code = NO_CODE
    address: Address = Address()
    telecoms: tuple[Telecom, ...] = ()


class Patient(msgspec.Struct, frozen=True, gc=False):
    """PID and PD1. `mrn` is the medical record number as the EHR writes it, of any length."""

    mrn: str = ""
    name: Name = Name()
    birth_date: str = ""
    sex: str = ""
    mothers_maiden_name: str = ""
    aliases: tuple[Name, ...] = ()
    races: tuple[Code, ...] = ()
    ethnicity: Code = NO_CODE
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    multiple_birth: str = ""
    birth_order: str = ""
    death_date: str = ""
    death_indicator: str = ""
    publicity: Code = NO_CODE
    publicity_date: str = ""
    protection: str = ""
    protection_date: str = ""
    registry_status: str = ""
    registry_status_date: str = ""
    next_of_kin: tuple[NextOfKin, ...] = ()


class Vis(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One Vaccine Information Statement that was handed out.

    Either `document` (the 24-character document type string, coding system cdcgs1vis, LOINC 69764-9), or `vaccine`
    (an unspecified-formulation CVX, LOINC 30956-7) with `edition` (LOINC 29768-9); `presented` is LOINC 29769-7.
    """

    document: str = ""
    vaccine: Code = NO_CODE
    edition: str = ""
    presented: str = ""


class Dose(msgspec.Struct, frozen=True, gc=False):
    """One vaccination event: an ORDER group (ORC, RXA, RXR, OBX, NTE).

    `id` is the dose's own id in the EHR, of any length; ORC-3 is made from it and stays the same for corrections and
    deletes. `row` is where it stood in the export: the data row of a CSV file, the line of an Immunization NDJSON file,
    counted from 1; `part` names the file within a set of files.
    """

    id: str = ""
    date: str = ""
    vaccine: Code = NO_CODE
    ndc: str = ""
    completion: Completion = Completion.COMPLETE
    information_source: Code = NO_CODE
    action: Action = Action.ADD
    amount: str = ""
    units: Code = NO_CODE
    lot: str = ""
    expiry: str = ""
    manufacturer: Code = NO_CODE
    route: Code = NO_CODE
    site: Code = NO_CODE
    refusal_reason: Code = NO_CODE
    eligibility: Code = NO_CODE
    funding_source: Code = NO_CODE
    vis: tuple[Vis, ...] = ()
    dose_number: str = ""
    comment: str = ""
    administered_by: Provider = Provider()
    ordered_by: Provider = Provider()
    entered_by: Provider = Provider()
    placer_id: str = ""
    row: int = 0
    part: str = ""

    @property
    def is_given(self) -> bool:
        """Completely or partially administered, here or elsewhere (RXA-20 CP or PA)."""
        return self.completion in GIVEN

    @property
    def is_administered_here(self) -> bool:
        """RXA-9.1 = 00 with RXA-20 CP or PA: the predicate of lot, manufacturer, eligibility and VIS (IZ-23, IZ-24)."""
        return self.is_given and self.information_source.code == ADMINISTERED


class Finding(msgspec.Struct, frozen=True, gc=False):
    """Something a check or a reader noticed: `code` names the row of the check table that says what and how to fix.

    `path` is the HL7 path (`PID-7`, `RXA-15`), `column` the export's own name for the field, `value` what stood there.
    `value` may be PHI: it lives in the ledger and on the operator's screen, never in a log.
    """

    code: str
    path: str = ""
    row: int = 0
    column: str = ""
    value: str = ""
    dose_id: str = ""


class Numbering(msgspec.Struct, frozen=True, gc=False):
    """How the numbers of one EHR are kept apart from those of another at the IIS.

    Attributes:
        prefix: Stands before the record number in PID-3.1 and before the order numbers in ORC-2.1 and ORC-3.1.
        authority: Assigning authority of these numbers (PID-3.4, ORC-2.2, ORC-3.2); empty for the clinic's sending
            facility.
    """

    prefix: str = ""
    authority: str = ""


OWN_NUMBERS: Final = Numbering()
"""Numbers go out as the EHR writes them, under the sending facility of the clinic."""


class Visit(msgspec.Struct, frozen=True, gc=False):
    """What one export says about one patient at one clinic on one day: the content of one VXU, a record's one version.

    `numbering` is the source's when the visit was read, so that a stored submission keeps the ids that it was sent
    with. `clinic` is the clinic as the export names it (empty: the source's default). `rows` are the export's rows that
    it accounts for, as (part, row); `findings` what the reader could not understand in them. `raw` keeps the rows of a
    visit that could not be read at all.
    """

    source: str
    patient: Patient
    date: str
    clinic: str = ""
    doses: tuple[Dose, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    raw: str = ""
    numbering: Numbering = OWN_NUMBERS
