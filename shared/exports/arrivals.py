"""Decides which files make up one export, whether all of them have arrived, and as of when it was made.

A file of CSV, HL7 v2 or FHIR Bundles is an export by itself. A FHIR bulk export is a folder of files that arrive in any
order. It is complete when every file that its `manifest.json` lists is there (FHIR Bulk Data Access, "Response -
Complete Status"). Without a manifest it is complete when a file named `_SUCCESS` is there that is at least as new as
all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.model import Finding
from shared.exports import manifest
from shared.exports.file_dates import FIRST_YEAR, pattern
from shared.exports.formats import FORMATS
from shared.ports.objects import Objects, StoredObject

MARKER: Final = "_SUCCESS"
MANIFEST: Final = "manifest.json"
MANIFEST_CAP: Final = 4 * 1024 * 1024
"""Bytes of a manifest that are read."""
_CLOCK_DIFFERENCE: Final = timedelta(hours=1)
"""How far the clock of an EHR may be ahead of the bucket's."""
_SHOWN: Final = 60
ENDINGS: Final = ("", ".gz", ".ndjson", ".ndjson.gz")
"""Endings that a stored file may have behind the name in a manifest."""


class _Transaction(msgspec.Struct):
    """The part of a bulk export's manifest that says as of when the server exported."""

    transactionTime: object = None  # noqa: N815 - the name in the manifest


_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


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


def listed(text: bytes) -> tuple[str, ...] | None:
    """Return the names of the files that a manifest lists; None if it cannot be read."""
    read = manifest.read(text)
    return None if read is None else tuple(file.name for file in read.data)


def named_in(names: Sequence[str], items: Iterable[StoredObject]) -> tuple[StoredObject, ...] | None:
    """Return the items that a manifest names, with or without `.gz`; None if one of them is missing."""
    by_name = {name(item.key): item for item in items}
    named = []
    for wanted in names:
        item = next((by_name[wanted + ending] for ending in ENDINGS if wanted + ending in by_name), None)
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
        reader reports a manifest that cannot be read. The manifest alone if it lists no file: nothing changed since
        the last incremental export. None if the export is not complete.
    """
    if not FORMATS[source.format].is_set:
        return (arrived,) if is_part(source.format, arrived.key) else None
    home = folder(arrived.key)
    by_key = {item.key: item for item in objects.list(home) if folder(item.key) == home}
    items = sorted((item for key, item in by_key.items() if is_part(source.format, key)), key=lambda item: item.key)
    manifest_file, marker = by_key.get(home + MANIFEST), by_key.get(home + MARKER)
    names = None
    if manifest_file is not None:
        with objects.open(manifest_file) as stream:
            names = listed(stream.read(MANIFEST_CAP))
    manifests = (manifest_file,) if manifest_file is not None else ()
    if names is not None:
        named = named_in(names, items)
        return None if named is None else (*named, *manifests)
    # A manifest that cannot be read is written last, like the marker.
    last = marker or manifest_file
    if items and last is not None and all(item.modified <= last.modified for item in items):
        return (*items, *manifests)
    return None


def export_name(source: Source, parts: Sequence[StoredObject]) -> str:
    """Return the name of an export: the key of a single file, the folder of a set."""
    return folder(parts[0].key) if FORMATS[source.format].is_set else parts[0].key


def exported_at(
    source: Source, parts: Sequence[StoredObject], objects: Objects, time_zone: str
) -> tuple[datetime | None, tuple[Finding, ...]]:
    """Return as of when an export says that it was made, and what is wrong with what it says.

    Args:
        source: Its feed.
        parts: Its files; the manifest of a set is among them.
        objects: The bucket.
        time_zone: The IANA name of the clock of dates in file names.

    Returns:
        The transaction time of the manifest, else the time in a file's name by the source's `file_date` (of a set: the
        latest in the names of its folder and its files). None if the export does not say it, or names a time after
        its arrival: then the arrival counts.
    """
    findings: list[Finding] = []
    is_set = FORMATS[source.format].is_set
    manifest_file = next((part for part in parts if is_set and name(part.key) == MANIFEST), None)
    stated = _transaction_time(manifest_file, objects, findings) if manifest_file is not None else None
    if stated is None and source.file_date:
        names = [name(part.key) for part in parts if part is not manifest_file]
        if is_set:
            names.insert(0, name(folder(parts[0].key).rstrip("/")))
        stated = _time_in(names, source.file_date, time_zone)
        if stated is None:
            findings.append(Finding("FILE-DATE-MISSING", column="file", value=names[0]))
    if stated is not None and stated > max(part.modified for part in parts) + _CLOCK_DIFFERENCE:
        findings.append(Finding("FILE-DATE-FUTURE", column="file", value=stated.isoformat(timespec="minutes")))
        stated = None
    return stated, tuple(findings)


def _transaction_time(item: StoredObject, objects: Objects, findings: list[Finding]) -> datetime | None:
    """The transaction time of a manifest. A manifest that cannot be read is reported by its reader."""
    with objects.open(item) as stream:
        text = stream.read(MANIFEST_CAP)
    try:
        stated = msgspec.json.decode(text, type=_Transaction).transactionTime
    except (msgspec.DecodeError, RecursionError):
        return None
    if stated is None:
        return None
    try:
        time = msgspec.convert(stated, _Instant)
    except msgspec.ValidationError:
        time = None
    if time is None or time.year < FIRST_YEAR:
        findings.append(Finding("MANIFEST-TIME-UNREADABLE", column="transactionTime", value=str(stated)[:_SHOWN]))
        return None
    return time


def _time_in(names: Iterable[str], file_date: str, time_zone: str) -> datetime | None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - most sources have no date in their files' names

    zone = ZoneInfo(time_zone)
    times = (pattern(file_date).time_in(file_name, zone) for file_name in names)
    return max((time for time in times if time is not None), default=None)
