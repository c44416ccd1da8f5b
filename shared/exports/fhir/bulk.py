"""Port `Exports` for FHIR R4 bulk exports: NDJSON of Patient, Immunization, Practitioner, Organization and Location.

Files may come in any order and have any name; each line names its resource type. All lines are spooled before the
first visit is built, because a line may refer to one in a later file. The rows of a set are its Immunization lines. A
line may be a Bundle; then its Immunizations are rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals, manifest, visits
from shared.exports.fhir import sets
from shared.exports.fhir.identifiers import RecordNumbers
from shared.exports.fhir.resources import BUNDLE, IMMUNIZATION, Place, Resources
from shared.exports.fhir.rows import Rows
from shared.exports.fhir.spool import ResourceSpool
from shared.exports.fhir.unread import Unread
from shared.exports.kinds import TEXT, sentence, wrong_kind
from shared.exports.moments import zone_of
from shared.exports.text import LONGEST_CELL, LONGEST_LINE, Damaged, Text
from shared.ports.objects import LONG_AGO, Objects, StoredObject

_DATA_NAME: Final = re.compile("immunization|patient|practitioner|organization|location")
_FINDINGS_PER_FILE: Final = 100


class FhirBulkExports:
    """Port `Exports`: reads all files of a set together."""

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        return FhirSet(parts, source, objects).visits()


class FhirSet:
    """One set of files, read through a spool."""

    def __init__(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> None:
        self._parts = parts
        self._names = [arrivals.name(part.key) for part in parts]
        self._source = source
        self._objects = objects
        self._findings: list[Finding] = []
        self._unread = Unread(source.ignore)
        self._manifest: manifest.Manifest | None = None
        self._deleted_files: frozenset[str] = frozenset()
        self._counts: dict[str, int] = {}

    def visits(self) -> Iterator[Visit]:
        """Read all files, then yield the visits by patient and day."""
        with ResourceSpool() as spool:
            numbers = RecordNumbers(self._as_of(), self._source.mrn_system)
            zone = zone_of(self._source.time_zone)
            resources = Resources(spool, numbers, self._unread, self._note, zone)
            # The manifest says which of the other files name deleted resources.
            for number in sorted(range(len(self._parts)), key=lambda number: self._names[number] != arrivals.MANIFEST):
                part = self._parts[number]
                kind = self._spool_part(number, part, resources)
                if kind:
                    value = f"{self._names[number]}: {sentence(kind, self._source.format)}"
                    yield visits.about_file(self._source, [Finding("FILE-WRONG-KIND", column="file", value=value)])
                    return
            if self._manifest is not None:
                self._findings += sets.differences(self._manifest, self._parts, self._counts, self._objects)
            if resources.rows == 0:
                code = "FILE-WITHOUT-DOSES" if resources.has_unread_content else "FILE-EMPTY"
                self._findings.append(Finding(code, column="file", value=resources.other_content))
            if self._findings:
                yield visits.about_file(self._source, self._findings)
            yield from Rows(spool, self._source, self._names, numbers, self._unread).visits()

    def _as_of(self) -> str:
        """The day on which the export arrived, which tells what is in force."""
        modified = max(part.modified for part in self._parts)
        return "" if modified == LONG_AGO else modified.date().isoformat()

    def _spool_part(self, number: int, part: StoredObject, resources: Resources) -> str:
        """Spool one file of the set.

        Returns:
            What it is, if it is of a wrong kind. Nothing of the set is read then: its other files refer to it.
        """
        name = self._names[number]
        with self._objects.open(part) as stream:
            if name == arrivals.MANIFEST:
                text_of_manifest = stream.read(arrivals.MANIFEST_CAP)
                self._manifest = manifest.read(text_of_manifest)
                # Whatever it says, no dose is held for it.
                list(self._unread.findings(text_of_manifest, "Manifest", ""))
                if self._manifest is None:
                    self._note("MANIFEST-UNREADABLE", number, 0)
                else:
                    deleted = self._manifest.deleted or ()
                    self._deleted_files = frozenset(file.name + end for file in deleted for end in arrivals.ENDINGS)
                return ""
            text = Text(stream, self._source.encoding)
            kind = wrong_kind(self._source.format, text.head, text.encoding)
            if kind and not (kind == TEXT and self._is_stray(name)):
                return kind
            self._lines(number, text, resources)
            resources.close(number)
        return ""

    def _is_stray(self, name: str) -> bool:
        """Whether a file may be in the folder by chance, such as a log or a list of checksums."""
        plain = name.casefold().removesuffix(".gz")
        return len(self._parts) > 1 and not plain.endswith((".ndjson", ".json")) and not _DATA_NAME.search(plain)

    def _lines(self, number: int, text: Text, resources: Resources) -> None:
        name, count, noted, filled = self._names[number], 0, 0, 0
        is_of_immunizations = "immunization" in name.casefold()
        only_deletes = name in self._deleted_files
        try:
            for count, line in enumerate(text, 1):
                if line.isspace():
                    continue
                filled += 1
                place = Place(number, count, first_row=count, only_deletes=only_deletes)
                kind = self._line(place, line, resources, is_of_immunizations=is_of_immunizations)
                if kind:
                    is_of_immunizations = kind == "Immunization" and not only_deletes
                elif noted < _FINDINGS_PER_FILE:
                    noted += 1
                    self._note("RESOURCE-UNREADABLE", number, count)
        except Damaged as damage:
            self._note(damage.code, number, count)
        self._counts[name] = filled
        if text.cut_line:
            if is_of_immunizations:
                resources.add_bad_row(Place(number, count + 1, first_row=count + 1), text.cut_line, "ROW-CUT-OFF")
            else:
                self._note("RESOURCE-UNREADABLE", number, count + 1)
        if text.is_cut:
            self._note(text.cut_by, number, count)

    def _line(self, place: Place, line: str, resources: Resources, *, is_of_immunizations: bool) -> str:
        """Spool one line.

        Returns:
            Its resource type; empty if it cannot be read and is not an Immunization, so that it becomes a finding
            about the file.
        """
        if len(line) >= LONGEST_LINE:
            return self._long_line(place, line[: LONGEST_CELL // 8], resources, is_of_immunizations)
        try:
            return resources.add(place, line.encode())
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            if is_of_immunizations or IMMUNIZATION.search(line):
                reason = str(error) if isinstance(error, msgspec.DecodeError) else "the line is not UTF-8"
                resources.add_bad_row(place, line, f"IMMUNIZATION-UNREADABLE {reason}")
                return "Immunization"
            return ""

    def _long_line(self, place: Place, start: str, resources: Resources, is_of_immunizations: bool) -> str:
        if BUNDLE.search(start):
            self._note("BUNDLE-HUGE", place.part, place.line)
            return "Bundle"
        if not (is_of_immunizations or IMMUNIZATION.search(start)):
            return ""
        resources.add_bad_row(place, start, "IMMUNIZATION-UNREADABLE the line is too long")
        return "Immunization"

    def _note(self, code: str, number: int, row: int, detail: str = "") -> None:
        """Adds a finding about a file of the set."""
        name = self._names[number]
        self._findings.append(Finding(code, row=row, column="file", value=f"{name}: {detail}" if detail else name))
