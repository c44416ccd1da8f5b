"""Read clinics.toml and report all of its errors at once: key, value, what is wrong, what to do.

`schema.KEYS` has one row per key. msgspec checks the types. Rules that involve several keys, such as a source that
names a clinic, are checked here.
"""

from __future__ import annotations

import hashlib
import tomllib
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.adapters.configuration import codes, numbering
from shared.adapters.configuration.schema import (
    ADDRESS_KEYS,
    FHIR_DEFAULTS,
    KEYS,
    NAME,
    NAMED_SECTIONS,
    SECTIONS,
    did_you_mean,
)
from shared.domain import expectation, maintenance
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Address, Numbering
from shared.exports.columns import spelling
from shared.exports.formats import FORMATS
from shared.exports.presets import PRESETS

VERSION_LENGTH: Final = 12
_SHOWN: Final = 60


class ConfigurationProblem(msgspec.Struct, frozen=True):
    """One error: path of the key (`clinics.elm.facility`), its value as written, what is wrong, what to do."""

    key: str
    value: str
    problem: str
    fix: str

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.key}{shown}: {self.problem}. {self.fix}"


class InvalidConfigurationError(LookupError):
    """A clinics.toml has errors. The text lists them, one per line, each after the file's name.

    It is a LookupError because the `vaxline` command ends with the text of any LookupError.
    """

    def __init__(self, name: str, errors: tuple[ConfigurationProblem, ...]) -> None:
        super().__init__("\n".join(f"{name}: {error}" for error in errors))
        self.errors = errors


def read_configuration(text: str, name: str = "clinics.toml") -> Configuration:
    """Return the configuration in the text of a clinics.toml.

    Args:
        text: the content of the file.
        name: the file's name, for error messages.

    Raises:
        InvalidConfigurationError: it has errors.
    """
    result = parse_configuration(text)
    if isinstance(result, Configuration):
        return result
    raise InvalidConfigurationError(name, result)


def parse_configuration(text: str) -> Configuration | tuple[ConfigurationProblem, ...]:
    """Return the configuration in the text of a clinics.toml, or all of its errors."""
    text = text.removeprefix("\ufeff")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return (ConfigurationProblem("clinics.toml", "", f"it is not TOML: {error}", "Correct the line named"),)
    parser = _Parser(content)
    configuration = parser.parse(version_of(text))
    return configuration if configuration is not None else tuple(parser.errors)


