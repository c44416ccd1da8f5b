"""The validated content of `clinics.toml`: the organization, its clinics, their EHR feeds and the IIS.

Connecticut does not publish its answers to many of these values, so each is a setting with a default and none is a
constant (docs/configuration.md). `shared/adapters/configuration/reader.py` reads and checks the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from shared.domain.codes.local import NO_LOCAL_CODES, LocalCodes
from shared.domain.expectation import FileInterval
from shared.domain.maintenance import Window
from shared.domain.model import OWN_NUMBERS, Address, Numbering

WithoutLot = Literal["hold", "historical"]
ClinicBy = Literal["name", "identifier"]
Probe = Literal["connectivityTest", "connect"]
ClinicStatus = Literal["active", "paused", "does_not_administer"]


class Network(msgspec.Struct, frozen=True):
    """The way to the registry.

    Attributes:
        ca_bundle: the certificate authorities to trust instead of the public ones, as PEM; empty for those.
        proxy: address of an HTTP proxy in between (`http://host:port`); empty if there is none.
    """

    ca_bundle: str = ""
    proxy: str = ""


def proxy_address(url: str) -> tuple[str, int] | None:
    """Return host and port of a proxy's address (`http://host:port`), or None if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_bare = parts.path in ("", "/") and not parts.query and "@" not in parts.netloc
    if parts.scheme != "http" or not parts.hostname or port is None or not is_bare:
        return None
    return parts.hostname, port


class Iis(msgspec.Struct, frozen=True):
    """The registry: its endpoint, how it is addressed, and the pace at which it wants messages and queries.

    Attributes:
        endpoint: URL of the SOAP service.
        name: the registry's name in vaxline.
        profile: how its ACKs are read (`shared.domain.hl7.iis_profiles`).
        receiving_application: MSH-5.
        receiving_facility: MSH-6.
        processing_id: MSH-11 (HL7 table 0103).
        probe: how the valve finds out that the registry is back.
        maintenance: windows in which nothing is sent or probed, in `time_zone`.
        time_zone: IANA name of the registry's time zone.
        backfill_from: daily quota: messages of one clinic and source that are queued at once on a day; the rest is
            backfill.
        backfill_per_minute: the pace: messages of all clinics that are queued at once in a minute, and backfill
            messages that are queued per minute.
        query_limit: most records that an answer to a query may have (RCP-2).
        query_pause: seconds between two queries of a series.
        query_hours: windows in which a series of queries may be sent, in `time_zone`; any time where empty.
        ready_days: whole days without an error or a warning that production asks for.
        ready_messages: messages that these days must have at least.
        ready_active_days: days with a message that they must have at least.
        holidays: days on which no message is expected, besides Saturdays and Sundays.
        ca_bundle: see `Network`.
        proxy: see `Network`.
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
    ready_days: int = 14
    ready_messages: int = 25
    ready_active_days: int = 8
    holidays: frozenset[date] = frozenset()
    ca_bundle: str = ""
    proxy: str = ""

    @property
    def network(self) -> Network:
        """The way to the registry."""
        return Network(self.ca_bundle, self.proxy)


class Clinic(msgspec.Struct, frozen=True):
    """One clinic.

    Attributes:
        key: vaxline's name for the clinic, used everywhere.
        name: its name for people.
        facility: its HL7 facility code at the IIS (RXA-11.4).
        sending_facility: MSH-4 and PID-3.4.
        facility_id: `facilityID` of the SOAP call.
        secret: name of the Secrets Manager entry with `username` and `password`.
        responsible_name: MSH-22, organization name.
        responsible_id: MSH-22, organization id.
        export_names: names by which exports call the clinic.
        address: the clinic's address.
        local: its own codes, looked up before the source's.
        credentials_expire: day on which the IIS ends its password.
        status: whether going live waits for it: a clinic that is paused or does not administer vaccines keeps no other
            back.
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
    status: ClinicStatus = "active"


class Source(msgspec.Struct, frozen=True):
    """One EHR feed: the folder `inbox/<name>/` of the bucket.

    Attributes:
        name: the folder's name.
        format: the format of its files.
        clinic: the clinic of rows that name none.
        encoding: text encoding of its files.
        delimiter: delimiter of its CSV files.
        columns: vaxline's CSV column → the file's own column.
        ignore: the file's columns that are not read, although their names say that they may matter.
        preset: name of the layout of its files (`shared.exports.presets`); empty for a layout of its own.
        defaults: vaxline's CSV column → value where the export has none.
        date_formats: strptime formats, tried in order.
        without_lot: how a dose is reported that was given here and has no lot: held for correction, or as historical
            (NIP001 01).
        one_clinic: every row belongs to `clinic`, whatever clinic the export names.
        strict: a warning holds a submission, as an error does.
        mrn_system: the system of FHIR identifiers that are record numbers; empty if their type tells them.
        time_zone: IANA name of the zone in which times in UTC are read; empty if the day that is written counts.
        clinic_by: whether a FHIR Location's name or its identifier is the clinic's name.
        local: the EHR's own codes.
        expected_every: how often a file is expected; a later one is reported as late.
        file_date: pattern of the date in its files' names; empty if they have none.
        numbering: keeps its patient and dose numbers apart from those of other sources at the IIS.
        numbers_of: the source whose patient and dose numbers (and numbering) it uses; empty for numbers of its own.
    """

    name: str
    format: str
    clinic: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    ignore: tuple[str, ...] = ()
    preset: str = ""
    defaults: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    date_formats: tuple[str, ...] = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
    without_lot: WithoutLot = "hold"
    one_clinic: bool = False
    strict: bool = False
    mrn_system: str = ""
    time_zone: str = ""
    clinic_by: ClinicBy = "name"
    local: LocalCodes = NO_LOCAL_CODES
    expected_every: FileInterval | None = None
    file_date: str = ""
    numbering: Numbering = OWN_NUMBERS
    numbers_of: str = ""


def number_space(source: Source) -> str:
    """Return the name under which the patient and dose numbers of a source are unique: its own, or `numbers_of`."""
    return source.numbers_of or source.name


class Configuration(msgspec.Struct, frozen=True):
    """One version of `clinics.toml`. `version` is derived from the content and recorded with every submission."""

    version: str
    organization: str
    sending_application: str
    iis: Iis
    clinics: Mapping[str, Clinic]
    sources: Mapping[str, Source]

    def clinic_for(self, source: Source, exported: str) -> Clinic | None:
        """Return the clinic that an export names, or the source's own where it names none; None where it is unknown."""
        if exported == "":
            return self.clinics.get(source.clinic)
        if exported in self.clinics:
            return self.clinics[exported]
        return next((clinic for clinic in self.clinics.values() if exported in clinic.export_names), None)

    def numbering_for(self, clinic: str, source: str = "") -> Numbering | None:
        """Return the numbering of a record number that somebody gives for a clinic.

        Args:
            clinic: Key of the clinic.
            source: Name of the source whose number it is; empty where that is not known.

        Returns:
            The source's numbering; without a known source, the one that all sources of the clinic share, or None where
            they differ.
        """
        if source in self.sources:
            return self.sources[source].numbering
        shared = {one.numbering for one in self.sources.values() if one.clinic in ("", clinic)} or {OWN_NUMBERS}
        return shared.pop() if len(shared) == 1 else None
