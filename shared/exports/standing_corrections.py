"""Corrections by a person that stay in force until the EHR itself changes the value that was corrected.

A value of a dose belongs to that dose. So do the clinic and the record number, because a person who corrects them says
where this dose belongs, and nothing about the patient's others. Every other value of the patient belongs to the chart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.chart import Chart, Correction
from shared.domain.clinics import Source
from shared.domain.model import Code, Dose, Finding, Patient, Visit
from shared.exports.columns import BY_NAME, FROM_PATIENT
from shared.exports.corrections import (
    ANOTHER_PERSON,
    ASSIGNMENT,
    CORRECTABLE,
    FILLS,
    SAME_PERSON,
    corrected,
    is_of_dose,
    numbered,
    numbers_of,
)
from shared.replaced import replace

_LENGTH: Final = 16
"""Hexadecimal characters of the hash of an EHR's value."""

PLACES: Final = ("patient_id", "clinic")
"""The columns that say where a dose belongs."""

_BETWEEN_PEOPLE: Final = " / "


def in_force(
    before: Visit, changes: Mapping[str, str], earlier: Sequence[Correction], doses: Collection[str], source: Source
) -> tuple[Correction, ...]:
    """Return the corrections to keep in the chart.

    Args:
        before: The visit before it was corrected.
        changes: `column` or `column[number of the dose]` → new value.
        earlier: The corrections that were in force. Where one of them made the value that is corrected now, the EHR's
            value is the one that it corrected.
        doses: The ids of the doses that the correction speaks of.
        source: The feed, for the formats of dates.
    """
    kept: list[Correction] = []
    for target, value in changes.items():
        if target == SAME_PERSON:
            kept += [Correction("", SAME_PERSON, value, _hash_of_people(finding)) for finding in _of_people(before)]
            continue
        named = ASSIGNMENT.fullmatch(target)
        if named is None or named.group(1) not in CORRECTABLE:
            continue
        column = named.group(1)
        for dose in _doses_of(before, target, column, doses):
            dose_id = dose.id if dose else ""
            found = _hash_of(before, dose, column)
            of_column = [one for one in earlier if (one.dose, one.column) == (dose_id, column)]
            made_it = next((one for one in reversed(of_column) if _result_of(one, before, source) == found), None)
            kept.append(Correction(dose_id, column, value, made_it.instead_of if made_it else found))
    return tuple(kept)


def with_corrections(visit: Visit, corrections: Iterable[Correction], source: Source) -> Visit:
    """Return a visit with those corrections that are in force for it: the EHR still says what was corrected."""
    for one in corrections:
        number = _number_of(visit, one.dose)
        if number == 0 or not _is_in_force(one, visit):
            continue
        if one.column == SAME_PERSON:
            kept = [finding for finding in visit.findings if not _says_one_person(one, finding)]
            visit = replace(visit, findings=tuple(kept))
            continue
        result = corrected(visit, {numbered(one.column, number): one.value}, source)
        visit = result if isinstance(result, Visit) else _unread(visit, one, number)
    return visit


def still_standing(corrections: Iterable[Correction], visits: Sequence[Visit]) -> tuple[Correction, ...]:
    """Return the corrections that are not ended by newer content of the EHR.

    A correction ends when the export has what it is about, and nowhere with the value that was corrected. That two sets
    of data are one person stays true.

    Args:
        corrections: The corrections of a chart.
        visits: The visits of the newest export of this patient, as the EHR has them.
    """

    def stands(one: Correction) -> bool:
        about = [visit for visit in visits if _number_of(visit, one.dose)]
        return one.column == SAME_PERSON or not about or any(_is_in_force(one, visit) for visit in about)

    return tuple(filter(stands, corrections))


def is_one_person(corrections: Iterable[Correction], finding: Finding) -> bool:
    """Whether somebody said that the two people of a finding are one person."""
    return any(_says_one_person(one, finding) for one in corrections)


def moved_corrections(chart: Chart, other: Chart, dose: str) -> Chart:
    """Return a chart with the corrections of a dose that comes from another chart, except that of its place."""
    of_dose = [one for one in other.corrections if one.dose == dose and one.column not in PLACES]
    if not of_dose:
        return chart
    return replace(chart, corrections=tuple(dict.fromkeys((*chart.corrections, *of_dose))))


