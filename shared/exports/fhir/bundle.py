"""Port `Exports` for FHIR R4 Bundles in JSON: collection, transaction, batch, searchset; one per file or per line.

The entries of a Bundle are read like the lines of a bulk export. References name an entry by its fullUrl (`urn:uuid:…`
included), by `Type/id` or by identifier, anywhere in the file. The rows of a file are its Immunization entries, counted
from 1. A Bundle is loaded as a whole, because JSON cannot be decoded before its last brace, so its size is limited.
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
"""Characters of a Bundle that is read."""
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
    """One file of Bundles, read through a spool."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__([part], source, objects)

    def _lines(self, number: int, text: Text, spool: Spool) -> None:
        """Spool the Bundles of a file: one per line if the first line is a Bundle, otherwise the file is one."""
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
    """The JSON documents of a file, each with whether it is whole: not if it is larger than `LARGEST` and skipped."""
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
    """The lines of a file, each with whether it is whole; a line larger than `LARGEST` comes empty."""
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
