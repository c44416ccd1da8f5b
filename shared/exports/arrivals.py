"""Decides which files make up one export, and whether all of them have arrived.

A file of CSV, HL7 v2 or FHIR Bundles is an export by itself. A FHIR bulk export is a folder of files that arrive in any
order. It is complete when every file that its `manifest.json` lists is there (FHIR Bulk Data Access, "Response -
Complete Status"). Without a manifest it is complete when a file named `_SUCCESS` is there that is at least as new as
all others.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from shared.domain.clinics import Source
from shared.exports.formats import FORMATS
from shared.ports.objects import Objects, StoredObject

MARKER: Final = "_SUCCESS"
MANIFEST: Final = "manifest.json"
MANIFEST_CAP: Final = 4 * 1024 * 1024
"""Bytes of a manifest that are read."""
_ENDINGS: Final = ("", ".gz", ".ndjson", ".ndjson.gz")


class _Output(msgspec.Struct):
    url: str


class _Manifest(msgspec.Struct):
    """The part of a bulk export's manifest that names files."""

    output: list[_Output]


def folder(key: str) -> str:
    """Return the folder of a key, with its slash."""
    return key[: key.rfind("/") + 1]


def name(key: str) -> str:
    """Return a key without its folder."""
    return key.rsplit("/", 1)[-1]


def is_part(format_name: str, key: str) -> bool:
    """Tell whether an object holds data of an export: it is no folder, marker, manifest or hidden file."""
    file_name = name(key)
    if file_name == "" or file_name.startswith((".", "_")):
        return False
    return not FORMATS[format_name].is_set or file_name != MANIFEST


def listed(manifest: bytes) -> tuple[str, ...] | None:
    """Return the names of the files that a manifest lists; None if it cannot be read."""
    try:
        paths = [urlsplit(output.url).path for output in msgspec.json.decode(manifest, type=_Manifest).output]
    except (msgspec.DecodeError, RecursionError, ValueError):
        # ValueError: urlsplit refuses the URL.
        return None
    return tuple(posixpath.basename(unquote(path)) for path in paths)


def named_in(names: Sequence[str], items: Iterable[StoredObject]) -> tuple[StoredObject, ...] | None:
    """Return the items that a manifest names, with or without `.gz`; None if one of them is missing."""
    by_name = {name(item.key): item for item in items}
    named = []
    for wanted in names:
        item = next((by_name[wanted + ending] for ending in _ENDINGS if wanted + ending in by_name), None)
        if item is None:
            return None
        named.append(item)
    return tuple(dict.fromkeys(named))


def parts_to_convert(source: Source, arrived: StoredObject, objects: Objects) -> tuple[StoredObject, ...] | None:
    """Return the files of the export that an arrived object belongs to.

    Args:
        source: The feed that the object is of.
        arrived: The object that arrived.
        objects: The bucket.

    Returns:
        The data files ordered by name, or as the manifest lists them, and the manifest behind them, so that its
        reader reports a manifest that cannot be read. None if the export is not complete.
    """
    if not FORMATS[source.format].is_set:
        return (arrived,) if is_part(source.format, arrived.key) else None
    home = folder(arrived.key)
    by_key = {item.key: item for item in objects.list(home) if folder(item.key) == home}
    items = sorted((item for key, item in by_key.items() if is_part(source.format, key)), key=lambda item: item.key)
    manifest, marker = by_key.get(home + MANIFEST), by_key.get(home + MARKER)
    names = None
    if manifest is not None:
        with objects.open(manifest) as stream:
            names = listed(stream.read(MANIFEST_CAP))
    manifests = (manifest,) if manifest is not None else ()
    if names is not None:
        named = named_in(names, items)
        return (*named, *manifests) if named else None
    # A manifest that cannot be read is written last, like the marker.
    last = marker or manifest
    if items and last is not None and all(item.modified <= last.modified for item in items):
        return (*items, *manifests)
    return None


def export_name(source: Source, parts: Sequence[StoredObject]) -> str:
    """Return the name of an export: the key of a single file, the folder of a set."""
    return folder(parts[0].key) if FORMATS[source.format].is_set else parts[0].key
