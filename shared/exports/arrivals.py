"""Which files make up one export, and whether all of it has arrived.

A file of CSV, HL7 v2 or FHIR Bundles is an export of its own. A FHIR bulk export is a folder of files that arrive in
any order: it is complete when every file that its `manifest.json` lists is there (FHIR Bulk Data Access, "Response -
Complete Status"), or, without a manifest, when a file named `_SUCCESS` is there that is not older than any of them.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import IO, Final
from urllib.parse import unquote, urlsplit

import msgspec

from shared.domain.clinics import Source
from shared.exports.text import GZIP
from shared.ports.objects import Objects, StoredObject

MARKER: Final = "_SUCCESS"
MANIFEST: Final = "manifest.json"
MANIFEST_CAP: Final = 4 * 1024 * 1024
_HEAD: Final = 4096
_SETS: Final = frozenset({"fhir"})
_HL7_HEADS: Final = frozenset({b"MSH", b"FHS", b"BHS"})
_BUNDLE: Final = re.compile(rb'"resourceType"\s*:\s*"Bundle"|^\{[^{]*"entry"\s*:\s*\[')
_ENDINGS: Final = ("", ".gz", ".ndjson", ".ndjson.gz")


def is_set(format_: str) -> bool:
    """Whether an export of this format is a folder of files, rather than each file an export of its own."""
    return format_ in _SETS


class _Output(msgspec.Struct):
    url: str


class Manifest(msgspec.Struct):
    """The part of a bulk export's manifest that matters here."""

    output: list[_Output]


def folder(key: str) -> str:
    """The folder of a key, with its slash."""
    return key[: key.rfind("/") + 1]


def name(key: str) -> str:
    """A key without its folder."""
    return key.rsplit("/", 1)[-1]


def is_part(format_: str, key: str) -> bool:
    """Whether the object at `key` holds data of an export: not a folder, a marker, a manifest or a hidden file."""
    file = name(key)
    if file == "" or file.startswith((".", "_")):
        return False
    return not is_set(format_) or file != MANIFEST


def listed(manifest: bytes) -> tuple[str, ...] | None:
    """The names of the files that a manifest lists; None where it is not a manifest."""
    try:
        paths = [urlsplit(output.url).path for output in msgspec.json.decode(manifest, type=Manifest).output]
    except (msgspec.DecodeError, RecursionError, ValueError):
        # ValueError: what cannot be taken apart as a URL.
        return None
    return tuple(posixpath.basename(unquote(path)) for path in paths)


def named_in(names: Sequence[str], items: Iterable[StoredObject]) -> tuple[StoredObject, ...] | None:
    """The items that a manifest names, `.gz` or not; None while one of them is missing."""
    there = {name(item.key): item for item in items}
    found = []
    for wanted in names:
        item = next((there[wanted + ending] for ending in _ENDINGS if wanted + ending in there), None)
        if item is None:
            return None
        found.append(item)
    return tuple(dict.fromkeys(found))


def is_complete(marker: StoredObject | None, items: Sequence[StoredObject]) -> bool:
    """Whether a set without manifest is all there: the marker lands last."""
    return marker is not None and all(item.modified <= marker.modified for item in items)


def parts_to_convert(source: Source, arrived: StoredObject, objects: Objects) -> tuple[StoredObject, ...] | None:
    """The files of the export that `arrived` completes, in the order of their names; None while it is not complete.

    The manifest stands among the parts: the reader says where it could not be read.
    """
    if not is_set(source.format):
        return (arrived,) if is_part(source.format, arrived.key) else None
    home = folder(arrived.key)
    there = {item.key: item for item in objects.list(home) if folder(item.key) == home}
    items = sorted((item for key, item in there.items() if is_part(source.format, key)), key=lambda item: item.key)
    manifest, marker = there.get(home + MANIFEST), there.get(home + MARKER)
    names = None
    if manifest is not None:
        with objects.open(manifest) as stream:
            names = listed(stream.read(MANIFEST_CAP))
    if names is not None:
        wanted = named_in(names, items)
        return (*wanted, *_one(manifest)) if wanted else None
    # A manifest that cannot be read still says, like the marker, that nothing more comes.
    if items and is_complete(marker or manifest, items):
        return (*items, *_one(manifest))
    return None


def _one(item: StoredObject | None) -> tuple[StoredObject, ...]:
    return (item,) if item is not None else ()


def set_name(source: Source, parts: Sequence[StoredObject]) -> str:
    """What an export is called: the key of a file that is one of its own, the folder of a set."""
    return folder(parts[0].key) if is_set(source.format) else parts[0].key


def looks_like(stream: IO[bytes]) -> str:
    """The format of a file, plain or gzipped, by how it begins: JSON is FHIR, MSH or FHS is HL7, else CSV.

    A Bundle is told by its type before its first entry; NDJSON of single resources is a bulk export's.
    """
    head = stream.read(_HEAD)
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        except zlib.error:
            head = b""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\x1c \t\r\n")
    if start[:3] in _HL7_HEADS and not start[3:4].isalnum():
        return "hl7"
    if start.startswith((b"{", b"[")):
        return "fhir-bundle" if _BUNDLE.search(start) else "fhir"
    return "csv"
