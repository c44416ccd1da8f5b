"""The visits of one patient in one export as parts: the doses of one clinic, one day and one action."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.chart import Chart
from shared.domain.clinics import Source
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.model import Action, Dose, Finding, Visit
from shared.domain.person import Person, differences
from shared.exports import visits as reading
from shared.exports.standing_corrections import by_place, is_one_person
from shared.replaced import replace
from shared.usecases.findings import is_error
from shared.usecases.intake.arrival import Arrival
from shared.usecases.intake.builder import Rows


@dataclass(frozen=True, slots=True)
class Part:
    """The doses of a patient at one clinic on one day, as the export has them.

    `mrn` is the record number that a person gave them instead of the export's; empty if nobody did.
    """

    visit: Visit
    clinic: str
    fingerprints: Mapping[str, str]
    mark: int
    is_deletion: bool
    mrn: str = ""

    @property
    def date(self) -> str:
        return self.visit.date


def parts_of(visits: Sequence[Visit], chart: Chart, arrival: Arrival) -> Iterator[Part]:
    """Sort the visits of one patient into parts, without doses that a later row of the file deletes.

    Args:
        visits: All visits that the export has of the patient.
        chart: The patient's chart, with the corrections that are in force.
        arrival: The export.
    """
    yield from _without_deleted_later(list(_parts(visits, chart, arrival)))


def _parts(visits: Sequence[Visit], chart: Chart, arrival: Arrival) -> Iterator[Part]:
    places: dict[tuple[str, str, str, int], list[Visit]] = {}
    for number, whole in enumerate(visits):
        # Rows that could not be placed are kept apart.
        alone = 0 if whole.date and whole.patient.mrn else number + 1
        for (mrn, clinic), visit in by_place(whole, chart.corrections):
            places.setdefault((_clinic_of(arrival, clinic or visit.clinic), visit.date, mrn, alone), []).append(visit)
    taken: set[str] = set()
    for (clinic, _, mrn, _), group in places.items():
        visit = group[0] if len(group) == 1 else reading.joined(group, arrival.source)
        visit = _placed(visit, taken, arrival.source)
        taken.update(dose.id for dose in visit.doses)
        for one in _by_action(visit):
            is_deletion = _is_deletion(one)
            yield Part(one, clinic, dose_fingerprints(one), mark_of(one.rows), is_deletion=is_deletion, mrn=mrn)


def _clinic_of(arrival: Arrival, exported: str) -> str:
    clinic = arrival.configuration.clinic_for(arrival.source, exported)
    return clinic.key if clinic else exported


def _placed(visit: Visit, taken: set[str], source: Source) -> Visit:
    """The visit without ids that vaxline derived for doses of another clinic on the same day."""
    if taken.isdisjoint(dose.id for dose in visit.doses):
        return visit
    mrn = visit.patient.mrn
    own = {dose.id for dose in visit.doses}
    doses = [
        reading.at_next_place(dose, mrn, source, taken | (own - {dose.id}))
        if dose.id in taken and reading.is_derived(dose, mrn, source)
        else dose
        for dose in visit.doses
    ]
    return replace(visit, doses=tuple(doses))


def of_two_people(parts: Iterable[Part], chart: Chart) -> dict[Rows, list[Finding]]:
    """Findings of visits whose patient is another person than the chart's, or than that of another visit."""
    people = {
        part.visit.rows: Person.of(part.visit.patient) for part in parts if part.visit.patient.mrn and not part.mrn
    }
    known = chart.person
    if known == Person() and len(people) < 2:
        return {}
    found: dict[Rows, list[Finding]] = {}
    distinct = list(dict.fromkeys(people.values()))
    for rows, person in people.items():
        against = [known] if known != Person() else [one for one in distinct if one is not person]
        other = next((one for one in against if differences(person, one)), None)
        if other is not None:
            row = rows[0][1] if rows else 0
            finding = Finding("PATIENT-ANOTHER", "PID", row, "patient", f"{person} / {other}")
            if not is_one_person(chart.corrections, finding):
                found[rows] = [finding]
    return found


