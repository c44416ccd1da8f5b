"""Reads the rows of an export back from the spool, as visits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from shared.domain import model
from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import visits
from shared.exports.fhir import dose as fhir_dose
from shared.exports.fhir import lenient
from shared.exports.fhir import model as fhir
from shared.exports.fhir import patient as fhir_patient
from shared.exports.fhir.identifiers import RecordNumbers
from shared.exports.fhir.lookup import Actors, Lookup
from shared.exports.fhir.spool import DELETED, OLDER, ResourceSpool, StoredRow
from shared.exports.fhir.unread import Unread
from shared.exports.moments import zone_of
from shared.exports.visits import Defaults, Entry
from shared.replaced import replace

_NAMED: Final = re.compile(r"Immunization/([^/?]+)")
_NOBODY: Final = model.Patient()


class Rows:
    """The rows of one export, read once."""

    def __init__(
        self, spool: ResourceSpool, source: Source, names: Sequence[str], numbers: RecordNumbers, unread: Unread
    ) -> None:
        self._spool = spool
        self._source = source
        self._names = names
        self._numbers = numbers
        self._unread = unread
        self._zone = zone_of(source.time_zone)
        self._actors = Actors(spool, unread, numbers.as_of)
        self._defaults = Defaults.of(source)
        self._last_patient: tuple[str, model.Patient, tuple[Finding, ...]] = ("", _NOBODY, ())

    def visits(self) -> Iterator[Visit]:
        """Yield the visits by patient and day."""
        for (mrn, day), rows in groupby(self._spool.rows(), key=lambda row: row[:2]):
            clinics: dict[str, list[Entry]] = {}
            older: dict[int, list[StoredRow]] = {}
            for row in rows:
                if row.fault == OLDER:
                    older.setdefault(row.newest, []).append(row)
                    continue
                clinic, entry = self._entry(row)
                entries = [*self._older(older.pop(row.number, ()), entry), entry]
                if mrn and entry.dose is not None and (day or visits.deletes_by_id(entry)):
                    clinics.setdefault(clinic, []).extend(entries)
                else:
                    yield visits.visit(self._source, clinic, day if entry.dose else "", entries)
            for clinic, entries in clinics.items():
                yield from visits.of_patient(self._source, clinic, day, entries)
        unknown = self._unread.of_export()
        if unknown:
            yield visits.about_file(self._source, unknown)

    def _older(self, rows: Sequence[StoredRow], newest: Entry) -> Iterator[Entry]:
        """Older versions of a row: they are accounted for in its visit, and nothing of them is read."""
        for row in rows:
            finding = Finding("RESOURCE-OLDER", "RXA", row.row, "Immunization.meta", f"row {newest.row} is newer")
            yield Entry(self._names[row.part], row.row, newest.patient, None, (finding,))

    def _entry(self, row: StoredRow) -> tuple[str, Entry]:
        part = self._names[row.part]
        read = _resource(row)
        if isinstance(read, Finding):
            return "", Entry(part, row.row, _NOBODY, None, (read,), row.payload.decode().strip())
        resource, left_out = read

        lookup = Lookup(self._actors, resource, row.scope)
        dose, findings = fhir_dose.dose(resource, row.row, part, lookup, self._zone)
        dose = self._defaults.applied(dose)
        patient, problems = self._patient_of(row, resource)
        all_findings = [replace(problem, row=row.row) for problem in problems] + list(findings)
        all_findings += lenient.findings(left_out, fhir.Immunization, "RXA", row.row)
        all_findings += self._unread.findings(row.payload, "Immunization", "RXA", row.row)
        raw = ""
        if not row.mrn or not row.day:
            raw = row.payload.decode().strip()
        if not row.day:
            value = resource.occurrence
            all_findings.append(Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, "Immunization.occurrence[x]", value))
        clinic = self._clinic(resource, lookup)
        all_findings += [replace(finding, row=row.row) for finding in lookup.said]
        entry = Entry(part, row.row, patient, dose, tuple(all_findings), raw)
        if not raw and visits.is_unfindable(entry):
            entry = replace(entry, raw=row.payload.decode().strip())
        return clinic, entry

    def _patient_of(self, row: StoredRow, resource: fhir.Immunization) -> tuple[model.Patient, tuple[Finding, ...]]:
        """The patient of a row, with its findings. Rows of one patient are consecutive, so the last one is kept."""
        reference = resource.patient
        value = reference.reference or reference.identifier.value or reference.display
        if not row.patient:
            code = "PATIENT-REPLACED" if row.is_replaced else "PATIENT-NOT-IN-EXPORT"
            return _NOBODY, (Finding(code, "PID", column="Immunization.patient", value=value),)
        if self._last_patient[0] != row.patient:
            payload = self._spool.resource(row.patient)
            assert payload is not None
            read, left_out = lenient.decode(payload, fhir.Patient)
            patient, findings = fhir_patient.patient(read, row.mrn, self._numbers.as_of, self._zone)
            findings = (*lenient.findings(left_out, fhir.Patient, "PID"), *findings)
            findings += tuple(self._unread.findings(payload, "Patient", "PID", row.row))
            self._last_patient = (row.patient, patient, (*self._of_number(read, row.mrn, value), *findings))
        patient, findings = self._last_patient[1:]
        if row.is_replaced:
            findings = (Finding("PATIENT-MERGED", "PID-3", column="Patient.link", value=value), *findings)
        return patient, findings

    def _of_number(self, resource: fhir.Patient, mrn: str, reference: str) -> Iterator[Finding]:
        """Findings about the record number of a Patient."""
        if mrn and mrn != resource.id:
            return
        number = self._numbers.of(resource.identifier, resource.id)
        if number.problem:
            yield Finding("PATIENT-ID-UNCLEAR", "PID-3", column="Patient.identifier", value=number.problem)
        elif not mrn:
            yield Finding("PATIENT-NOT-IN-EXPORT", "PID", column="Immunization.patient", value=reference)
        elif number.is_id:
            yield Finding("PATIENT-ID-OF-RESOURCE", "PID-3", column="Patient.id", value=mrn)

    def _clinic(self, resource: fhir.Immunization, lookup: Lookup) -> str:
        """The export's name or number of the clinic; empty for the source's own, which reports historical doses."""
        source = self._source
        if source.one_clinic or (resource.is_primary is False and source.clinic):
            return ""
        location = lookup.actor(resource.location)
        name = location.name if location and isinstance(location.name, str) else ""
        names = [name, resource.location.display]
        identifiers = [resource.location.identifier, *(location.identifier if location else ())]
        numbers = [identifier.value for identifier in identifiers]
        candidates = [*numbers, *names] if source.clinic_by == "identifier" else [*names, *numbers]
        # A place that cannot be looked up is not the source's own clinic.
        candidates.append(resource.location.reference)
        return next((candidate.strip() for candidate in candidates if candidate.strip()), "")


def _resource(row: StoredRow) -> tuple[fhir.Immunization, tuple[str, ...]] | Finding:
    """The Immunization of a row and the elements that were left out, or what is wrong with it.

    A deletion needs no more than its id.
    """
    code, _, reason = row.fault.partition(" ")
    is_deleted = code == DELETED
    if is_deleted and not row.payload.startswith(b"{"):
        # A DELETE entry: its URL is Immunization/id, or a search that does not tell the id.
        named = _NAMED.fullmatch(row.payload.decode())
        return fhir.deletion(named[1] if named else ""), ()
    if not code or is_deleted:
        try:
            resource, left_out = lenient.decode(row.payload, fhir.Immunization)
        except msgspec.DecodeError as error:
            code, reason = "IMMUNIZATION-UNREADABLE", str(error)
        else:
            return replace(resource, status=fhir.IN_ERROR) if is_deleted else resource, left_out
    deletion = fhir.deletion_in(row.payload)
    return (deletion, ()) if deletion else Finding(code, "RXA", row.row, "line", reason)
