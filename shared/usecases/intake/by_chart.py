"""The visits of an export by the charts that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.domain import identity
from shared.domain.chart import Chart
from shared.domain.model import Action, Dose, Visit
from shared.domain.person import Person, differences
from shared.ports.ledger import Charts, DoseIndex
from shared.replaced import replace
from shared.usecases.findings import is_error


def by_chart(visits: Sequence[Visit], space: str, dose_index: DoseIndex, charts: Charts) -> dict[str, list[Visit]]:
    """Return visits by the key of their chart.

    A deletion that names no patient goes by the id of its dose. So does one under a record number that never had the
    dose: it was moved there or its patient was merged, and no export brought it before it was deleted.

    Args:
        visits: Visits of one number space, each with rows.
        space: The number space (`clinics.number_space`).
        dose_index: Names the chart of a dose.
        charts: The charts that it names, and those of the record numbers.
    """
    patients: dict[str, list[Visit]] = {}
    deleting = [visit for visit in visits if any(dose.action is Action.DELETE for dose in visit.doses)]
    found = _found(deleting, space, dose_index, charts) if deleting else {}
    for visit in visits:
        for key, part in _parts(visit, space, found):
            patients.setdefault(key, []).append(part)
    return patients


def _own_key(visit: Visit, space: str) -> str:
    return identity.chart_key(space, visit.patient.mrn) if visit.patient.mrn else identity.chart_key_of_rows(visit)


def _found(deleting: Sequence[Visit], space: str, dose_index: DoseIndex, charts: Charts) -> dict[tuple[str, str], str]:
    """The charts of deleted doses that are not those of their visits, by the visit's chart and the dose's id."""
    ids = {dose.id for visit in deleting for dose in visit.doses if dose.action is Action.DELETE}
    index = dose_index.find(identity.dose_key(space, dose) for dose in ids)
    others = {dose: index[key] for dose in ids if (key := identity.dose_key(space, dose)) in index}
    moved = [
        (visit, _own_key(visit, space), dose.id)
        for visit in deleting
        for dose in visit.doses
        if dose.id in others and others[dose.id] != _own_key(visit, space)
    ]
    known = charts.get(dict.fromkeys(key for _, own, dose in moved for key in (own, others[dose])))
    return {
        (own, dose): others[dose]
        for visit, own, dose in moved
        if _goes_by_id(visit, dose, known.get(own, Chart(own)), known.get(others[dose]))
    }


def _goes_by_id(visit: Visit, dose_id: str, own: Chart, other: Chart | None) -> bool:
    if not visit.patient.mrn:
        return True
    if other is None or own.dose(dose_id) is not None or any(map(is_error, visit.findings)):
        return False
    return not differences(other.person, Person.of(visit.patient))


def _parts(visit: Visit, space: str, found: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, Visit]]:
    """A visit, divided where its deletions have other charts. The first part has the rows that are of no dose too."""
    own = _own_key(visit, space)
    charts: dict[str, list[Dose]] = {}
    for dose in visit.doses:
        key = found.get((own, dose.id), own) if dose.action is Action.DELETE else own
        charts.setdefault(key, []).append(dose)
    if not charts.keys() - {own}:
        yield own, visit
        return
    rest = set(visit.rows) - {(dose.part, dose.row) for dose in visit.doses}
    for key, doses in charts.items():
        rows = rest | {(dose.part, dose.row) for dose in doses}
        # In its own chart the dose may have another record number.
        patient = visit.patient if key == own else replace(visit.patient, mrn="")
        part = tuple(row for row in visit.rows if row in rows)
        yield key, replace(visit, patient=patient, doses=tuple(doses), rows=part)
        rest = set()
