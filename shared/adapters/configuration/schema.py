"""The schema of clinics.toml: one row per key, with its type and what its value must be."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from shared.domain import expectation, maintenance
from shared.domain.hl7 import iis_profiles
from shared.exports.columns import BY_NAME
from shared.exports.formats import FORMATS
from shared.exports.values import Dates

# What is wrong with a value and what to do; None where nothing is.
Trouble = tuple[str, str] | None
Check = Callable[[Any], Trouble]


# Checks of one value --------------------------------------------------------------------------------------------------

KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SECRET: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,200}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HD_LENGTH: Final = 20
_DEFAULT_FORMATS: Final = ("%Y-%m-%d",)
_DAYS: Final = (date(2026, 3, 2), date(1999, 12, 31))


def _any(_: Any) -> Trouble:
    return None


def _filled(value: str) -> Trouble:
    return None if value.strip() else ("it is empty", "Give it a value")


def _facility(value: str) -> Trouble:
    """HD.1 (namespace) has 20 characters at most (HL7 v2.5.1, 2.A.33); an OID may be longer."""
    if not value.strip():
        return "it is empty", "Enter the code that the IIS assigned"
    if value != value.strip() or any(character.isspace() for character in value):
        return "it holds spaces", "Enter the code as the IIS assigned it"
    if len(value) > _HD_LENGTH and not re.fullmatch(r"[0-9.]{1,199}", value):
        return f"it is longer than {_HD_LENGTH} characters", "Enter the code that the IIS assigned, not the name"
    return None


def _endpoint(value: str) -> Trouble:
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


def _one_of(*allowed: str) -> Check:
    def check(value: str) -> Trouble:
        if value in allowed:
            return None
        return f"it is not one of {', '.join(allowed)}", f"Use one of them{did_you_mean(value, allowed)}"

    return check


def _secret(value: str) -> Trouble:
    if not _SECRET.fullmatch(value):
        return "it is not a secret's name", "Use letters, digits and /_+=.@- only"
    if value.startswith(("vaxline/", "arn:")):
        return "it names the stage or the account", "Name only what follows vaxline/<stage>/"
    return None


def _windows(values: tuple[str, ...]) -> Trouble:
    for value in values:
        if maintenance.window(value) is None:
            return (
                f'"{value}" is not a window',
                'Write it as "Sun 02:00-06:00", "Mon-Fri 23:30-00:30" or "daily 03:00-03:30"',
            )
    return None


def _every(value: str) -> Trouble:
    if expectation.every(value):
        return None
    return "it does not say how often", 'Write it as "1 day", "26 hours", "1 weekday" or "2 weeks"'


def _at_least(least: int) -> Check:
    def check(value: int) -> Trouble:
        return None if value >= least else (f"it is below {least}", f"Use a whole number from {least} on")

    return check


def _time_zone(value: str) -> Trouble:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - nearly every IIS is on the default's clock

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "there is no such time zone", 'Use a name of the IANA database, such as "America/New_York"'
    return None


# Escapes rather than encodings: what they decode to may hold half characters, or be no text of an export at all.
_NO_ENCODINGS: Final = frozenset({"utf_7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})


def _encoding(value: str) -> Trouble:
    try:
        name = codecs.lookup(value).name
        "".encode(value)
    except (LookupError, ValueError):
        return "Python knows no such text encoding", 'Use "utf-8" or "windows-1252"'
    if not name or name.replace("-", "_") in _NO_ENCODINGS:
        return "it is not a text encoding", 'Use "utf-8" or "windows-1252"'
    return None


def _delimiter(value: str) -> Trouble:
    if len(value) == 1 and value not in '"\r\n' and not value.isalnum():
        return None
    return "it is not a single delimiter", r'Use "," or ";" or "|" or "\t"'


def _date_formats(values: tuple[str, ...]) -> Trouble:
    if not values:
        return "it is empty", 'Name at least one strptime format, such as "%Y-%m-%d"'
    for form in values:
        for day in _DAYS:
            if Dates((form,)).day(day.strftime(form)) != day.strftime("%Y%m%d"):
                return f'"{form}" does not tell year, month and day', 'Use a strptime format such as "%m/%d/%Y"'
    return None


def _columns(values: Mapping[str, str]) -> Trouble:
    return _known_columns(values) or _twice(values)


def _known_columns(values: Mapping[str, str]) -> Trouble:
    for name in values:
        if name not in BY_NAME:
            return (
                f"vaxline has no column {name}",
                f"Put vaxline's name on the left and the file's on the right{did_you_mean(name, BY_NAME)}",
            )
    return None


def _twice(values: Mapping[str, str]) -> Trouble:
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


def _defaults(values: Mapping[str, str]) -> Trouble:
    unknown = _known_columns(values)
    if unknown:
        return unknown
    from shared.exports.parsers import parser  # noqa: PLC0415 - few sources have defaults, every cold start comes here

    for name, value in values.items():
        parse = parser(BY_NAME[name], Dates(_DEFAULT_FORMATS))
        if parse is not None and parse(value) is None:
            kind = BY_NAME[name].kind.value
            return f'"{value}" is not a value of {name} ({kind})', "Use a value that docs/exports.md allows there"
    return None


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """The end of a fix: the name that was probably meant."""
    import difflib  # noqa: PLC0415 - what a function reads was checked before it was pushed

    close = difflib.get_close_matches(value, list(allowed), n=1)
    return f". Did you mean {close[0]}?" if close else ""


# The schema -----------------------------------------------------------------------------------------------------------


class Key(msgspec.Struct, frozen=True):
    """One key of a section: its type, whether it must be there, and what its value must be."""

    section: str
    name: str
    type: Any
    check: Check = _any
    required: bool = False


_Texts = dict[str, str]
_List = tuple[str, ...]
_Frozen = frozenset[str]
_Tables = dict[str, dict[str, str]]

KEYS: Final[tuple[Key, ...]] = (
    Key("organization", "name", str, _filled, required=True),
    Key("organization", "sending_application", str, _filled),
    Key("organization", "sending_facility", str, _facility),
    Key("organization", "facility_id", str, _facility),
    Key("organization", "secret", str, _secret),
    Key("organization", "credentials_expire", date),
    Key("organization", "responsible_name", str),
    Key("organization", "responsible_id", str),
    Key("iis", "endpoint", str, _endpoint, required=True),
    Key("iis", "name", str, _filled),
    Key("iis", "profile", str, _one_of(*iis_profiles.PROFILES)),
    Key("iis", "receiving_application", str),
    Key("iis", "receiving_facility", str, _facility),
    Key("iis", "processing_id", str, _one_of("P", "T", "D")),
    Key("iis", "probe", str, _one_of("connectivityTest", "connect")),
    Key("iis", "maintenance", _List, _windows),
    Key("iis", "time_zone", str, _time_zone),
    Key("iis", "backfill_from", int, _at_least(0)),
    Key("iis", "backfill_per_minute", int, _at_least(1)),
    Key("iis", "query_limit", int, _at_least(1)),
    Key("iis", "query_pause", int, _at_least(0)),
    Key("iis", "query_hours", _List, _windows),
    Key("clinics", "name", str, _filled, required=True),
    Key("clinics", "facility", str, _facility, required=True),
    Key("clinics", "sending_facility", str, _facility),
    Key("clinics", "facility_id", str, _facility),
    Key("clinics", "secret", str, _secret),
    Key("clinics", "credentials_expire", date),
    Key("clinics", "responsible_name", str),
    Key("clinics", "responsible_id", str),
    Key("clinics", "export_names", _Frozen),
    Key("clinics", "address", _Texts),
    Key("clinics", "codes", _Tables),
    Key("clinics", "lots", _Tables),
    Key("sources", "format", str, _one_of(*sorted(FORMATS)), required=True),
    Key("sources", "clinic", str),
    Key("sources", "one_clinic", bool),
    Key("sources", "strict", bool),
    Key("sources", "expected_every", str, _every),
    Key("sources", "clinic_by", str, _one_of("name", "identifier")),
    Key("sources", "without_lot", str, _one_of("hold", "historical")),
    Key("sources", "encoding", str, _encoding),
    Key("sources", "delimiter", str, _delimiter),
    Key("sources", "date_formats", _List, _date_formats),
    Key("sources", "columns", _Texts, _columns),
    Key("sources", "defaults", _Texts, _defaults),
    Key("sources", "codes", _Tables),
    Key("sources", "lots", _Tables),
)
SECTIONS: Final = ("organization", "iis", "clinics", "sources")
NAMED_SECTIONS: Final = frozenset({"clinics", "sources"})
FHIR_DEFAULTS: Final = ("eligibility", "funding_source")
ADDRESS_KEYS: Final = ("street", "other", "city", "state", "zip", "country", "county")


def documented() -> Iterable[str]:
    """Every key by its full name, as docs/configuration.md must have it."""
    for key in KEYS:
        yield f"{key.section}.<name>.{key.name}" if key.section in NAMED_SECTIONS else f"{key.section}.{key.name}"
