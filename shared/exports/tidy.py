"""The rules of every format about the values of a patient and a dose.

Words for nothing become empty (`blanks`), states become two letters and zip codes whole (`places`), and an amount of 0
or 999 is unknown. What is left out although it said something has a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

import msgspec

from shared.domain import places
from shared.domain.codes.races import HISPANIC, NOT_HISPANIC, is_detail
from shared.domain.model import NO_CODE, Address, Code, Dose, Finding, Name, NextOfKin, Patient, Provider
from shared.exports import blanks, damage, values
from shared.exports.columns import BY_NAME, column_of
from shared.exports.corrections import FILLS
from shared.replaced import replace

_ETHNIC_GROUPS: Final = frozenset({HISPANIC.code, NOT_HISPANIC})
_NAME_PARTS: Final = ("family", "given", "middle", "suffix")
_PLACE_PARTS: Final = ("street", "other", "city", "state", "county")
_TEXTS: Final = (
    ("id", blanks.identity),
    ("placer_id", blanks.identity),
    ("dose_number", blanks.word),
    ("comment", blanks.word),
)
_COLUMN_OF: Final = {path: BY_NAME[name] for name, path in reversed(FILLS.items())}
_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_ROLES: Final = ("administered_by", "ordered_by", "entered_by")


class Tidying:
    """Brings the values of one export's patients and doses in order."""

    def __init__(self, own_names: Mapping[str, str]) -> None:
        """Begin.

        Args:
            own_names: The names that the source's files have for vaxline's columns, for findings.
        """
        self._own_names = own_names

    def patient(self, patient: Patient, row: int) -> tuple[Patient, tuple[Finding, ...]]:
        """Return a patient in order, and findings about what was left out."""
        # Most patients are in order.
        return (patient, ()) if _is_in_order(patient) else self._patient_in_order(patient, row)

    def _patient_in_order(self, patient: Patient, row: int) -> tuple[Patient, tuple[Finding, ...]]:
        findings: list[Finding] = []
        patient = self._mended(patient, (), row, findings)
        if blanks.is_damaged(patient.mrn):
            findings.append(self._finding("PATIENT-ID-DAMAGED", "PID-3", row, patient.mrn))
        name = _name(patient.name)
        races, ethnicity = patient.races, patient.ethnicity
        if any(race.alternate_code or race.code in _ETHNIC_GROUPS for race in races) or ethnicity.alternate_code:
            races, ethnicity = self._races(races, ethnicity, row, findings)
        maiden = blanks.name(patient.mothers_maiden_name)
        addresses = self._addresses(patient.addresses, "PID-11", row, findings)
        kin = self._next_of_kin(patient.next_of_kin, row, findings) if patient.next_of_kin else ()
        aliases = tuple(alias for other in patient.aliases if (alias := _name(other)))
        if (
            name is patient.name
            and maiden == patient.mothers_maiden_name
            and addresses == patient.addresses
            and kin == patient.next_of_kin
            and aliases == patient.aliases
            and races is patient.races
            and ethnicity is patient.ethnicity
        ):
            return patient, tuple(findings)
        in_order = replace(
            patient,
            name=name,
            mothers_maiden_name=maiden,
            races=races,
            ethnicity=ethnicity,
            addresses=addresses,
            next_of_kin=kin,
            aliases=aliases,
        )
        return in_order, tuple(findings)

    def dose(self, dose: Dose, findings: list[Finding]) -> Dose:
        """Return a dose in order; adds findings about what was left out."""
        number, lot = dose.id, dose.lot
        by, ordered, entered = dose.administered_by, dose.ordered_by, dose.entered_by
        texts = (number, lot, dose.placer_id, dose.dose_number, dose.comment, by.family, by.given, ordered.family)
        more = (ordered.given, entered.family, entered.given)
        if (
            blanks.SUSPECT.isdisjoint((*texts, *more))
            and "".join((*texts, *more, dose.vaccine.text)).isascii()
            and (number.isalnum() or not blanks.is_damaged(number))
            and (lot.isalnum() or not blanks.is_damaged(lot))
            and not values.is_unknown_amount(dose.amount)
        ):
            # Most doses are in order. This saves 20 us, 5 % of what converting a row costs.
            return dose
        return self._dose_in_order(dose, findings)

    def _dose_in_order(self, dose: Dose, findings: list[Finding]) -> Dose:
        dose = self._mended(dose, (), dose.row, findings)
        changes: dict[str, Any] = {}
        if dose.id and blanks.is_damaged(dose.id):
            findings.append(self._finding("DOSE-ID-DAMAGED", "ORC-3", dose.row, dose.id))
        if dose.lot and (lot := self._lot(dose, findings)) != dose.lot:
            changes["lot"] = lot
        if dose.amount and values.is_unknown_amount(dose.amount):
            if not dose.amount.startswith(values.UNKNOWN_AMOUNT) and dose.is_administered_here:
                findings.append(self._finding("AMOUNT-ZERO", "RXA-6", dose.row, dose.amount))
            changes |= {"amount": "", "units": NO_CODE}
        for name, said in _TEXTS:
            text = getattr(dose, name)
            if text and not said(text):
                changes[name] = ""
        for role in _ROLES:
            provider: Provider = getattr(dose, role)
            if provider.family or provider.given:
                family, given = blanks.name(provider.family), blanks.name(provider.given)
                if family != provider.family or given != provider.given:
                    changes[role] = replace(provider, family=family, given=given)
        return replace(dose, **changes) if changes else dose

    def _lot(self, dose: Dose, findings: list[Finding]) -> str:
        lot = blanks.lot(dose.lot)
        if not blanks.is_damaged(lot):
            return lot
        findings.append(self._finding("LOT-DAMAGED", "RXA-15", dose.row, lot))
        return ""

    def _mended(self, value: _Struct, path: tuple[str, ...], row: int, findings: list[Finding]) -> _Struct:
        """A struct with its texts repaired, and a finding for each that was damaged."""
        changes: dict[str, Any] = {}
        for name in value.__struct_fields__:
            part = getattr(value, name)
            whole: Any
            if isinstance(part, str) and not isinstance(part, Enum):
                whole, code = damage.mended(part)
                if code:
                    findings.append(self._of_damage(code, (*path, name), row, whole))
            elif isinstance(part, msgspec.Struct):
                whole = self._mended(part, (*path, name), row, findings)
            elif isinstance(part, tuple):
                whole = tuple(self._mended(one, (*path, name, "*"), row, findings) for one in part)
            else:
                continue
            if whole != part:
                changes[name] = whole
        return msgspec.structs.replace(value, **changes) if changes else value

    def _of_damage(self, code: str, path: tuple[str, ...], row: int, value: str) -> Finding:
        """The finding about a damaged text, with the column that fills it."""
        column = _COLUMN_OF.get(path)
        if column is None:
            return Finding(code, "", row, ".".join(part for part in path if part != "*"), value)
        return Finding(code, column.path, row, self._own_names.get(column.name, column.name), value)

    # parts ------------------------------------------------------------------------------------------------------------

    def _finding(self, code: str, path: str, row: int, value: str) -> Finding:
        return Finding(code, path, row, column_of(path, self._own_names), value)

    def _races(
        self, stated: tuple[Code, ...], ethnicity: Code, row: int, findings: list[Finding]
    ) -> tuple[tuple[Code, ...], Code]:
        """Races and ethnicity: the combined question of SPD-15 has Hispanic or Latino among the races."""
        hispanic = next((race for race in stated if race.code == HISPANIC.code), NO_CODE)
        kept = {race.code or race.alternate_code: race for race in reversed(stated) if race.code not in _ETHNIC_GROUPS}
        if hispanic and not ethnicity:
            ethnicity = hispanic
        elif hispanic and ethnicity.code == NOT_HISPANIC:
            findings.append(self._finding("ETHNICITY-CONTRADICTS", "PID-22", row, hispanic.code))
        findings += [
            self._finding("CODE-ROLLED-UP", path, row, code.alternate_code)
            for path, code in (*(("PID-10", race) for race in stated), ("PID-22", ethnicity))
            if code.code and is_detail(code)
        ]
        return tuple(reversed(kept.values())), ethnicity

    def _addresses(
        self, addresses: tuple[Address, ...], path: str, row: int, findings: list[Finding]
    ) -> tuple[Address, ...]:
        in_order: list[Address] = []
        for address in addresses:
            place, wrong = places.located(_without_words(address))
            findings += [
                self._finding("VALUE-LEFT-OUT", f"{path}.{component}", row, value) for component, value in wrong
            ]
            if place:
                in_order.append(place)
        return tuple(in_order)

    def _next_of_kin(self, kin: tuple[NextOfKin, ...], row: int, findings: list[Finding]) -> tuple[NextOfKin, ...]:
        return tuple(self._relatives(kin, row, findings))

    def _relatives(self, kin: tuple[NextOfKin, ...], row: int, findings: list[Finding]) -> Iterator[NextOfKin]:
        for relative in kin:
            name = _name(relative.name)
            places_there = self._addresses((relative.address,), "NK1-4", row, findings) if relative.address else ()
            address = places_there[0] if places_there else Address()
            if not name:
                continue
            is_same = name is relative.name and address == relative.address
            yield relative if is_same else replace(relative, name=name, address=address)


