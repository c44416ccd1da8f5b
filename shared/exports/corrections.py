"""Corrections of a visit by a person, by the names of columns: `lot=AB123`, `sex=F`, `lot[2]=…`.

`FILLS` has the place of each column's value in the domain. In a visit with several doses, a column of a dose needs the
number of the dose, so that a correction cannot change another one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from shared.domain import identity
from shared.domain.clinics import Source
from shared.domain.model import Address, Code, Finding, Name, NextOfKin, Telecom, Visit
from shared.exports import values
from shared.exports.column import CODED, Column, ColumnKind
from shared.exports.columns import BY_NAME, FROM_PATIENT
from shared.exports.parsers import parser
from shared.exports.values import Dates
from shared.replaced import replace

_PROVIDER: Final = {"npi": "id", "last_name": "family", "first_name": "given"}
_ADDRESS: Final = ("street", "other", "city", "state", "zip", "county", "country", "type")
_GUARDIAN: Final = {"last_name": ("name", "family"), "first_name": ("name", "given"), "relationship": ("relationship",)}
_SAME_NAME: Final = [
    "birth_date",
    "sex",
    "mothers_maiden_name",
    "ethnicity",
    "multiple_birth",
    "birth_order",
    "death_date",
    "publicity_date",
    "protection",
    "protection_date",
    "registry_status",
    "registry_status_date",
    "clinic",
    "completion",
    "information_source",
    "action",
    "ndc",
    "lot",
    "expiry",
    "amount",
    "units",
    "route",
    "site",
    "refusal_reason",
    "eligibility",
    "funding_source",
    "dose_number",
    "comment",
]

FILLS: Final[dict[str, tuple[str, ...]]] = {
    **{name: (name,) for name in _SAME_NAME},
    "patient_id": ("mrn",),
    "last_name": ("name", "family"),
    "first_name": ("name", "given"),
    "middle_name": ("name", "middle"),
    "suffix": ("name", "suffix"),
    "race": ("races",),
    **{f"address_{part}": ("addresses", "*", part) for part in _ADDRESS},
    "deceased": ("death_indicator",),
    **{f"guardian_{part}": ("next_of_kin", "*", *path) for part, path in _GUARDIAN.items()},
    "publicity_code": ("publicity",),
    "dose_date": ("date",),
    "cvx": ("vaccine",),
    "vaccine_name": ("vaccine", "text"),
    "mvx": ("manufacturer",),
    "vis_presented": ("vis", "*", "presented"),
    **{
        f"{role}_{part}": (role, attribute)
        for role in ("administered_by", "ordered_by", "entered_by")
        for part, attribute in _PROVIDER.items()
    },
}
_FIRST_OF: Final[dict[str, Any]] = {"addresses": Address(), "next_of_kin": NextOfKin(Name())}
_TELECOMS: Final = frozenset({"phone", "email", "guardian_phone"})
CORRECTABLE: Final = frozenset(FILLS) | _TELECOMS
"""The columns that can be corrected. The id of a dose is what its chart knows it by, so only the EHR can change it."""

SAME_PERSON: Final = "same_person"
"""A correction of this name says that two sets of patient data under one record number are one person."""

ANOTHER_PERSON: Final = "PATIENT-ANOTHER"
"""The finding that such a correction resolves. Its value shows both people."""

_YES: Final = frozenset({"yes", "y", "true"})
ASSIGNMENT: Final = re.compile(r"([a-z_]+)(?:\[(\d+)\])?")
# A correction of these columns resolves these findings, which name no column of their own.
_RESOLVED: Final[Mapping[str, frozenset[str]]] = {
    "patient_id": frozenset({"ROW-PATIENT-MISSING", ANOTHER_PERSON}),
    "dose_date": frozenset({"ROW-DATE-UNREADABLE"}),
}


def corrected(visit: Visit, changes: Mapping[str, str], source: Source) -> Visit | str:
    """Return a visit with corrections.

    Args:
        visit: The visit.
        changes: `column` or `column[number of the dose]` → new value, empty to clear it.
        source: Its feed, for the formats of dates.

    Returns:
        The corrected visit, or why it cannot be corrected.
    """
    dates = Dates(source.date_formats)
    for target, raw in changes.items():
        result = _same_person(visit, raw) if target == SAME_PERSON else _changed(visit, target, raw.strip(), dates)
        if isinstance(result, str):
            return result
        visit = result
    return visit


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several doses of a visit, with the changes as they have to be written for it."""

    number: int
    orc_3: str
    vaccine: str
    lot: str
    changes: Mapping[str, str]


def choices(visit: Visit, changes: Mapping[str, str], among: Collection[str]) -> tuple[Choice, ...]:
    """Return the doses that changes without number may be for; none if every change names its dose.

    Args:
        visit: The visit.
        changes: The changes, as for `corrected`.
        among: The ids of the doses to choose from.
    """
    if len(visit.doses) < 2 or not any(is_of_dose(target) for target in changes):
        return ()
    return tuple(
        Choice(
            number,
            identity.orc_3(dose.id, visit.numbering.prefix) if dose.id else "",
            " ".join(filter(None, (dose.vaccine.code or dose.ndc, dose.vaccine.text))),
            dose.lot,
            {numbered(target, number): raw for target, raw in changes.items()},
        )
        for number, dose in enumerate(visit.doses, 1)
        if dose.id in among
    )


def is_of_dose(column: str) -> bool:
    """Whether a column has a value for each dose, and not one for the patient or the visit."""
    return column in FILLS and column not in FROM_PATIENT and column != "clinic"


def numbered(column: str, number: int) -> str:
    """Return a column with the number of the dose that is meant, from 1, if the column has a value for each dose."""
    return f"{column}[{number}]" if is_of_dose(column) else column


