"""Port `Exports` for FHIR R4 bulk exports: NDJSON files of Patient, Immunization, Practitioner, Organization, Location.

The files come in any order and under any name; each line says what it is. Everything is spooled first, because a line
may refer to one in a file that comes later. The rows of the set are its Immunization lines.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
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
from shared.exports.spool import Row, Spool
from shared.exports.text import LONGEST_CELL, LONGEST_LINE, Damaged, Text, repaired
from shared.exports.visits import Defaults, Entry
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace

IMMUNIZATION: Final = re.compile(r'"resourceType"\s*:\s*"Immunization"')
_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?$")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?identifier=(.*)$")
_FINDINGS_PER_FILE: Final = 100
_ACTORS: Final = 2_000


class FhirBulkExports:
    """Reads all parts of a set together."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        return FhirSet(parts, source, objects).visits()


def reference_name(reference: fhir.Reference) -> str:
    """What a reference is looked up by: `Type/id`, `Type?system|value` or `urn:…`; empty where it names nothing."""
    return _name_of(reference.reference)


@lru_cache(maxsize=8192)
def _name_of(text: str) -> str:
    if text.startswith("urn:"):
        return text
    match = _CONDITIONAL.search(text)
    if match:
        return f"{match[1]}?{unquote(match[2])}"
    match = _RELATIVE.search(text)
    return f"{match[1]}/{match[2]}" if match else ""