def _is_in_order(patient: Patient) -> bool:
    """Whether nothing of a patient can have to be changed."""
    name = patient.name
    texts = (name.family, name.given, name.middle, name.suffix, patient.mothers_maiden_name)
    if not blanks.NO_NAMES.isdisjoint(texts) or not "".join(texts).isascii() or not patient.mrn.isascii():
        return False
    if patient.ethnicity.alternate_code or patient.aliases or not (patient.mrn.isalnum() or _is_sound(patient.mrn)):
        return False
    for race in patient.races:
        if race.alternate_code or race.code in _ETHNIC_GROUPS:
            return False
    for address in patient.addresses:
        if not address or _without_words(address) is not address or not places.is_located(address):
            return False
        if not f"{address.street}{address.other}{address.city}".isascii():
            return False
    for relative in patient.next_of_kin:
        name = relative.name
        if relative.address or not name or _name(name) is not name or not f"{name.family}{name.given}".isascii():
            return False
    return True


def _is_sound(number: str) -> bool:
    return not blanks.is_damaged(number)


def _name(name: Name) -> Name:
    """A name without the parts that say nothing."""
    if blanks.NO_NAMES.isdisjoint((name.family, name.given, name.middle, name.suffix)):
        return name
    return replace(name, **{part: blanks.name(getattr(name, part)) for part in _NAME_PARTS})


def _without_words(address: Address) -> Address:
    """An address without the parts that say nothing. 00000 is a zip code that stands for none: `places` names it."""
    texts = (address.street, address.other, address.city, address.state, address.county, address.zip)
    if blanks.SUSPECT.isdisjoint(texts):
        return address
    zip_there = "" if address.zip == "0" or blanks.says_nothing(address.zip) else address.zip
    return replace(address, zip=zip_there, **{part: blanks.word(getattr(address, part)) for part in _PLACE_PARTS})
