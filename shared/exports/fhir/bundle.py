"""Port `Exports` for FHIR R4 Bundles in JSON: collection, transaction, batch, searchset; one per file, or one per line.

A Bundle's entries are read as the lines of a bulk export are; references mean an entry by its fullUrl (`urn:uuid:…`
too), by `Type/id` or by identifier, anywhere in the file. The rows of a file are its Immunization entries, counted
from 1. JSON has no end before its last brace, so a Bundle is loaded whole: up to a size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from shared.domain.clinics import Source
from shared.exports.fhir.bulk import IMMUNIZATION, FhirSet
from shared.exports.spool import Spool
from shared.exports.text import Damaged, Text, repaired
from shared.ports.objects import Objects, StoredObject

LARGEST: Final = 64 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_NOTHING: Final = msgspec.Raw(b"")


class _Request(msgspec.Struct):
    method: str = ""
    url: str = ""


class _Entry(msgspec.Struct):
    fullUrl: str = ""  # noqa: N815 - the name is FHIR's
    resource: msgspec.Raw = _NOTHING
    request: _Request = msgspec.field(default_factory=_Request)


class _Bundle(msgspec.Struct):
    resourceType: Literal["Bundle"]  # noqa: N815 - the name is FHIR's
    entry: list[_Entry] = []


_BUNDLE: Final = msgspec.json.Decoder(_Bundle)


class BundleFile(FhirSet):
    """One file of Bundles on its way through the spool."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__([part], source, objects)

    def _lines(self, number: int, text: Text, spool: Spool) -> None:
        """Takes the Bundles of a file in: each line where the first one is a Bundle, else the whole file as one."""
        name, count = self._names[number], 0
        try:
            for count, (document, is_whole) in enumerate(_documents(text), 1):
                if is_whole:
                    self._bundle(number, count, document, spool)
                else:
                    self._note("BUNDLE-HUGE", count, name)
        except Damaged as damage:
            self._note(damage.code, count, name)
        if text.is_cut:
            self._note(text.cut_by, count, name)

    def _bundle(self, number: int, count: int, document: str, spool: Spool) -> None:
        name = self._names[number]
        sound, is_sensible = repaired(document)
        if sound != document:
            self._note("ROW-READ-AS-WINDOWS-1252" if is_sensible else "ROW-ENCODING-UNREADABLE", count, name)
        try:
            bundle = _BUNDLE.decode(sound)
        except (msgspec.DecodeError, RecursionError) as error:
            self._note("BUNDLE-UNREADABLE", count, f"{name}: {error}")
            return
        for entry in bundle.entry:
            self._entry_of(number, count, entry, spool)

    def _entry_of(self, number: int, count: int, entry: _Entry, spool: Spool) -> None:
        payload = bytes(entry.resource)
        if not payload or payload == b"null":
            if entry.request.method == "DELETE" and "Immunization" in entry.request.url:
                self._note("BUNDLE-DELETES", count, entry.request.url)
            return
        row = self._rows + 1
        try:
            self._resource(number, row, payload, spool, entry.fullUrl)
        except msgspec.DecodeError as error:
            text = payload.decode()
            if IMMUNIZATION.search(text):
                self._bad_row(number, row, text, f"IMMUNIZATION-UNREADABLE {error}", spool)
            else:
                self._note("RESOURCE-UNREADABLE", count, self._names[number])


def _documents(text: Text) -> Iterator[tuple[str, bool]]:
    """The JSON documents of a file, and whether each is whole: False for one larger than `LARGEST`, which is lost."""
    lines = _lines(text)
    first, is_whole = next(((line, whole) for line, whole in lines if not whole or line.strip()), ("", True))
    if is_whole and not first:
        return
    if not is_whole or _is_bundle(first):
        yield first, is_whole
        yield from ((line, whole) for line, whole in lines if not whole or line.strip())
        return
    pieces, size = [first], len(first)
    for line, whole in lines:
        size += len(line)
        if size > LARGEST or not whole:
            yield "", False
            return
        pieces.append(line)
    yield "".join(pieces), True


def _lines(text: Text) -> Iterator[tuple[str, bool]]:
    """The lines of a file, and whether each is whole; of one that is too long nothing is kept."""
    pieces: list[str] = []
    size = 0
    for piece in text.pieces(_PIECE):
        size += len(piece)
        if size <= LARGEST:
            pieces.append(piece)
        else:
            pieces.clear()
        if piece[-1] in "\r\n" or len(piece) < _PIECE:
            yield "".join(pieces), size <= LARGEST
            pieces, size = [], 0
    if size:
        yield "".join(pieces), size <= LARGEST


def _is_bundle(line: str) -> bool:
    try:
        _BUNDLE.decode(repaired(line)[0])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
