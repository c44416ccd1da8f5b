"""The schema of clinics.toml: one row per key, with its type and the check of its value."""

from __future__ import annotations

import codecs
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec

from shared.domain import expectation, maintenance
from shared.domain.clinics import ClinicBy, ClinicStatus, Probe, WithoutLot, proxy_address
from shared.domain.hl7 import iis_profiles
from shared.exports import file_dates
from shared.exports.columns import BY_NAME
from shared.exports.formats import FORMATS
from shared.exports.presets import PRESETS
from shared.exports.values import Dates

ProblemAndFix = tuple[str, str] | None
"""The fault of a value with what to do about it; None for a valid value."""

Check = Callable[[Any], ProblemAndFix]

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""The name of a clinic or source."""

# checks of one value --------------------------------------------------------------------------------------------------

_SECRET: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,200}")
_ID_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,8}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HD_LENGTH: Final = 20
_DEFAULT_FORMATS: Final = ("%Y-%m-%d",)
_SAMPLE_DAYS: Final = (date(2026, 3, 2), date(1999, 12, 31))


def _any(_: Any) -> ProblemAndFix:
    return None


def _not_empty(value: str) -> ProblemAndFix:
    return None if value.strip() else ("it is empty", "Give it a value")


def _facility(value: str) -> ProblemAndFix:
    """Check an HD: HD.1 (namespace) has at most 20 characters (HL7 v2.5.1, 2.A.33); an OID may be longer."""
    if not value.strip():
        return "it is empty", "Enter the code that the IIS assigned"
    if value != value.strip() or any(character.isspace() for character in value):
        return "it holds spaces", "Enter the code as the IIS assigned it"
    if len(value) > _HD_LENGTH and not re.fullmatch(r"[0-9.]{1,199}", value):
        return f"it is longer than {_HD_LENGTH} characters", "Enter the code that the IIS assigned, not the name"
    return None


def _id_prefix(value: str) -> ProblemAndFix:
    if _ID_PREFIX.fullmatch(value):
        return None
    return "it is not a prefix", "Use 1 to 8 letters, digits, hyphens, dots or underscores, such as H-"


def _endpoint(value: str) -> ProblemAndFix:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "it is not an address", "Enter the https address of the IIS's SOAP service"
    if parts.scheme == "https" and host:
        return None
    if parts.scheme == "http" and host in _LOOPBACK:
        return None
    return "it is not an https address", "Enter the https address of the IIS's SOAP service (http only on this machine)"


_PEM: Final = "-----BEGIN CERTIFICATE-----"


def _ca_bundle(value: str) -> ProblemAndFix:
    fix = "Paste the certificates of the IIS's authority: PEM text, between triple quotes"
    if "PRIVATE KEY" in value:
        return "it holds a private key", "Take the key out; the certificates of an authority are enough"
    try:
        if _PEM in value:
            ssl.create_default_context(cadata=value)
            return None
    except (ssl.SSLError, ValueError):
        pass
    return "it holds no certificate that can be read", fix


def _proxy(value: str) -> ProblemAndFix:
    if proxy_address(value) is not None:
        return None
    return "it is not the address of a proxy", "Write http://host:port, without user name and password"


def _one_of(*allowed: str) -> Check:
    def check(value: str) -> ProblemAndFix:
        if value in allowed:
            return None
        return f"it is not one of {', '.join(allowed)}", f"Use one of them{did_you_mean(value, allowed)}"

    return check


def _secret(value: str) -> ProblemAndFix:
    if not _SECRET.fullmatch(value):
        return "it is not a secret's name", "Use letters, digits and /_+=.@- only"
    if value.startswith(("vaxline/", "arn:")):
        return "it names the stage or the account", "Name only what follows vaxline/<stage>/"
    return None


def _windows(values: tuple[str, ...]) -> ProblemAndFix:
    for value in values:
        if maintenance.window(value) is None:
            return (
                f'"{value}" is not a window',
                'Write it as "Sun 02:00-06:00", "Mon-Fri 23:30-00:30" or "daily 03:00-03:30"',
            )
    return None


def _interval(value: str) -> ProblemAndFix:
    if expectation.parse_interval(value):
        return None
    return "it does not say how often", 'Write it as "1 day", "26 hours", "1 weekday" or "2 weeks"'


def _at_least(least: int) -> Check:
    def check(value: int) -> ProblemAndFix:
        return None if value >= least else (f"it is below {least}", f"Use a whole number from {least} on")

    return check


def _time_zone(value: str) -> ProblemAndFix:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - few configurations set time_zone

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "there is no such time zone", 'Use a name of the IANA database, such as "America/New_York"'
    return None


# Python lists these as encodings, but they may decode to lone surrogates, and no export is written in them.
_NO_ENCODINGS: Final = frozenset({"utf_7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})


def _encoding(value: str) -> ProblemAndFix:
    try:
        name = codecs.lookup(value).name
        "".encode(value)
    except (LookupError, ValueError):
        return "Python knows no such text encoding", 'Use "utf-8" or "windows-1252"'
    if not name or name.replace("-", "_") in _NO_ENCODINGS:
        return "it is not a text encoding", 'Use "utf-8" or "windows-1252"'
    return None


def _delimiter(value: str) -> ProblemAndFix:
    if len(value) == 1 and value not in '"\r\n' and not value.isalnum():
        return None
    return "it is not a single delimiter", r'Use "," or ";" or "|" or "\t"'


def _date_formats(values: tuple[str, ...]) -> ProblemAndFix:
    if not values:
        return "it is empty", 'Name at least one strptime format, such as "%Y-%m-%d"'
    for form in values:
        for day in _SAMPLE_DAYS:
            if Dates((form,)).day(day.strftime(form)) != day.strftime("%Y%m%d"):
                return f'"{form}" does not tell year, month and day', 'Use a strptime format such as "%m/%d/%Y"'
    return None


def _file_date(value: str) -> ProblemAndFix:
    try:
        file_dates.pattern(value)
    except ValueError as error:
        return str(error), 'Write it as "doses-%Y-%m-%d.csv", with * for what changes from file to file'
    return None


def _columns(values: Mapping[str, str]) -> ProblemAndFix:
    return _known_columns(values) or _mapped_twice(values)


def _known_columns(values: Mapping[str, str]) -> ProblemAndFix:
    for name in values:
        if name not in BY_NAME:
            return (
                f"vaxline has no column {name}",
                f"Put vaxline's name on the left and the file's on the right{did_you_mean(name, BY_NAME)}",
            )
    return None


def _mapped_twice(values: Mapping[str, str]) -> ProblemAndFix:
    seen: dict[str, str] = {}
    for name, own in values.items():
        if not own.strip():
            return f"the file's name for {name} is empty", "Give it, or leave the line out"
        if own in seen:
            return (
                f'"{own}" is read as {seen[own]} and as {name}',
                "A column of the file can fill one column of vaxline",
            )
        seen[own] = name
    return None


def _ignore(values: tuple[str, ...]) -> ProblemAndFix:
    if any(not value.strip() for value in values):
        return "a name is empty", "Write the file's own name of the column"
    return None


def _defaults(values: Mapping[str, str]) -> ProblemAndFix:
    unknown = _known_columns(values)
    if unknown:
        return unknown
    from shared.exports.parsers import parser  # noqa: PLC0415 - few sources have defaults; keeps cold starts short

    for name, value in values.items():
        parse = parser(BY_NAME[name], Dates(_DEFAULT_FORMATS))
        if parse is not None and parse(value) is None:
            kind = BY_NAME[name].kind.value
            return f'"{value}" is not a value of {name} ({kind})', "Use a value that docs/exports.md allows there"
    return None


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """Return a suggestion to append to a fix, or the empty string where no allowed name is close."""
    import difflib  # noqa: PLC0415 - only for invalid files, which functions never read

    close = difflib.get_close_matches(value, list(allowed), n=1)
    return f". Did you mean {close[0]}?" if close else ""


# the schema -----------------------------------------------------------------------------------------------------------


class Key(msgspec.Struct, frozen=True):
    """One key of a section: its type, the check of its value, and whether it is required."""

    section: str
    name: str
    type: Any
    check: Check = _any
    required: bool = False


_StringMap = dict[str, str]
_Strings = tuple[str, ...]
_StringSet = frozenset[str]
_StringMaps = dict[str, dict[str, str]]

KEYS: Final[tuple[Key, ...]] = (
    Key("organization", "name", str, _not_empty, required=True),
    Key("organization", "sending_application", str, _not_empty),
    Key("organization", "sending_facility", str, _facility),
    Key("organization", "facility_id", str, _facility),
    Key("organization", "secret", str, _secret),
    Key("organization", "credentials_expire", date),
    Key("organization", "responsible_name", str),
    Key("organization", "responsible_id", str),
    Key("iis", "endpoint", str, _endpoint, required=True),
    Key("iis", "name", str, _not_empty),
    Key("iis", "profile", str, _one_of(*iis_profiles.PROFILES)),
    Key("iis", "receiving_application", str),
    Key("iis", "receiving_facility", str, _facility),
    Key("iis", "processing_id", str, _one_of("P", "T", "D")),
    Key("iis", "probe", str, _one_of(*get_args(Probe))),
    Key("iis", "maintenance", _Strings, _windows),
    Key("iis", "time_zone", str, _time_zone),
    Key("iis", "backfill_from", int, _at_least(0)),
    Key("iis", "backfill_per_minute", int, _at_least(1)),
    Key("iis", "query_limit", int, _at_least(1)),
    Key("iis", "query_pause", int, _at_least(0)),
    Key("iis", "query_hours", _Strings, _windows),
    Key("iis", "ready_days", int, _at_least(1)),
    Key("iis", "ready_messages", int, _at_least(1)),
    Key("iis", "ready_active_days", int, _at_least(1)),
    Key("iis", "holidays", frozenset[date]),
    Key("iis", "ca_bundle", str, _ca_bundle),
    Key("iis", "proxy", str, _proxy),
    Key("clinics", "name", str, _not_empty, required=True),
    Key("clinics", "facility", str, _facility, required=True),
    Key("clinics", "sending_facility", str, _facility),
    Key("clinics", "facility_id", str, _facility),
    Key("clinics", "secret", str, _secret),
    Key("clinics", "credentials_expire", date),
    Key("clinics", "responsible_name", str),
    Key("clinics", "responsible_id", str),
    Key("clinics", "export_names", _StringSet),
    Key("clinics", "status", str, _one_of(*get_args(ClinicStatus))),
    Key("clinics", "address", _StringMap),
    Key("clinics", "codes", _StringMaps),
    Key("clinics", "lots", _StringMaps),
    Key("sources", "format", str, _one_of(*sorted(FORMATS)), required=True),
    Key("sources", "clinic", str),
    Key("sources", "one_clinic", bool),
    Key("sources", "id_prefix", str, _id_prefix),
    Key("sources", "authority", str, _facility),
    Key("sources", "numbers_of", str),
    Key("sources", "strict", bool),
    Key("sources", "expected_every", str, _interval),
    Key("sources", "file_date", str, _file_date),
    Key("sources", "mrn_system", str, _not_empty),
    Key("sources", "time_zone", str, _time_zone),
    Key("sources", "clinic_by", str, _one_of(*get_args(ClinicBy))),
    Key("sources", "without_lot", str, _one_of(*get_args(WithoutLot))),
    Key("sources", "encoding", str, _encoding),
    Key("sources", "delimiter", str, _delimiter),
    Key("sources", "date_formats", _Strings, _date_formats),
    Key("sources", "columns", _StringMap, _columns),
    Key("sources", "ignore", _Strings, _ignore),
    Key("sources", "preset", str, _one_of(*PRESETS)),
    Key("sources", "defaults", _StringMap, _defaults),
    Key("sources", "codes", _StringMaps),
    Key("sources", "lots", _StringMaps),
)
SECTIONS: Final = ("organization", "iis", "clinics", "sources")
NAMED_SECTIONS: Final = frozenset({"clinics", "sources"})
FHIR_DEFAULTS: Final = ("eligibility", "funding_source")
ADDRESS_KEYS: Final = ("street", "other", "city", "state", "zip", "country", "county")


def documented_keys() -> Iterable[str]:
    """Yield every key by its full name, as docs/configuration.md lists it."""
    for key in KEYS:
        yield f"{key.section}.<name>.{key.name}" if key.section in NAMED_SECTIONS else f"{key.section}.{key.name}"
