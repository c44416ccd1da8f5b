"""Which identifier of a Patient is the record number.

An EHR gives a Patient many numbers: of a merged chart, of the enterprise, of Medicare. The wrong one files doses under
another patient at the IIS. So a number is taken only where the export or clinics.toml says which it is; where it does
not, the visit is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from shared.domain.codes.table import normalized
from shared.domain.identity import normalized_id
from shared.exports.fhir import model as fhir
from shared.exports.fhir.periods import is_in_force
from shared.exports.fhir.systems import plain_system

# HL7 table 0203, in the order in which they are taken for the record number.
_RECORD_NUMBERS: Final = ("MR", "PI", "PT")
_TEXTS: Final = frozenset({"mr", "mrn", "medical record number", "medical record", "patient mrn", "chart number"})
# Other types of table 0203 that patients have.
_OTHER_NUMBERS: Final = frozenset(
    {"AC", "AN", "ANC", "ANON", "BC", "BCT", "BR", "BRN", "CC", "CY", "CZ", "DC", "DI", "DL", "DN", "DR", "EI", "EN"}
    | {"GN", "HC", "JHN", "MA", "MB", "MC", "MCD", "MCN", "MCR", "MCT", "MI", "NH", "NI", "NIIP", "NPI", "PC", "PE"}
    | {"PEN", "PHC", "PN", "PNT", "PPN", "PRC", "PRN", "RI", "RR", "RRI", "SB", "SL", "SN", "SP", "SR", "SS", "TAX"}
    | {"VISA", "VN", "WC", "WCN", "XX"}
)
_OTHER_TEXTS: Final = re.compile(
    r"\b(?:ssn|social security|medicare|medicaid|mbi|hicn|driver|licen[cs]e|passport|insurance|member|account|tax)\b",
    re.IGNORECASE,
)
# US national systems by URL, and the OIDs of SSN, driver's licenses, EIN, NPI, passports, Medicare (HICN and MBI).
_NATIONAL: Final = re.compile(
    r"hl7\.org/fhir/sid/us-|2\.16\.840\.1\.113883\.4\.(?:1|3(?:\.\d+)*|4|6|330(?:\.\d+)*|572|927)$"
)
_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}")
# A Medicare Beneficiary Identifier has this form, and no letter S, L, O, I, B or Z (CMS, MBI format).
_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}"
)
# Of several numbers of one type in force, one for use counts more than a secondary or temporary one.
_FOR_USE: Final = frozenset({"usual", "official"})


class RecordNumber(msgspec.Struct, frozen=True):
    """The record number of a Patient.

    Attributes:
        value: The number; empty if none is clearly it.
        problem: Why none is, with the numbers in question.
        is_id: No identifier is a record number, so the id of the resource stands for it.
    """

    value: str = ""
    problem: str = ""
    is_id: bool = False


class RecordNumbers(msgspec.Struct, frozen=True):
    """The rule by which an export's record numbers are found.

    Attributes:
        as_of: The day of the export (ISO 8601): a number whose period ended before it is not in force.
        system: The system of the record numbers (`mrn_system` in clinics.toml); empty if none is configured.
    """

    as_of: str = ""
    system: str = ""

    def of(self, identifiers: Iterable[fhir.Identifier], resource_id: str) -> RecordNumber:
        """Return the record number of a Patient.

        With `system`, it is the number of that system. Else it is the one of type MR, else PI or PT, else the only one
        of no other known type. A national number never is it, and neither is one that is no longer in force.

        Args:
            identifiers: Its identifiers.
            resource_id: The id of the resource, which stands for the number where a Patient has none.
        """
        numbers = [each for each in identifiers if normalized_id(each.value)]
        if self.system:
            wanted = plain_system(self.system)
            candidates = [each for each in numbers if plain_system(each.system) == wanted]
            return self._only(candidates) or RecordNumber(problem=f"no number of {self.system}: {_shown(numbers)}")
        numbers = [each for each in numbers if not _is_national(each)]
        for kind in _RECORD_NUMBERS:
            found = self._only([each for each in numbers if kind in _kinds(each)])
            if found is not None:
                return found
        found = self._only([each for each in numbers if not _kinds(each)])
        return found or RecordNumber(normalized_id(resource_id), is_id=True)

    def _only(self, candidates: list[fhir.Identifier]) -> RecordNumber | None:
        """The one number of several; None if there is none at all."""
        current = [each for each in candidates if each.use != "old" and is_in_force(each.period, self.as_of)]
        for numbers in (current, [each for each in current if each.use in _FOR_USE]):
            values = dict.fromkeys(normalized_id(each.value) for each in numbers)
            if len(values) == 1:
                return RecordNumber(next(iter(values)))
        if current:
            return RecordNumber(problem=f"several: {_shown(current)}")
        return RecordNumber(problem=f"none in force: {_shown(candidates)}") if candidates else None


def _kinds(identifier: fhir.Identifier) -> set[str]:
    """The types of table 0203 that an identifier has; `?` for one that is known not to be a record number."""
    return set(_each_kind(identifier))


def _each_kind(identifier: fhir.Identifier) -> Iterator[str]:
    for coding in identifier.type.coding:
        code = coding.code.upper()
        if code in _RECORD_NUMBERS:
            yield code
        elif code in _OTHER_NUMBERS:
            yield "?"
    for text in (identifier.type.text, *(coding.display for coding in identifier.type.coding)):
        if normalized(text) in _TEXTS:
            yield "MR"
        elif _OTHER_TEXTS.search(text):
            yield "?"


def _is_national(identifier: fhir.Identifier) -> bool:
    value = identifier.value.strip()
    return bool(_NATIONAL.search(plain_system(identifier.system)) or _SSN.fullmatch(value) or _MBI.fullmatch(value))


def _shown(identifiers: Iterable[fhir.Identifier]) -> str:
    return ", ".join(f"{each.system or each.type.text or 'no system'} {each.value}" for each in identifiers) or "none"
