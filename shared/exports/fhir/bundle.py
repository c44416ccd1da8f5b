"""Port `Exports` for FHIR R4 Bundles in JSON of every type; one per file or per line.

The entries of a Bundle are read like the lines of a bulk export. References name an entry by its fullUrl (`urn:uuid:…`
included), by `Type/id` or by identifier, anywhere in the file. The rows of a file are its Immunization entries, counted
from 1. A Bundle is loaded as a whole, because JSON cannot be decoded before its last brace, so its size is limited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.exports.fhir.bulk import FhirSet
from shared.exports.fhir.bundle_model import BUNDLE
from shared.exports.fhir.resources import Place, Resources
from shared.exports.text import Damaged, Text, repaired
from shared.ports.objects import Objects, StoredObject

LARGEST: Final = 64 * 1024 * 1024
"""Characters of a Bundle that is read."""
_PIECE: Final = 1024 * 1024


class BundleFile(FhirSet):
    """One file of Bundles, read through a spool."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__([part], source, objects)

    def _lines(self, number: int, text: Text, resources: Resources) -> None:
        """Spool the Bundles of a file: one per line if the first line is a Bundle, otherwise the file is one."""
        count = 0
        try:
            for count, (document, is_whole) in enumerate(_documents(text), 1):
                if is_whole:
                    self._bundle(Place(number, count), document, resources)
                else:
                    self._note("BUNDLE-HUGE", number, count)
        except Damaged as damage:
            self._note(damage.code, number, count)
        if text.is_cut:
            self._note(text.cut_by, number, count)

    def _bundle(self, place: Place, document: str, resources: Resources) -> None:
        sound, is_sensible = repaired(document)
        if sound != document:
            code = "ROW-READ-AS-WINDOWS-1252" if is_sensible else "ROW-ENCODING-UNREADABLE"
            self._note(code, place.part, place.line)
        try:
            resources.add_bundle(place, sound.encode())
        except (msgspec.DecodeError, RecursionError) as error:
            self._note("BUNDLE-UNREADABLE", place.part, place.line, str(error))


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
        BUNDLE.decode(repaired(line)[0])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
