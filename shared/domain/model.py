"""The content of an EHR export, in the terms of HL7 v2.5.1 profile Z22 (National IG R1.5).

Dates are HL7 DT texts (`YYYYMMDD`; an expiry may be a month, `YYYYMM`). An empty text means "not known" and no value is
None, so a field is sent if it is not empty. Codes have the HL7 table or coding system that they are from.

The classes are msgspec structs, because a row makes some twenty of them and a frozen dataclass takes ten times as long
to make. They cannot be part of reference cycles, so the garbage collector does not track them (`gc=False`).
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
"""RXA-9.1 (NIP001) of a dose that the reporting clinic gave; 01 to 08 mean historical."""

GIVEN = frozenset({Completion.COMPLETE, Completion.PARTIALLY_ADMINISTERED})


class Code(msgspec.Struct, frozen=True, gc=False):
    """A CE or CWE: identifier, text, coding system, and the EHR's local code as the alternate triplet."""

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
    """An XPN; `type` is of HL7 table 0200 (L legal, M maiden, U unspecified)."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    type: str = "L"

    def __bool__(self) -> bool:
        return self.family != "" or self.given != ""


class Address(msgspec.Struct, frozen=True, gc=False):
    """An XAD; `country` is of ISO 3166 alpha-3, `type` of HL7 table 0190, `county` a FIPS code."""

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
    """An XTN: a telephone number, or an e-mail address with use NET (`use`: HL7 table 0201, `equipment`: 0202)."""

    use: str = "PRN"
    equipment: str = "PH"
    area: str = ""
    local: str = ""
    email: str = ""

    def __bool__(self) -> bool:
        return self.local != "" or self.email != ""


class Provider(msgspec.Struct, frozen=True, gc=False):
    """An XCN; `id_type` is of HL7 table 0203 (NPI, PRN, EI, …), `authority` assigned the id."""

    id: str = ""
    family: str = ""
    given: str = ""
    middle: str = ""
    authority: str = ""
    id_type: str = ""

    def __bool__(self) -> bool:
        return self.id != "" or self.family != ""


class NextOfKin(msgspec.Struct, frozen=True, gc=False):
    """An NK1; `relationship` is of HL7 table 0063."""

    name: Name
    relationship: Code = NO_CODE
    address: Address = Address()
    telecoms: tuple[Telecom, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it has what an NK1 must have: both names (NK1-2) and a relationship (NK1-3)."""
        return self.name.family != "" and self.name.given != "" and self.relationship.code != ""

    def __str__(self) -> str:
        """One line for the worklist. It is PHI."""
        name = " ".join(filter(None, (self.name.given, self.name.family))) or "no name"
        return f"{name}, {self.relationship.alternate_code or self.relationship.text or 'no relationship'}"


class Patient(msgspec.Struct, frozen=True, gc=False):
    """PID, PD1 and NK1. `mrn` is the medical record number as the EHR writes it, of any length."""

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


class Vis(msgspec.Struct, frozen=True, gc=False):
    """One Vaccine Information Statement that was handed out: either `document`, or `vaccine` with `edition`.

    Attributes:
        document: The 24-character document type string, coding system cdcgs1vis (LOINC 69764-9).
        vaccine: The CVX of an unspecified formulation (LOINC 30956-7).
        edition: The edition date (LOINC 29768-9).
        presented: The day it was handed out (LOINC 29769-7).
    """

    document: str = ""
    vaccine: Code = NO_CODE
    edition: str = ""
    presented: str = ""


class Observation(msgspec.Struct, frozen=True, gc=False):
    """An observation about a vaccine beside the dose: evidence of immunity, a contraindication, a reaction.

    Attributes:
        code: LOINC of what it is (OBX-3).
        value: What was found (OBX-5), of SNOMED CT or CDCPHINVS.
        begins: The day from which a contraindication holds (LOINC 30946-8).
        ends: The day until which it holds (LOINC 30944-3).
    """

    code: str
    value: Code = NO_CODE
    begins: str = ""
    ends: str = ""


class Dose(msgspec.Struct, frozen=True, gc=False):
    """One vaccination event: an ORDER group (ORC, RXA, RXR, OBX, NTE).

    Attributes:
        id: The EHR's id of the dose, of any length. ORC-3 is made from it, so it stays the same for corrections and
            deletes.
        row: Its place in the export: the row of a CSV file as a spreadsheet shows it (the header is row 1), the line of
            an NDJSON file.
        part: The name of its file.
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
    observations: tuple[Observation, ...] = ()
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
        """RXA-9.1 is 00 and RXA-20 CP or PA: the predicate of lot, manufacturer, eligibility and VIS (IZ-23, IZ-24)."""
        return self.is_given and self.information_source.code == ADMINISTERED


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A finding of a check or a reader.

    Attributes:
        code: The code of its row in a table of checks.
        path: The HL7 path (`PID-7`, `RXA-15`).
        row: The row of the export; 0 if it is about a file.
        column: The export's name of the field.
        value: The value, which may be PHI: it is kept in the ledger and shown to operators, never logged.
        dose_id: The id of the dose that it is about.
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
    """The content of an export about one patient at one clinic on one day: one VXU, one version of a record.

    Attributes:
        source: The name of the feed.
        patient: The patient.
        date: The day, `YYYYMMDD`.
        clinic: The export's name of the clinic; empty for the source's default.
        doses: The doses.
        rows: The rows of the export that it accounts for, as (part, row).
        findings: What the reader could not read in them.
        raw: Their text, if they could not be read at all.
        numbering: How its numbers are kept apart from those of other EHRs.
        messages: Of rows that are parts of HL7 messages: (row, which message it is in the words of `row_name`).
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
    messages: tuple[tuple[int, str], ...] = ()

    def row_name(self, row: int) -> str:
        """Return what a person finds a row by: its number, and of an HL7 message its number and MSH-10."""
        message = next((words for of, words in self.messages if of == row), "")
        return f"{row} ({message})" if message else str(row)

    @property
    def row_names(self) -> str:
        """The rows for people, in one text."""
        return ", ".join(self.row_name(row) for _, row in self.rows)