def by_place(visit: Visit, corrections: Iterable[Correction]) -> Iterator[tuple[tuple[str, str], Visit]]:
    """Split a visit where a person said that some of its doses belong to another clinic or record number.

    Yields:
        The corrected record number and clinic, each empty if it was not corrected, and the visit with these doses.
    """
    places: dict[str, dict[str, str]] = {}
    for one in corrections:
        if one.column in PLACES and one.dose and _number_of(visit, one.dose) and _is_in_force(one, visit):
            places.setdefault(one.dose, {})[one.column] = one.value
    if not places:
        yield ("", ""), visit
        return
    groups: dict[tuple[str, str], list[Dose]] = {}
    for dose in visit.doses:
        mrn, clinic = (places.get(dose.id, {}).get(column, "") for column in PLACES)
        groups.setdefault((mrn, clinic), []).append(dose)
    # A row without a dose of its own goes with the first, so that no row is lost.
    left = {row for row in visit.rows if row not in {(dose.part, dose.row) for dose in visit.doses}}
    for place, doses in groups.items():
        ids, rows = {dose.id for dose in doses}, {(dose.part, dose.row) for dose in doses} | left
        left = set()
        yield (
            place,
            replace(
                visit,
                doses=tuple(doses),
                rows=tuple(row for row in visit.rows if row in rows),
                findings=tuple(finding for finding in visit.findings if finding.dose_id in ("", *ids)),
            ),
        )


def _unread(visit: Visit, one: Correction, number: int) -> Visit:
    """The visit, held because a correction cannot be read any more: the EHR's value is known to be wrong."""
    column, dose = BY_NAME[one.column], visit.doses[number - 1] if one.dose else None
    finding = Finding(
        "CORRECTION-UNREADABLE", column.path, dose.row if dose else 0, column.name, one.value, dose.id if dose else ""
    )
    return replace(visit, findings=(*visit.findings, finding))


def _doses_of(before: Visit, target: str, column: str, doses: Collection[str]) -> Iterator[Dose | None]:
    """The doses that a change is kept for; None is the patient."""
    if column in PLACES:
        # Rows that could not be read have no doses, and are read again as they are.
        yield from (dose for dose in before.doses if dose.id in doses)
    elif not is_of_dose(column):
        yield None
    else:
        for number in numbers_of(before, target):
            if number <= len(before.doses) and before.doses[number - 1].id in doses:
                yield before.doses[number - 1]


def _result_of(one: Correction, visit: Visit, source: Source) -> str:
    """A hash of the value that a correction makes; empty if it makes none."""
    result = corrected(visit, {numbered(one.column, _number_of(visit, one.dose)): one.value}, source)
    if isinstance(result, str):
        return ""
    return _hash_of(result, next((dose for dose in result.doses if dose.id == one.dose), None), one.column)


def _is_in_force(one: Correction, visit: Visit) -> bool:
    if one.column == SAME_PERSON:
        return any(_says_one_person(one, finding) for finding in visit.findings)
    dose = next((dose for dose in visit.doses if dose.id == one.dose), None)
    return _hash_of(visit, dose, one.column) == one.instead_of


def _number_of(visit: Visit, dose_id: str) -> int:
    """The number of a dose in a visit, from 1; 0 if it is not there, and 1 for a value of the patient."""
    if not dose_id:
        return 1
    return next((number for number, dose in enumerate(visit.doses, 1) if dose.id == dose_id), 0)


# two people that are one ----------------------------------------------------------------------------------------------


def _of_people(visit: Visit) -> Iterator[Finding]:
    return (finding for finding in visit.findings if finding.code == ANOTHER_PERSON)


def _says_one_person(one: Correction, finding: Finding) -> bool:
    return (one.column, finding.code) == (SAME_PERSON, ANOTHER_PERSON) and one.instead_of == _hash_of_people(finding)


def _hash_of_people(finding: Finding) -> str:
    """A hash of the two people of a finding, in any order."""
    return _hash(sorted(finding.value.split(_BETWEEN_PEOPLE)))


# values ---------------------------------------------------------------------------------------------------------------


def _hash_of(visit: Visit, dose: Dose | None, column: str) -> str:
    """A hash of the value of a column, as the reader understood it."""
    return _hash(_meaning(_value(visit, dose, column)))


def _hash(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:_LENGTH]


def _meaning(value: object) -> object:
    """A value without the display texts of its codes: new wording in a code table is no change of the EHR."""
    if isinstance(value, Code):
        return value.code, value.system, value.alternate_code, value.alternate_system
    if isinstance(value, list | tuple):
        return [_meaning(one) for one in value]
    return value


def _value(visit: Visit, dose: Dose | None, column: str) -> object:
    if column == "clinic":
        return visit.clinic
    if column not in FILLS:
        return _telecoms(visit.patient, column)
    holder: object = visit.patient if column in FROM_PATIENT else dose
    return None if holder is None else _at(holder, FILLS[column])


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
