"""Port `Exports` for FHIR R4 bulk exports: NDJSON of Patient, Immunization, Practitioner, Organization and Location.

Files may come in any order and have any name; each line names its resource type. All lines are spooled before the
first visit is built, because a line may refer to one in a later file. The rows of a set are its Immunization lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from urllib.parse import unquote

import msgspec

from shared.domain import model
from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals, values, visits
from shared.exports.fhir import dose as fhir_dose
from shared.exports.fhir import model as fhir
from shared.exports.fhir import patient as fhir_patient
from shared.exports.kinds import TEXT, sentence, wrong_kind
from shared.exports.spool import Row, Spool
from shared.exports.text import LONGEST_CELL, LONGEST_LINE, Damaged, Text, repaired
from shared.exports.visits import Defaults, Entry
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace

IMMUNIZATION: Final = re.compile(r'"resourceType"\s*:\s*"Immunization"')
_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?$")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?identifier=(.*)$")
_DATA_NAME: Final = re.compile("immunization|patient|practitioner|organization|location")
_FINDINGS_PER_FILE: Final = 100
_ACTORS_KEPT: Final = 2_000


class FhirBulkExports:
    """Port `Exports`: reads all files of a set together."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        return FhirSet(parts, source, objects).visits()


def reference_name(reference: fhir.Reference) -> str:
    """Return the name by which the spool finds the target of a reference.

    Returns:
        `Type/id`, `Type?system|value` or `urn:…`; empty if the reference has none of these forms.
    """
    text = reference.reference
    if text.startswith("urn:"):
        return text
    match = _CONDITIONAL.search(text)
    if match:
        return f"{match[1]}?{unquote(match[2])}"
    match = _RELATIVE.search(text)
    return f"{match[1]}/{match[2]}" if match else ""


