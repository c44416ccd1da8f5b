"""Puts the resources of an export into the spool: single ones, and those of Bundles, of Bundles within Bundles too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

import msgspec

from shared.exports.fhir import bundle_model as bundles
from shared.exports.fhir import days, lenient, references
from shared.exports.fhir import model as fhir
from shared.exports.fhir.identifiers import RecordNumbers
from shared.exports.fhir.spool import DELETED, NewRow, ResourceSpool
from shared.exports.fhir.unread import Unread
from shared.exports.text import repaired

IMMUNIZATION: Final = re.compile(r'"resourceType"\s*:\s*"Immunization"')
BUNDLE: Final = re.compile(r'"resourceType"\s*:\s*"Bundle"')
_DEEPEST_BUNDLE: Final = 8
_LAST_POSITION: Final = 10**12
_NOTES_PER_FILE: Final = 100
_SUPPORTING: Final = fhir.LOOKED_UP | {"Patient"}
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]+")
_VERSION_TAG: Final = re.compile(r'(?:W/)?"(.*)"')

Note = Callable[[str, int, int, str], None]
"""Adds a finding about a file: its code, the index of the file, the line or Bundle (0: the file), and what it says."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands.

    Attributes:
        part: The index of its file in the set.
        line: The line, or the number of the Bundle in the file, from 1.
        first_row: The least number that its row may have; rows of one line are counted on.
        scope: The Bundle, so that names are looked up in it first; empty outside of Bundles.
        is_history: The Bundle is the history of a server: newest version first, and DELETE entries.
        depth: How many Bundles are around it.
        fault: What holds its rows: the code of a finding, and the reason behind a space; empty if nothing does.
        only_deletes: The manifest lists its file under `deleted`, so a resource in it is not to be reported.
    """

    part: int
    line: int
    first_row: int = 0
    scope: str = ""
    is_history: bool = False
    depth: int = 0
    fault: str = ""
    only_deletes: bool = False


class Resources:
    """The resources of one export on their way into the spool.

    Attributes:
        rows: Immunizations so far.
        seen: How many resources of each other type there were.
    """

    def __init__(
        self, spool: ResourceSpool, numbers: RecordNumbers, unread: Unread, note: Note, zone: tzinfo | None = None
    ) -> None:
        self.rows = 0
        self.seen: Counter[str] = Counter()
        self._spool = spool
        self._numbers = numbers
        self._unread = unread
        self._note = note
        self._zone = zone
        self._has_utc = False
        self._last_row: dict[int, int] = {}
        self._entries = 0
        self._pages: dict[int, tuple[set[str], set[str]]] = {}
        self._deleted_others: dict[tuple[int, str], tuple[str, int]] = {}

    @property
    def other_content(self) -> str:
        """The other resources of the export, in words: `3 Observation, 12 Patient`."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.seen.items()))

    @property
    def has_unread_content(self) -> bool:
        """Whether the export holds resources that no report is made from."""
        return any(kind not in _SUPPORTING and kind != "Bundle" for kind in self.seen)

    def add(self, place: Place, payload: bytes) -> str:
        """Spool one resource.

        Args:
            place: Where it stands.
            payload: The resource as JSON.

        Returns:
            Its resource type.

        Raises:
            msgspec.DecodeError: The payload is no resource.
        """
        first = _first(payload)
        kind = first.resourceType
        if kind != "Bundle":
            _refuse_in_deletions(place)
        if kind == "Immunization":
            self._add_row(place, first, payload, {}, _stated_version(first))
            return kind
        if kind in _SUPPORTING:
            for link in self._keep(place, first, payload, _stated_version(first)):
                self._spool.add_link(*link)
            return kind
        self.seen[kind] += 1
        if kind == "Bundle":
            self.add_bundle(place, payload)
        elif kind == "OperationOutcome":
            self._note_issues(place, payload)
        return kind

    def add_bad_row(self, place: Place, line: str, fault: str) -> None:
        """Spool an Immunization that cannot be read, as a row of its own.

        Args:
            place: Where it stands.
            line: Its text.
            fault: The code of the finding, and the reason behind a space.
        """
        payload = repaired(line.rstrip("\r\n"))[0].encode("utf-8", "replace")
        self._spool.add(NewRow("", "", place.part, self._row_number(place), fault, payload))

    def close(self, part: int) -> None:
        """Note at the end of a file the next page of a search that is not in it, and what else it deletes."""
        own, next_pages = self._pages.pop(part, (set(), set()))
        for page in sorted(next_pages - own):
            self._note("BUNDLE-NEXT", part, 0, page)
        for (of_part, kind), (first, count) in self._deleted_others.items():
            if of_part == part:
                self._note("BUNDLE-DELETES-OTHER", part, 0, f"{count} {kind}, such as {first}")

    # Bundles ----------------------------------------------------------------------------------------------------------

    def add_bundle(self, place: Place, payload: bytes) -> None:
        """Spool the entries of a Bundle: first what Immunizations refer to, then these.

        Raises:
            msgspec.DecodeError: The payload is no Bundle.
        """
        if place.depth >= _DEEPEST_BUNDLE:
            raise msgspec.DecodeError("Bundles are nested too deeply")
        bundle = bundles.BUNDLE.decode(payload)
        modifier = ""
        for finding in self._unread.findings(payload, "Bundle", "RXA", place.line):
            modifier = modifier or f"{finding.code} {finding.column}"
        own, next_pages = self._pages.setdefault(place.part, (set(), set()))
        own.update(bundle.linked("self"))
        next_pages.update(bundle.linked("next"))
        inner = Place(
            place.part,
            place.line,
            place.first_row,
            f"{place.scope}.{self._entries}",
            is_history=bundle.type == "history",
            depth=place.depth + 1,
            only_deletes=place.only_deletes,
            fault=place.fault or modifier,
        )
        opened = _Opened(inner)
        for entry in bundle.entry:
            self._entries += 1
            content = bundles.content(entry.resource)
            if entry.request.method == "DELETE":
                opened.waiting.append((entry, None, self._entries))
            elif content:
                self._add_entry(opened, entry, content)
            else:
                self._note_answer(inner, entry)
        for replaced, survivor in opened.links:
            self._spool.add_link(opened.names.get(replaced, replaced), opened.names.get(survivor, survivor))
        for entry, first, position in opened.waiting:
            if first is None:
                self._add_deletion(inner, entry, position)
            else:
                version = _version(inner, entry, first, position)
                self._add_row(inner, first, bytes(entry.resource), opened.names, version)

    def _add_entry(self, opened: _Opened, entry: bundles.BundleEntry, content: bytes) -> None:
        place = opened.place
        try:
            _refuse_in_deletions(place)
            first = _first(content)
            if first.resourceType == "Immunization":
                opened.waiting.append((entry, first, self._entries))
            elif first.resourceType in _SUPPORTING:
                version = _version(place, entry, first, self._entries)
                links = self._keep(place, first, content, version, entry.fullUrl, opened.names)
                opened.links.extend(links)
            else:
                self.add(place, content)
        except msgspec.DecodeError as error:
            text = content.decode()
            if IMMUNIZATION.search(text):
                self.add_bad_row(place, text, f"IMMUNIZATION-UNREADABLE {error}")
            else:
                self._note("RESOURCE-UNREADABLE", place.part, place.line, str(error))

    def _add_deletion(self, place: Place, entry: bundles.BundleEntry, position: int) -> None:
        """Spools what a DELETE entry names: by its id, or by a search, which does not tell the id."""
        url = entry.request.url or entry.fullUrl
        name = references.name_of(fhir.Reference(url)) or url
        kind = _TYPE.match(name)
        if kind is None or kind[0] != "Immunization":
            is_named = kind is not None and len(self._deleted_others) < _NOTES_PER_FILE
            key = (place.part, kind[0] if kind is not None and is_named else "resource")
            first, count = self._deleted_others.get(key, (name, 0))
            self._deleted_others[key] = (first, count + 1)
            return
        version = _version(place, entry, fhir.Line(""), position)
        row = NewRow(
            "",
            "",
            place.part,
            self._row_number(place),
            DELETED,
            (url if "?" in name else name).encode(),
            place.scope,
            name,
            is_history=True,
            version=version,
        )
        self._spool.add(row)

    def _note_answer(self, place: Place, entry: bundles.BundleEntry) -> None:
        """An entry without resource: the answer to one request of a batch."""
        outcome = bundles.content(entry.response.outcome)
        noted = bool(outcome) and self._note_issues(place, outcome)
        if not noted and entry.response.status[:1] in ("4", "5"):
            self._note("SERVER-ERROR", place.part, place.line, entry.response.status)

    def _note_issues(self, place: Place, payload: bytes) -> bool:
        """Notes what a server says in an OperationOutcome; returns whether it says anything."""
        issues = [issue for issue in bundles.OUTCOME.decode(payload).issue if issue.severity != "information"]
        for issue in issues[:_NOTES_PER_FILE]:
            self._note("SERVER-ERROR" if issue.is_error else "SERVER-WARNING", place.part, place.line, issue.text)
        return bool(issues)

    # single resources -------------------------------------------------------------------------------------------------

    def _row_number(self, place: Place) -> int:
        self.rows += 1
        number = max(place.first_row, self._last_row.get(place.part, 0) + 1)
        self._last_row[place.part] = number
        return number

    def _add_row(self, place: Place, first: fhir.Line, payload: bytes, names: dict[str, str], version: str) -> None:
        name = references.name_of(first.patient, "Patient")
        time, number = first.occurrenceDateTime or first.date, self._row_number(place)
        if self._zone is None and not self._has_utc and days.needs_zone(time):
            self._has_utc = True
            self._note("TIMES-IN-UTC", place.part, number, time)
        if first.patient.reference.startswith("#"):
            name = self._keep_contained(place, first.patient.reference[1:], payload, number)
        row = NewRow(
            names.get(name, name),
            days.local_day(time, self._zone) or "",
            place.part,
            number,
            place.fault,
            payload,
            place.scope,
            f"Immunization/{first.id}" if first.id else "",
            place.is_history,
            version,
        )
        self._spool.add(row)

    def _keep_contained(self, place: Place, own_id: str, payload: bytes, number: int) -> str:
        """Spools the Patient that an Immunization contains; returns its name, empty if there is none."""
        for content in fhir.contained(payload):
            try:
                patient = lenient.decode(content, fhir.Line)[0]
            except msgspec.DecodeError:
                continue
            if patient.resourceType == "Patient" and patient.id.lstrip("#") == own_id:
                mrn = self._numbers.of(patient.identifier, "").value
                name = f"Patient/{place.part}/{number}#{own_id}"
                self._spool.add_resource(name, content, (), mrn=mrn, owner=name)
                return name
        return ""

    def _keep(
        self,
        place: Place,
        first: fhir.Line,
        payload: bytes,
        version: str,
        full_url: str = "",
        names: dict[str, str] | None = None,
    ) -> list[tuple[str, str]]:
        """Spools a resource that others refer to.

        Args:
            place: Where it stands.
            first: What it was sorted by.
            payload: The resource.
            version: A text that is greater for a newer version.
            full_url: The name that a Bundle gives it.
            names: Receives its names within its Bundle.

        Returns:
            (replaced, survivor) for each Patient that was merged into another one.
        """
        kind = first.resourceType
        self.seen[kind] += 1
        if kind == "Patient":
            lenient.decode(payload, fhir.Patient)
        else:
            for element in lenient.decode(payload, fhir.Actor)[1]:
                self._note("RESOURCE-PARTLY-READ", place.part, place.line, f"{kind}.{element}")
        url_name = references.name_of(fhir.Reference(full_url))
        own_name = f"{kind}/{first.id}" if first.id or not url_name else url_name
        aliases = references.names_by_identifier(kind, first.identifier)
        aliases += [url_name] if url_name not in ("", own_name) else []
        reference = own_name
        if place.scope and names is not None:
            reference = f"{place.scope} {own_name}"
            for name in (own_name, *aliases):
                names[name] = reference if names.setdefault(name, reference) == reference else ""
            aliases += [own_name, *(f"{place.scope} {alias}" for alias in aliases)]
        mrn = self._numbers.of(first.identifier, first.id).value if kind == "Patient" else ""
        self._spool.add_resource(reference, payload, aliases, mrn=mrn, owner=mrn or own_name, version=version)
        return list(_links(first, reference))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A Bundle whose entries are read: what waits until all its names are known.

    Attributes:
        place: The Bundle.
        names: The names of its resources, each with the reference of the resource; empty for a name of several.
        links: (replaced, survivor) for each Patient that was merged into another one.
        waiting: Immunizations and deletions, with their places in the file.
    """

    place: Place
    names: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    waiting: list[tuple[bundles.BundleEntry, fhir.Line | None, int]] = field(default_factory=list)


def _links(first: fhir.Line, reference: str) -> Iterator[tuple[str, str]]:
    for link in first.link:
        other = references.name_of(link.other, "Patient") or link.other.display
        if link.type == "replaced-by":
            yield reference, other
        elif link.type == "replaces" and other:
            yield other, reference


def _refuse_in_deletions(place: Place) -> None:
    """Refuses a resource in a file of deletions: nobody could tell whether it is to be reported or deleted."""
    if place.only_deletes:
        raise msgspec.DecodeError("the manifest lists its file under deleted, and it is no DELETE entry")


def _first(payload: bytes) -> fhir.Line:
    """The elements by which a resource is sorted."""
    if fhir.is_too_deep(payload):
        raise msgspec.DecodeError("it is nested too deeply")
    return lenient.decode(payload, fhir.Line)[0]


def _stated_version(first: fhir.Line) -> str:
    return references.version(first.meta.lastUpdated, first.meta.versionId)


def _version(place: Place, entry: bundles.BundleEntry, first: fhir.Line, position: int) -> str:
    """The version of an entry. Where a history does not say it, the place of the entry does: the newest is first."""
    tag = _VERSION_TAG.fullmatch(entry.response.etag)
    version = references.version(
        first.meta.lastUpdated or entry.response.lastModified, first.meta.versionId or (tag[1] if tag else "")
    )
    return f"{version} {_LAST_POSITION - position}" if place.is_history else version