def version_of(text: str) -> str:
    """Return the first 12 hexadecimal digits of the text's SHA-256, with line ends and trailing space normalized."""
    lines = (line.rstrip() for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    normalized = "\n".join(lines).strip("\n") + "\n"
    return hashlib.sha256(normalized.encode()).hexdigest()[:VERSION_LENGTH]


class _Parser:
    """Parses one file. Errors are collected, and parsing goes on wherever it can."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self.errors: list[ConfigurationProblem] = []

    def parse(self, version: str) -> Configuration | None:
        for name in self._content:
            if name not in SECTIONS:
                fix = f"Remove it{did_you_mean(name, SECTIONS)}"
                self._error(name, self._content[name], "there is no such section", fix)
        organization = self._section("organization", "organization", self._table("organization"))
        iis = self._section("iis", "iis", self._table("iis"))
        clinics = self._named("clinics")
        sources = self._named("sources")
        self._check_clinics(organization, clinics)
        self._check_sources(clinics, sources)
        for key, value, problem, fix in numbering.problems(organization, iis, clinics, sources):
            self._error(f"sources.{key}", value, problem, fix)
        self._check_codes("clinics", clinics)
        self._check_codes("sources", sources)
        if self.errors:
            return None
        return Configuration(
            version=version,
            organization=organization["name"],
            sending_application=organization.get("sending_application", "VAXLINE"),
            iis=_iis(iis),
            clinics=MappingProxyType({key: _clinic(key, table, organization) for key, table in clinics.items()}),
            sources=MappingProxyType(
                {name: _source(name, table, numbering.numbering(name, sources)) for name, table in sources.items()}
            ),
        )

    def _error(self, key: str, value: object, problem: str, fix: str) -> None:
        self.errors.append(ConfigurationProblem(key, _shown(value), problem, fix))

    # tables and values -----------------------------------------------------------------------------------------------

    def _table(self, name: str) -> dict[str, Any]:
        """Return the content of a top-level section; empty where it is missing or no section."""
        content = self._content.get(name)
        if content is None:
            heading = f"[{name}.…]" if name in NAMED_SECTIONS else f"[{name}]"
            self._error(name, None, "the section is missing", f"Add {heading}")
        elif isinstance(content, dict):
            return content
        else:
            self._error(name, content, "it is not a section", f"Write it as [{name}]")
        return {}

    def _named(self, section: str) -> dict[str, dict[str, Any]]:
        """Return the tables of `clinics` or `sources` by name."""
        tables: dict[str, dict[str, Any]] = {}
        content = self._table(section)
        if section in self._content and content == {} and isinstance(self._content[section], dict):
            self._error(section, None, "it is empty", f"Add [{section}.…]")
        for name, table in content.items():
            path = f"{section}.{name}"
            if not NAME.fullmatch(name):
                self._error(path, None, "its name has other characters than a-z, 0-9, - and _", "Choose another name")
            if isinstance(table, dict):
                tables[name] = self._section(section, path, table)
            else:
                self._error(path, table, "it is not a section", f"Write it as [{path}]")
        return tables

    def _section(self, section: str, path: str, table: dict[str, Any]) -> dict[str, Any]:
        """Return the valid values of one table; add an error for every other one."""
        keys = {key.name: key for key in KEYS if key.section == section}
        missing = [] if not table and section not in self._content else [k for k in keys.values() if k.required]
        for key in missing:
            if key.name not in table:
                self._error(f"{path}.{key.name}", None, "it is missing", "Add it")
        valid: dict[str, Any] = {}
        for name, value in table.items():
            if name not in keys:
                fix = f"Remove it{did_you_mean(name, keys)}"
                self._error(f"{path}.{name}", value, "there is no such key", fix)
                continue
            try:
                converted = msgspec.convert(value, keys[name].type)
            except msgspec.ValidationError as error:
                where = str(error).partition(" - at `$")[2].rstrip("`")
                problem = str(error).partition(" - at ")[0].replace("`", "").casefold()
                self._error(f"{path}.{name}{where}", value, problem, "Correct the type")
                continue
            problem_and_fix = keys[name].check(converted)
            if problem_and_fix:
                self._error(f"{path}.{name}", value, *problem_and_fix)
            else:
                valid[name] = converted
        return valid

    # rules that involve several keys ----------------------------------------------------------------------------------

    def _check_clinics(self, organization: dict[str, Any], clinics: dict[str, dict[str, Any]]) -> None:
        # Name in exports → clinic that has it; empty where it is a clinic's own key.
        owners: dict[str, str] = dict.fromkeys(clinics, "")
        has_sender = "sending_facility" in organization or self._is_given("organization", "sending_facility")
        for key, clinic in clinics.items():
            path = f"clinics.{key}"
            if not has_sender and "sending_facility" not in self._content["clinics"][key]:
                fix = "Add it here, or once as organization.sending_facility"
                self._error(f"{path}.sending_facility", None, "it is missing", fix)
            for name in sorted(clinic.get("export_names", ())):
                if name in owners and owners[name] != key and name != key:
                    other = owners[name] or name
                    fix = "A name in an export must mean one clinic"
                    self._error(f"{path}.export_names", name, f"clinics.{other} has this name already", fix)
                owners.setdefault(name, key)
            for name, value in clinic.get("address", {}).items():
                if name not in ADDRESS_KEYS:
                    fix = f"Remove it{did_you_mean(name, ADDRESS_KEYS)}"
                    self._error(f"{path}.address.{name}", value, "there is no such key", fix)

    def _is_given(self, section: str, name: str) -> bool:
        table = self._content.get(section)
        return isinstance(table, dict) and name in table

    def _check_sources(self, clinics: dict[str, dict[str, Any]], sources: dict[str, dict[str, Any]]) -> None:
        for name, source in sources.items():
            clinic = source.get("clinic", "")
            if clinic and clinic not in clinics:
                fix = f"Add [clinics.{clinic}], or name one that is there{did_you_mean(clinic, clinics)}"
                self._error(f"sources.{name}.clinic", clinic, "there is no such clinic", fix)
            if source.get("one_clinic") and not clinic:
                self._error(f"sources.{name}.one_clinic", True, "the source names no clinic", "Add the source's clinic")
            self._check_format(f"sources.{name}", source)

    def _check_codes(self, section: str, tables: dict[str, dict[str, Any]]) -> None:
        for name, table in tables.items():
            for key, value, problem, fix in codes.find_problems(table.get("codes", {}), table.get("lots", {})):
                self._error(f"{section}.{name}.{key}", value, problem, fix)

    def _check_format(self, path: str, source: dict[str, Any]) -> None:
        export_format = FORMATS.get(str(source.get("format")))
        preset = PRESETS.get(source.get("preset", ""))
        if preset is not None and export_format is not None and preset.format != export_format.name:
            problem = f"it is a layout of format {preset.format}"
            self._error(f"{path}.preset", source["preset"], problem, "Remove it, or correct the format")
        mapped = {spelling(own): name for name, own in source.get("columns", {}).items()}
        for own in source.get("ignore", ()):
            if spelling(own) in mapped:
                problem = f"columns reads it as {mapped[spelling(own)]}"
                self._error(f"{path}.ignore", own, problem, "Remove it from one of the two")
        if export_format is not None:
            for key in export_format.unused_keys:
                if key in source:
                    problem = f"it is not for sources of format {export_format.name}"
                    self._error(f"{path}.{key}", source[key], problem, "Remove it")
        if export_format is None or not export_format.has_columns:
            for key, value in source.get("defaults", {}).items():
                if key not in FHIR_DEFAULTS:
                    fix = f"Only {' and '.join(FHIR_DEFAULTS)} can have one here"
                    self._error(f"{path}.defaults.{key}", value, "it cannot have a default", fix)


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _clinic(key: str, table: dict[str, Any], organization: dict[str, Any]) -> Clinic:
    """Return a clinic, with the organization's sender, facilityID, secret and MSH-22 where it has none of its own."""

    def inherited(name: str, otherwise: str) -> str:
        value = table.get(name) or organization.get(name) or otherwise
        return str(value)

    sender = inherited("sending_facility", "")
    facility_id = str(table.get("facility_id") or table.get("sending_facility") or inherited("facility_id", sender))
    own_identity = "facility_id" in table or "sending_facility" in table
    signs_as_organization = not own_identity and "secret" not in table
    secret = table.get("secret") or (None if own_identity else organization.get("secret")) or facility_id
    return Clinic(
        key=key,
        name=table["name"],
        facility=table["facility"],
        sending_facility=sender,
        facility_id=facility_id,
        secret=str(secret),
        responsible_name=inherited("responsible_name", ""),
        responsible_id=inherited("responsible_id", ""),
        export_names=table.get("export_names", frozenset()),
        address=Address(**{"type": "", **table.get("address", {})}),
        local=codes.local_codes(table.get("codes", {}), table.get("lots", {})),
        credentials_expire=table.get(
            "credentials_expire", organization.get("credentials_expire") if signs_as_organization else None
        ),
        status=table.get("status", "active"),
    )


def _iis(table: dict[str, Any]) -> Iis:
    def windows(key: str) -> tuple[maintenance.Window, ...]:
        parsed = (maintenance.window(text) for text in table.get(key, ()))
        return tuple(window for window in parsed if window is not None)

    return Iis(**table | {key: windows(key) for key in ("maintenance", "query_hours")})


def _source(name: str, table: dict[str, Any], numbers: Numbering) -> Source:
    values: dict[str, Any] = {
        key: MappingProxyType(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if key not in ("codes", "lots", "expected_every", "id_prefix", "authority")
    }
    local = codes.local_codes(table.get("codes", {}), table.get("lots", {}))
    interval = expectation.parse_interval(table.get("expected_every", ""))
    preset = PRESETS.get(table.get("preset", ""))
    if preset is not None:
        values.setdefault("delimiter", preset.delimiter)
    return Source(name, local=local, expected_every=interval, numbering=numbers, **values)