class FhirSet:
    """One set of files on its way through the spool."""

    def __init__(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> None:
        self._parts = parts
        self._names = [arrivals.name(part.key) for part in parts]
        self._source = source
        self._objects = objects
        self._findings: list[Finding] = []
        self._rows = 0
        self._actors: OrderedDict[str, fhir.Actor | None] = OrderedDict()
        self._defaults = Defaults.of(source)
        self._patient: tuple[str, model.Patient, tuple[Finding, ...]] = ("", model.Patient(), ())

    def visits(self) -> Iterator[Visit]:
        with Spool() as spool:
            for number, part in enumerate(self._parts):
                self._take_in(number, part, spool)
            if self._rows == 0:
                self._findings.append(Finding("FILE-EMPTY", column="file"))
            if self._findings:
                yield visits.about_file(self._source, self._findings)
            yield from self._give_out(spool)

    # in --------------------------------------------------------------------------------------------------------------

    def _take_in(self, number: int, part: StoredObject, spool: Spool) -> None:
        name = self._names[number]
        with self._objects.open(part) as stream:
            if name == arrivals.MANIFEST:
                if arrivals.listed(stream.read(arrivals.MANIFEST_CAP)) is None:
                    self._note("MANIFEST-UNREADABLE", 0, name)
                return
            text = Text(stream, self._source.encoding)
            if not text.is_text:
                self._note("FILE-NOT-TEXT", 0, name)
                return
            self._lines(number, text, spool)

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
        """Takes one line in; gives its resource type, empty where the line is lost to a finding about the file."""
        if len(line) >= LONGEST_LINE:
            return self._huge(number, count, line, spool, is_of_immunizations=is_of_immunizations)
        try:
            return self._resource(number, count, line.encode(), spool)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            if IMMUNIZATION.search(line) or is_of_immunizations:
                reason = str(error) if isinstance(error, msgspec.DecodeError) else "the line is not UTF-8"
                self._bad_row(number, count, line, f"IMMUNIZATION-UNREADABLE {reason}", spool)
                return "Immunization"
            return ""

    def _huge(self, number: int, count: int, line: str, spool: Spool, *, is_of_immunizations: bool) -> str:
        start = line[: LONGEST_CELL // 8]
        if not (IMMUNIZATION.search(start) or is_of_immunizations):
            return ""
        self._bad_row(number, count, start, "IMMUNIZATION-UNREADABLE the line is too long", spool)
        return "Immunization"

    def _resource(self, number: int, count: int, payload: bytes, spool: Spool, full_url: str = "") -> str:
        """Takes one resource in and gives its type; raises msgspec.DecodeError where it is none.

        `full_url` is what a Bundle calls the resource, beside its type and id.
        """
        if fhir.is_too_deep(payload):
            raise msgspec.DecodeError("it is nested too deeply")
        first = fhir.LINE.decode(payload)
        if first.resourceType == "Immunization":
            self._rows += 1
            day = values.iso_day(first.occurrenceDateTime) or ""
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
        called = reference_name(fhir.Reference(full_url))
        own = f"{kind}/{first.id}" if first.id or not called else called
        names = [f"{kind}?{one.system}|{one.value}" for one in first.identifier if one.value]
        names += [f"{kind}?{one.value}" for one in first.identifier if one.value]
        names += [called] if called not in ("", own) else []
        mrn = fhir_patient.record_number(first.identifier, first.id) if kind == "Patient" else ""
        spool.add_resource(own, mrn, payload, names)

    def _note(self, code: str, row: int, name: str) -> None:
        self._findings.append(Finding(code, row=row, column="file", value=name))

    # out -------------------------------------------------------------------------------------------------------------

    def _give_out(self, spool: Spool) -> Iterator[Visit]:
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
            code, _, words = row.fault.partition(" ")
            return "", _unreadable(part, row, code, words)
        try:
            resource = fhir.IMMUNIZATION.decode(row.payload)
        except msgspec.DecodeError as error:
            return "", _unreadable(part, row, "IMMUNIZATION-UNREADABLE", str(error))

        def find(reference: fhir.Reference) -> fhir.Actor | None:
            return self._actor(reference, resource, spool)

        dose, findings = fhir_dose.dose(resource, row.row, part, find)
        dose = self._defaults.applied(dose)
        patient, problems = self._whose(row, resource, spool)
        found = [replace(problem, row=row.row) for problem in problems] + list(findings)
        raw = ""
        if not row.patient or not row.day:
            raw = row.payload.decode().strip()
        if not row.day:
            said = resource.occurrenceDateTime or resource.occurrenceString
            found.append(Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, "Immunization.occurrence[x]", said))
        clinic = self._clinic(resource, find)
        return clinic, Entry(part, row.row, patient, dose, tuple(found), raw)

    def _whose(self, row: Row, resource: fhir.Immunization, spool: Spool) -> tuple[model.Patient, tuple[Finding, ...]]:
        """The patient of a row; rows of one patient come one after the other, so the last one is kept."""
        reference, mrn = row.clinic, row.patient
        if not mrn:
            said = resource.patient.reference or resource.patient.display
            return model.Patient(), (
                Finding("PATIENT-NOT-IN-EXPORT", "PID", column="Immunization.patient", value=said),
            )
        if self._patient[0] != reference:
            payload = spool.resource(reference)
            assert payload is not None
            patient, findings = fhir_patient.patient(fhir.PATIENT.decode(payload), mrn)
            self._patient = (reference, patient, findings)
        return self._patient[1:]

    def _actor(self, reference: fhir.Reference, resource: fhir.Immunization, spool: Spool) -> fhir.Actor | None:
        """The Practitioner, Organization or Location that a reference means: contained, or anywhere in the set."""
        if reference.reference.startswith("#"):
            wanted = reference.reference[1:]
            return next((one for one in resource.contained if one.id.lstrip("#") == wanted), None)
        name = reference_name(reference)
        if not name:
            return None
        if name in self._actors:
            return self._actors[name]
        payload = spool.resource(name)
        actor = fhir.ACTOR.decode(payload) if payload is not None else None
        self._actors[name] = actor
        if len(self._actors) > _ACTORS:
            self._actors.popitem(last=False)
        return actor

    def _clinic(self, resource: fhir.Immunization, find: fhir_dose.FindActor) -> str:
        """What the export calls the clinic. A historical dose was given elsewhere: the source's clinic reports it."""
        source = self._source
        if source.one_clinic or (resource.primarySource is False and source.clinic):
            return ""
        location = find(resource.location)
        own = location.name if location and isinstance(location.name, str) else ""
        names = [own, resource.location.display]
        numbers = [one.value for one in (resource.location.identifier, *(location.identifier if location else ()))]
        ordered = [*numbers, *names] if source.clinic_by == "identifier" else [*names, *numbers]
        return next((name.strip() for name in ordered if name.strip()), "")


def _unreadable(part: str, row: Row, code: str, words: str) -> Entry:
    finding = Finding(code, "RXA", row.row, "line", words)
    return Entry(part, row.row, model.Patient(), None, (finding,), row.payload.decode().strip())
