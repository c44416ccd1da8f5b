"""Who reports, for which clinics, from which EHR feeds, to which IIS: the validated content of `clinics.toml`.

Connecticut's answers to many of these values are not public, so each is a setting with a default and none is a constant
(see docs/configuration.md). `shared/adapters/configuration/reader.py` reads and checks the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

import msgspec

from shared.domain.codes.local import NO_LOCAL_CODES, LocalCodes
from shared.domain.expectation import Every
from shared.domain.maintenance import Window
from shared.domain.model import Address

WithoutLot = Literal["hold", "historical"]
ClinicBy = Literal["name", "identifier"]
Probe = Literal["connectivityTest", "connect"]


class Iis(msgspec.Struct, frozen=True):
    """The registry: where it is and how it wants to be addressed. `profile` names how its ACKs are read.

    `probe` is how vaxline finds out whether it is back; within `maintenance`, on the clock of `time_zone`, it is left
    alone. A query asks for at most `query_limit` records (RCP-2); several queries are `query_pause` seconds apart
    and asked within `query_hours` only (any time where there are none). Of what a
    clinic's source exports, `backfill_from` messages a day are queued at once; of what everybody has beyond that,
    `backfill_per_minute` in a minute.
    """

    endpoint: str
    name: str = "ctwiz"
    profile: str = "ctwiz"
    receiving_application: str = ""
    receiving_facility: str = "CT0000"
    processing_id: str = "P"
    probe: Probe = "connectivityTest"
    maintenance: tuple[Window, ...] = ()
    time_zone: str = "America/New_York"
    backfill_from: int = 500
    backfill_per_minute: int = 300
    query_limit: int = 10
    query_pause: int = 2
    query_hours: tuple[Window, ...] = ()


class Clinic(msgspec.Struct, frozen=True):
    """One clinic. `key` is vaxline's own name for it, everywhere.

    `facility` is its HL7 facility code at the IIS (RXA-11.4); `sending_facility` goes to MSH-4 and PID-3.4,
    `facility_id` into the SOAP call, `responsible_id` and `responsible_name` to MSH-22; `secret` names the Secrets
    Manager entry with `username` and `password`; `export_names` are the names by which exports call the clinic; `local`
    its own codes, asked before the source's; `credentials_expire` is the day on which the IIS ends its password.
    """

    key: str
    name: str
    facility: str
    sending_facility: str
    facility_id: str
    secret: str
    responsible_name: str = ""
    responsible_id: str = ""
    export_names: frozenset[str] = frozenset()
    address: Address = Address()
    local: LocalCodes = NO_LOCAL_CODES
    credentials_expire: date | None = None


class Source(msgspec.Struct, frozen=True):
    """One EHR feed, the folder `inbox/<name>/` of the bucket.

    `columns` maps vaxline's CSV column names to the file's own, `defaults` gives a column a value where the export has
    none, `date_formats` are strptime formats tried in order. `clinic` is used where the export names no clinic.
    `without_lot` says what a dose is that the export calls given here but that has no lot number: held for correction,
    or reported as historical (NIP001 01). With `one_clinic` everything in the feed belongs to `clinic`, whatever clinic
    the export names. `clinic_by` says which of a FHIR Location's names is meant to be the clinic's. `local` are
    the EHR's own codes. A `strict` source's submissions are held for a warning too. `expected_every` is how often a
    file comes; later than that somebody is told.
    """

    name: str
    format: str
    clinic: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    defaults: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    date_formats: tuple[str, ...] = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
    without_lot: WithoutLot = "hold"
    one_clinic: bool = False
    strict: bool = False
    clinic_by: ClinicBy = "name"
    local: LocalCodes = NO_LOCAL_CODES
    expected_every: Every | None = None


class Configuration(msgspec.Struct, frozen=True):
    """One version of `clinics.toml`; `version` is derived from its content and recorded with every submission."""

    version: str
    organization: str
    sending_application: str
    iis: Iis
    clinics: Mapping[str, Clinic]
    sources: Mapping[str, Source]

    def clinic_for(self, source: Source, exported: str) -> Clinic | None:
        """The clinic that an export's own name for it means; the source's default where it names none."""
        if exported == "":
            return self.clinics.get(source.clinic)
        if exported in self.clinics:
            return self.clinics[exported]
        return next((clinic for clinic in self.clinics.values() if exported in clinic.export_names), None)