class FhirSet:
    """One set of files, read through a spool."""

    def __init__(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> None:
        self._parts = parts
        self._names = [arrivals.name(part.key) for part in parts]
        self._source = source
        self._objects = objects
        self._findings: list[Finding] = []
        self._rows = 0
        self._actors: dict[str, fhir.Actor | None] = {}
        self._defaults = Defaults.of(source)
        self._last_patient: tuple[str, model.Patient, tuple[Finding, ...]] = ("", model.Patient(), ())

    def visits(self) -> Iterator[Visit]:
        """Read all files, then yield the visits by patient and day."""
        with Spool() as spool:
            for number, part in enumerate(self._parts):
                kind = self._spool_part(number, part, spool)
                if kind:
                    value = f"{self._names[number]}: {sentence(kind, self._source.format)}"
                    yield visits.about_file(self._source, [Finding("FILE-WRONG-KIND", column="file", value=value)])
                    return
            if self._rows == 0:
                self._findings.append(Finding("FILE-EMPTY", column="file"))
            if self._findings:
                yield visits.about_file(self._source, self._findings)
            yield from self._spooled_visits(spool)

    # into the spool ---------------------------------------------------------------------------------------------------

    def _spool_part(self, number: int, part: StoredObject, spool: Spool) -> str:
        """Spool one file of the set.

        Returns:
            What it is, if it is of a wrong kind. Nothing of the set is read then: its other files refer to it.
        """
        name = self._names[number]
        with self._objects.open(part) as stream:
            if name == arrivals.MANIFEST:
                if arrivals.listed(stream.read(arrivals.MANIFEST_CAP)) is None:
                    self._note("MANIFEST-UNREADABLE", 0, name)
                return ""
            text = Text(stream, self._source.encoding)
            kind = wrong_kind(self._source.format, text.head, text.encoding)
            if kind and not (kind == TEXT and self._is_stray(name)):
                return kind
            self._lines(number, text, spool)
        return ""

    def _is_stray(self, name: str) -> bool:
        """Whether a file may be in the folder by chance, such as a log or a list of checksums."""
        plain = name.casefold().removesuffix(".gz")
        return len(self._parts) > 1 and not plain.endswith((".ndjson", ".json")) and not _DATA_NAME.search(plain)

    def _lines(self, number: int, text: Text, spool: Spool) -> None:
        name, count, noted = self._names[number], 0, 0
        is_of_immunizations = "immunization" in name.casefold()
        try:
            for count, line in enumerate(text, 1):
                if line.isspace():
                    continue
                kind = self._line(number, count, line, spool, is_of_immunizations=is_of_immunizations)
                if kind:
                    is_of_immunizations = kind == "Immunization"
                elif noted < _FINDINGS_PER_FILE:
                    noted += 1
                    self._note("RESOURCE-UNREADABLE", count, name)
        except Damaged as damage:
            self._note(damage.code, count, name)
        if text.cut_line:
            if is_of_immunizations:
                self._bad_row(number, count + 1, text.cut_line, "ROW-CUT-OFF", spool)
            else:
                self._note("RESOURCE-UNREADABLE", count + 1, name)
        if text.is_cut:
            self._note(text.cut_by, count, name)

    def _line(self, number: int, count: int, line: str, spool: Spool, *, is_of_immunizations: bool) -> str:
        """Spool one line.

        Returns:
            Its resource type; empty if it cannot be read and is not an Immunization, so that it becomes a finding
            about the file.
        """
        if len(line) >= LONGEST_LINE:
            return self._long_line(number, count, line, spool, is_of_immunizations=is_of_immunizations)
        try:
            return self._resource(number, count, line.encode(), spool)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            if IMMUNIZATION.search(line) or is_of_immunizations:
                reason = str(error) if isinstance(error, msgspec.DecodeError) else "the line is not UTF-8"
                self._bad_row(number, count, line, f"IMMUNIZATION-UNREADABLE {reason}", spool)
                return "Immunization"
            return ""

    def _long_line(self, number: int, count: int, line: str, spool: Spool, *, is_of_immunizations: bool) -> str:
        start = line[: LONGEST_CELL // 8]
        if not (IMMUNIZATION.search(start) or is_of_immunizations):
            return ""
        self._bad_row(number, count, start, "IMMUNIZATION-UNREADABLE the line is too long", spool)
        return "Immunization"

    def _resource(self, number: int, count: int, payload: bytes, spool: Spool, full_url: str = "") -> str:
        """Spool one resource.

        Args:
            number: The index of its file in the set.
            count: Its line in the file, from 1.
            payload: The resource as JSON.
            spool: Receives it.
            full_url: The name that a Bundle gives it, in addition to its type and id.

        Returns:
            Its resource type.

        Raises:
            msgspec.DecodeError: The payload is no resource.
        """
        if fhir.is_too_deep(payload):
            raise msgspec.DecodeError("it is nested too deeply")
        first = fhir.LINE.decode(payload)
        if first.resourceType == "Immunization":
            self._rows += 1
            day = values.iso_day(first.occurrenceDateTime or first.date) or ""
            spool.add(Row(reference_name(first.patient), day, "", number, count, "", payload))
        elif first.resourceType == "Patient":
            fhir.PATIENT.decode(payload)
            self._keep(first, payload, spool, full_url)
        elif first.resourceType in fhir.LOOKED_UP:
            fhir.ACTOR.decode(payload)
            self._keep(first, payload, spool, full_url)
        return first.resourceType

    def _bad_row(self, number: int, count: int, line: str, fault: str, spool: Spool) -> None:
        self._rows += 1
        payload = repaired(line.rstrip("\r\n"))[0].encode("utf-8", "replace")
        spool.add(Row("", "", "", number, count, fault, payload))

    @staticmethod
    def _keep(first: fhir.Line, payload: bytes, spool: Spool, full_url: str) -> None:
        kind = first.resourceType
        url_name = reference_name(fhir.Reference(full_url))
        name = f"{kind}/{first.id}" if first.id or not url_name else url_name
        identifiers = [identifier for identifier in first.identifier if identifier.value]
        aliases = [f"{kind}?{identifier.system}|{identifier.value}" for identifier in identifiers]
        aliases += [f"{kind}?{identifier.value}" for identifier in identifiers]
        aliases += [url_name] if url_name not in ("", name) else []
        mrn = fhir_patient.record_number(first.identifier, first.id) if kind == "Patient" else ""
        spool.add_resource(name, mrn, payload, aliases)

    def _note(self, code: str, row: int, name: str) -> None:
        self._findings.append(Finding(code, row=row, column="file", value=name))

    # out of the spool -------------------------------------------------------------------------------------------------

    def _spooled_visits(self, spool: Spool) -> Iterator[Visit]:
        for (mrn, day), rows in groupby(spool.by_resource(), key=lambda row: row[:2]):
            clinics: dict[str, list[Entry]] = {}
            for row in rows:
                clinic, entry = self._entry(row, spool)
                if mrn and day and entry.dose is not None:
                    clinics.setdefault(clinic, []).append(entry)
                else:
                    yield visits.visit(self._source, clinic, day if entry.dose else "", [entry])
            for clinic, entries in clinics.items():
                yield visits.visit(self._source, clinic, day, entries)

    def _entry(self, row: Row, spool: Spool) -> tuple[str, Entry]:
        part = self._names[row.part]
        if row.fault:
            code, _, reason = row.fault.partition(" ")
            return "", _unreadable(part, row, code, reason)
        try:
            resource = fhir.IMMUNIZATION.decode(row.payload)
        except msgspec.DecodeError as error:
            return "", _unreadable(part, row, "IMMUNIZATION-UNREADABLE", str(error))

        def find(reference: fhir.Reference) -> fhir.Actor | None:
            return self._actor(reference, resource, spool)

        dose, findings = fhir_dose.dose(resource, row.row, part, find)
        dose = self._defaults.applied(dose)
        patient, problems = self._patient_of(row, resource, spool)
        all_findings = [replace(problem, row=row.row) for problem in problems] + list(findings)
        raw = ""
        if not row.patient or not row.day:
            raw = row.payload.decode().strip()
        if not row.day:
            value = resource.occurrence
            all_findings.append(Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, "Immunization.occurrence[x]", value))
        clinic = self._clinic(resource, find)
        return clinic, Entry(part, row.row, patient, dose, tuple(all_findings), raw)

    def _patient_of(
        self, row: Row, resource: fhir.Immunization, spool: Spool
    ) -> tuple[model.Patient, tuple[Finding, ...]]:
        """The patient of a row, with its findings. Rows of one patient are consecutive, so the last one is kept."""
        reference, mrn = row.clinic, row.patient
        if not mrn:
            value = resource.patient.reference or resource.patient.display
            finding = Finding("PATIENT-NOT-IN-EXPORT", "PID", column="Immunization.patient", value=value)
            return model.Patient(), (finding,)
        if self._last_patient[0] != reference:
            payload = spool.resource(reference)
            assert payload is not None
            patient, findings = fhir_patient.patient(fhir.PATIENT.decode(payload), mrn)
            self._last_patient = (reference, patient, findings)
        return self._last_patient[1:]

    def _actor(self, reference: fhir.Reference, resource: fhir.Immunization, spool: Spool) -> fhir.Actor | None:
        """The Practitioner, Organization or Location that a reference names: contained, or anywhere in the set."""
        if reference.reference.startswith("#"):
            contained_id = reference.reference[1:]
            return next((actor for actor in resource.contained if actor.id.lstrip("#") == contained_id), None)
        name = reference_name(reference)
        if not name:
            return None
        if name not in self._actors:
            if len(self._actors) >= _ACTORS_KEPT:
                self._actors.clear()
            payload = spool.resource(name)
            self._actors[name] = fhir.ACTOR.decode(payload) if payload is not None else None
        return self._actors[name]

    def _clinic(self, resource: fhir.Immunization, find: fhir_dose.FindActor) -> str:
        """The export's name or number of the clinic; empty for the source's own, which reports historical doses."""
        source = self._source
        if source.one_clinic or (resource.is_primary is False and source.clinic):
            return ""
        location = find(resource.location)
        name = location.name if location and isinstance(location.name, str) else ""
        names = [name, resource.location.display]
        identifiers = [resource.location.identifier, *(location.identifier if location else ())]
        numbers = [identifier.value for identifier in identifiers]
        candidates = [*numbers, *names] if source.clinic_by == "identifier" else [*names, *numbers]
        return next((candidate.strip() for candidate in candidates if candidate.strip()), "")


def _unreadable(part: str, row: Row, code: str, reason: str) -> Entry:
    finding = Finding(code, "RXA", row.row, "line", reason)
    return Entry(part, row.row, model.Patient(), None, (finding,), row.payload.decode().strip())