def numbers_of(visit: Visit, target: str) -> tuple[int, ...]:
    """Return the number of the dose that a change is for; none for a value of the patient or the visit."""
    named = ASSIGNMENT.fullmatch(target)
    if named is None or not is_of_dose(named.group(1)):
        return ()
    return (int(named.group(2) or 1),) if named.group(2) or len(visit.doses) == 1 else ()


def _same_person(visit: Visit, raw: str) -> Visit | str:
    if raw.strip().lower() not in _YES:
        return f"{SAME_PERSON} can only be yes; two people need a record number each"
    kept = tuple(finding for finding in visit.findings if finding.code != ANOTHER_PERSON)
    if len(kept) == len(visit.findings):
        return f"{SAME_PERSON} is for {ANOTHER_PERSON}, which was not found here"
    return replace(visit, findings=kept)


def _changed(visit: Visit, target: str, raw: str, dates: Dates) -> Visit | str:
    named = ASSIGNMENT.fullmatch(target)
    column = BY_NAME.get(named.group(1)) if named else None
    if named is None or column is None:
        return f"there is no column {target!r}; docs/exports.md lists them"
    if column.name in _TELECOMS:
        return _telecom(visit, column, raw)
    if column.name not in FILLS:
        return f"{column.name} cannot be corrected here; correct it in the EHR and export the row again"
    if not raw and column.name in ("completion", "action"):
        return f"{column.name} cannot be empty"
    value = _value(column, raw, dates)
    if value is None:
        return f"{column.name}: {raw!r} is not a {column.kind.value}"
    path = FILLS[column.name]
    if column.name == "clinic":
        return replace(visit, clinic=raw)
    if column.name in FROM_PATIENT:
        changed = replace(visit, patient=_set(visit.patient, path, value))
        return _without(changed, column, "")
    return _in_dose(visit, column, int(named.group(2) or 0), path, value)


def _in_dose(visit: Visit, column: Column, number: int, path: tuple[str, ...], value: Any) -> Visit | str:
    count = len(visit.doses)
    if number == 0 and count > 1:
        return f"the visit has {count} doses: say which, {column.name}[1] to {column.name}[{count}]"
    if count < max(number, 1):
        return f"the visit has {count} doses that could be read"
    at = max(number, 1) - 1
    dose = _set(visit.doses[at], path, value)
    if column.kind is ColumnKind.NPI:
        kind = "NPI" if value else ""
        dose = replace(dose, **{path[0]: replace(getattr(dose, path[0]), authority=kind, id_type=kind)})
    doses = (*visit.doses[:at], dose, *visit.doses[at + 1 :])
    changed = replace(visit, doses=doses)
    if column.name == "dose_date" and count == 1:
        changed = replace(changed, date=dose.date)
    return _without(changed, column, dose.id if count > 1 else "")


def _without(visit: Visit, column: Column, dose_id: str) -> Visit:
    """The visit without the reader's findings about the corrected field."""

    def stays(finding: Finding) -> bool:
        if finding.code in _RESOLVED.get(column.name, ()):
            return False
        return finding.path != column.path or dose_id not in ("", finding.dose_id)

    return replace(visit, findings=tuple(finding for finding in visit.findings if stays(finding)))


def _value(column: Column, raw: str, dates: Dates) -> Any:
    """A text or codes, empty to clear; None if the value cannot be read."""
    parse = parser(column, dates)
    is_coded = column.kind in CODED
    if not raw:
        return () if is_coded else ""
    if column.name == "patient_id":
        return identity.normalized_id(raw)
    return raw if parse is None else parse(raw)


def _set(holder: Any, path: tuple[str, ...], value: Any) -> Any:
    """A copy of `holder` with the value at `path`. `*` is every element of a tuple, or a new one if it is empty."""
    name, *rest = path
    before = getattr(holder, name)
    if not rest:
        return replace(holder, **{name: _leaf(before, value)})
    if rest[0] == "*":
        elements = before or ((_FIRST_OF[name],) if name in _FIRST_OF else ())
        return replace(holder, **{name: tuple(_set(element, tuple(rest[1:]), value) for element in elements)})
    return replace(holder, **{name: _set(before, tuple(rest), value)})


def _leaf(before: Any, value: Any) -> Any:
    """The value in the type of the field: codes, one code, the member of an enumeration, or text."""
    if isinstance(before, tuple):
        return value
    if isinstance(value, tuple):
        code = value[0] if value else Code()
        if isinstance(before, Code):
            return code
        return type(before)(code.code) if isinstance(before, Enum) else code.code
    return value


def _telecom(visit: Visit, column: Column, raw: str) -> Visit | str:
    """Replaces the patient's (or the guardian's) telephone number or e-mail address."""
    is_email = column.kind is ColumnKind.EMAIL
    address = values.email(raw) if is_email and raw else None
    number = values.phone(raw) if not is_email and raw else None
    new = Telecom("NET", "Internet", email=address) if address else number
    if raw and new is None:
        return f"{column.name}: {raw!r} is not a {column.kind.value}"
    patient = visit.patient
    if column.name == "guardian_phone":
        if not patient.next_of_kin:
            return "the visit has no guardian; set guardian_last_name first"
        first = replace(patient.next_of_kin[0], telecoms=(new,) if new else ())
        changed = replace(patient, next_of_kin=(first, *patient.next_of_kin[1:]))
    else:
        kept = tuple(telecom for telecom in patient.telecoms if (telecom.use == "NET") != is_email)
        changed = replace(patient, telecoms=(*kept, new) if new else kept)
    return _without(replace(visit, patient=changed), column, "")
