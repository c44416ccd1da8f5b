"""Corrections by a person that stay in force until the EHR itself changes the value that was corrected."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.chart import Correction
from shared.domain.clinics import Source
from shared.domain.model import Dose, Patient, Visit
from shared.exports.columns import BY_NAME, FROM_PATIENT
from shared.exports.corrections import ASSIGNMENT, FILLS, corrected

_LENGTH: Final = 16
"""Hexadecimal characters of the hash of an EHR's value."""

_TELECOMS: Final = ("phone", "email", "guardian_phone")


def in_force(
    before: Visit, changes: Mapping[str, str], earlier: Iterable[Correction], doses: Collection[str]
) -> tuple[Correction, ...]:
    """Return the corrections to keep in the chart.

    Args:
        before: The visit before it was corrected.
        changes: `column` or `column[number of the dose]` → new value.
        earlier: The corrections that were in force: what they corrected is still the EHR's value.
        doses: The ids of the doses that the correction speaks of.
    """
    of_ehr = {(one.dose, one.column): one.instead_of for one in earlier}
    kept: list[Correction] = []
    for target, value in changes.items():
        named = ASSIGNMENT.fullmatch(target)
        column = BY_NAME.get(named.group(1)) if named else None
        if named is None or column is None or column.name == "dose_id":
            continue
        dose = None if _is_of_visit(column.name) else _numbered(before, int(named.group(2) or 1))
        if dose is not None and dose.id not in doses:
            continue
        dose_id = dose.id if dose else ""
        instead_of = of_ehr.get((dose_id, column.name)) or _hash_of(before, dose, column.name)
        kept.append(Correction(dose_id, column.name, value, instead_of))
    return tuple(kept)


def with_corrections(visit: Visit, corrections: Iterable[Correction], source: Source) -> Visit:
    """Return a visit with those corrections that are in force for it: the EHR still says what was corrected."""
    for one in corrections:
        number = _number_of(visit, one.dose)
        if number == 0 or not _is_in_force(one, visit):
            continue
        target = one.column if not one.dose else f"{one.column}[{number}]"
        result = corrected(visit, {target: one.value}, source)
        if isinstance(result, Visit):
            visit = result
    return visit


def still_standing(corrections: Iterable[Correction], visits: Sequence[Visit]) -> tuple[Correction, ...]:
    """Return the corrections that are not ended by newer content of the EHR.

    Args:
        corrections: The corrections of a chart.
        visits: The visits of the newest export of this patient, as the EHR has them.
    """
    return tuple(
        one for one in corrections if all(_is_in_force(one, visit) for visit in visits if _number_of(visit, one.dose))
    )


def _is_in_force(one: Correction, visit: Visit) -> bool:
    dose = next((dose for dose in visit.doses if dose.id == one.dose), None)
    return _hash_of(visit, dose, one.column) == one.instead_of


def _is_of_visit(column: str) -> bool:
    return column in FROM_PATIENT or column == "clinic"


def _number_of(visit: Visit, dose_id: str) -> int:
    """The number of a dose in a visit, from 1; 0 if it is not there, and 1 for a value of the visit."""
    if not dose_id:
        return 1
    return next((number for number, dose in enumerate(visit.doses, 1) if dose.id == dose_id), 0)


def _numbered(visit: Visit, number: int) -> Dose | None:
    return visit.doses[number - 1] if number <= len(visit.doses) else None


def _hash_of(visit: Visit, dose: Dose | None, column: str) -> str:
    """A hash of the value of a column, as the reader understood it."""
    value = _value(visit, dose, column)
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:_LENGTH]


def _value(visit: Visit, dose: Dose | None, column: str) -> object:
    if column in _TELECOMS:
        return _telecoms(visit.patient, column)
    path = FILLS[column]
    if column == "clinic":
        return visit.clinic
    holder: object = visit.patient if column in FROM_PATIENT else dose
    return None if holder is None else _at(holder, path)


def _telecoms(patient: Patient, column: str) -> object:
    if column == "guardian_phone":
        return [kin.telecoms for kin in patient.next_of_kin]
    return [one for one in patient.telecoms if (one.use == "NET") == (column == "email")]


def _at(holder: object, path: tuple[str, ...]) -> object:
    for place, name in enumerate(path):
        if name == "*":
            elements = holder if isinstance(holder, tuple) else ()
            return [_at(element, path[place + 1 :]) for element in elements]
        holder = attrgetter(name)(holder)
    return holder