def says_nothing_new(chart: Chart, visits: Iterable[Visit], arrival: Arrival) -> bool:
    """Whether the chart has everything that the visits of its patient say, so that nothing has to be drafted.

    Args:
        chart: The chart as the ledger has it.
        visits: All visits that the export has of the patient.
        arrival: The export.
    """
    if chart.work_of(arrival.file_id).made:
        return False
    known = chart.by_id()
    for visit in visits:
        clinic = arrival.configuration.clinic_for(arrival.source, visit.clinic)
        if clinic is None or not visit.doses:
            return False
        for dose, fingerprint in dose_fingerprints(visit).items():
            # A dose counts once: the same id at two places is a conflict.
            state = known.pop(dose, None)
            if state is None or state.is_deleted or state.is_held:
                return False
            if state.fingerprint != fingerprint or state.clinic != clinic.key:
                return False
    return True


def _without_deleted_later(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts without doses that a later row of the file deletes without naming another day.

    A file may be a log. A deletion in an earlier row, or of another day, means that the dose moved.
    """
    deleted = {
        (dose.id, dose.part): (dose.row, part.date) for part in parts if part.is_deletion for dose in part.visit.doses
    }
    for part in parts:
        if part.is_deletion or not deleted:
            yield part
            continue
        kept = tuple(
            dose for dose in part.visit.doses if not _is_deleted_later(dose, part, deleted.get((dose.id, dose.part)))
        )
        if len(kept) == len(part.visit.doses):
            yield part
        elif kept:
            yield replace(part, visit=replace(part.visit, doses=kept))


def _is_deleted_later(dose: Dose, part: Part, deletion: tuple[int, str] | None) -> bool:
    if deletion is None:
        return False
    row, date = deletion
    return row > dose.row and date in ("", part.date)


def _is_deletion(visit: Visit) -> bool:
    """Whether a visit deletes doses that can be found. With an error of the reader it is held as it is."""
    is_deletion = bool(visit.doses) and all(dose.action is Action.DELETE for dose in visit.doses)
    return is_deletion and not any(map(is_error, visit.findings))


def _by_action(visit: Visit) -> Iterator[Visit]:
    """The deletions of a visit, and the rest of it."""
    deleted = [dose for dose in visit.doses if dose.action is Action.DELETE]
    if not deleted or len(deleted) == len(visit.doses):
        yield visit
        return
    places, ids = {(dose.part, dose.row) for dose in deleted}, {dose.id for dose in deleted}
    yield replace(
        visit,
        doses=tuple(deleted),
        rows=tuple(row for row in visit.rows if row in places),
        findings=tuple(finding for finding in visit.findings if finding.dose_id in ids),
        raw="",
    )
    yield replace(
        visit,
        doses=tuple(dose for dose in visit.doses if dose.action is not Action.DELETE),
        rows=tuple(row for row in visit.rows if row not in places),
        findings=tuple(finding for finding in visit.findings if finding.dose_id not in ids),
    )


def twice_in_file(part: Part, ids: Mapping[str, int]) -> Iterator[Finding]:
    """Findings of ids that the export has at several clinics or on several days."""
    for dose in part.visit.doses:
        if ids[dose.id] > 1:
            yield Finding("DOSE-ID-ANOTHER", "ORC-3", dose.row, "dose_id", dose.id, dose.id)


def rows_of(part: Part, doses: Iterable[str]) -> Rows:
    """The rows of some doses of a part."""
    ids = set(doses)
    places = {(dose.part, dose.row) for dose in part.visit.doses if dose.id in ids}
    return tuple(row for row in part.visit.rows if row in places)


def mark_of(rows: Rows) -> int:
    return zlib.crc32(repr(rows).encode())
