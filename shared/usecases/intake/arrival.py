"""The arrival of one export: which files it has, how far its conversion is, and the counts so far."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from shared.domain import identity
from shared.domain.clinics import Configuration, Source
from shared.domain.model import Finding, Visit
from shared.domain.submission import Checkpoint, FileSummary
from shared.exports import arrivals
from shared.exports.formats import FORMATS
from shared.ports.configuration import Configurations
from shared.ports.objects import Objects, StoredObject
from shared.settings import INBOX_PREFIX

_FILE_FINDINGS: Final = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """The object belongs to a set of files that is not complete. The event of its last file converts the set."""

    key: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """There is nothing to convert for this event."""

    key: str
    reason: str


@dataclass(slots=True)
class Arrival:
    """One export on its way through conversion.

    Attributes:
        file_id: The ledger's id of this arrival.
        name: The key of a single file, the folder of a set.
        source: The feed that it is of.
        parts: Its files.
        arrived: When its last file arrived.
        exported: When it was made, as it says itself; None if it does not say.
        begun_by: The key of the object whose event converts it.
        configuration: The configuration that it is converted by.
        rows: Rows of the visits so far.
        unchanged: Those of them that say nothing new.
        built: Messages built so far.
        objection: The second opinion's objection to one of them; empty if there is none.
        sizes_judged: Numbers of segments of the messages that the second opinion judged in this invocation.
        findings: Findings about the export as a whole.
        visits: Visits so far.
        checksum: The CRC-32 of their rows.
    """

    file_id: str
    name: str
    source: Source
    parts: tuple[StoredObject, ...]
    arrived: datetime
    begun_by: str
    configuration: Configuration
    exported: datetime | None = None
    rows: int = 0
    unchanged: int = 0
    built: int = 0
    objection: str = ""
    sizes_judged: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    visits: int = 0
    checksum: int = 0

    @property
    def as_of(self) -> str:
        """Its place in the order of exports, as records keep it: ISO 8601 texts of one time zone sort by time.

        It is the time at which the export says it was made, else the time of its arrival. Exports that say the same
        time are ordered by their arrival, which stands behind it.
        """
        arrived = _in_utc(self.arrived)
        return arrived if self.exported is None else f"{min(_in_utc(self.exported), arrived)} {arrived}"

    def count_visits(self, visits: Iterable[Visit]) -> None:
        """Count visits as done, and add their rows to the checksum."""
        for visit in visits:
            self.visits += 1
            self.checksum = zlib.crc32(repr(visit.rows).encode(), self.checksum)

    def resume(self, summary: FileSummary, checkpoint: Checkpoint) -> bool:
        """Take the counts over from an earlier invocation, if the visits counted so far are those of its checkpoint.

        Returns:
            False if the reader groups the rows differently than before; then the counts start again from zero.
        """
        if (self.visits, self.checksum) != (checkpoint.visits, checkpoint.checksum):
            self.visits = self.checksum = 0
            return False
        self.rows, self.unchanged, self.findings = summary.rows, summary.unchanged, list(summary.findings)
        self.built, self.objection = checkpoint.built, checkpoint.objection
        return True

    def summary(self, *, complete: bool) -> FileSummary:
        """Return what the ledger keeps of it; a checkpoint unless it is complete."""
        return FileSummary(
            file_id=self.file_id,
            name=self.name,
            source=self.source.name,
            arrived=self.arrived,
            rows=self.rows,
            unchanged=self.unchanged,
            complete=complete,
            findings=tuple(self.findings[:_FILE_FINDINGS]),
            checkpoint=None if complete else Checkpoint(self.visits, self.checksum, self.built, self.objection),
            begun_by=self.begun_by,
        )


def arrival_of(
    key: str, version_id: str, *, objects: Objects, configurations: Configurations, bucket: str
) -> Arrival | FileSummary | Waiting | Ignored:
    """Find the export that an object of the inbox belongs to.

    Args:
        key: The key of the object that an event names.
        version_id: Its version; empty for the newest.
        objects: The bucket.
        configurations: Names the sources.
        bucket: The name of the bucket.

    Returns:
        The arrival of the export if all its files are there. A summary of a file that no source reads; its finding
        says what to do.
    """
    folder, slash, rest = key.removeprefix(INBOX_PREFIX).partition("/")
    if key.startswith(INBOX_PREFIX) and folder and not slash:
        return _without_source(key, "", Finding("FOLDER-MISSING", column="folder"), objects, bucket)
    if not key.startswith(INBOX_PREFIX) or not rest:
        return Ignored(key, "not in a source's folder of the inbox")
    configuration = configurations.current()
    source = configuration.sources.get(folder)
    if source is None:
        finding = Finding("SOURCE-UNKNOWN", column="folder", value=folder)
        return _without_source(key, folder, finding, objects, bucket)
    parts = _parts(key, version_id, source, objects)
    if isinstance(parts, Waiting | Ignored):
        return parts
    name = arrivals.export_name(source, parts)
    version = "+".join(f"{part.key}@{part.version}" for part in parts)
    exported, findings = arrivals.exported_at(source, parts, objects, configuration.iis.time_zone)
    return Arrival(
        file_id=identity.file_id(bucket, name, version),
        name=name,
        source=source,
        parts=parts,
        arrived=max(part.modified for part in parts),
        begun_by=key,
        configuration=configuration,
        exported=exported,
        findings=list(findings),
    )


def _in_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _without_source(key: str, source: str, finding: Finding, objects: Objects, bucket: str) -> FileSummary | Ignored:
    item = objects.stat(key)
    if item is None:
        return Ignored(key, "gone")
    file_id = identity.file_id(bucket, item.key, item.version)
    return FileSummary(file_id, key, source, item.modified, rows=0, unchanged=0, complete=True, findings=(finding,))


def _parts(key: str, version_id: str, source: Source, objects: Objects) -> tuple[StoredObject, ...] | Waiting | Ignored:
    item = objects.stat(key, version_id)
    if item is None:
        return Ignored(key, "gone")
    if item.size == 0 and key.endswith("/"):
        return Ignored(key, "a folder")
    if not FORMATS[source.format].is_set and not arrivals.is_part(source.format, key):
        return Ignored(key, "not an export by its name")
    parts = arrivals.parts_to_convert(source, item, objects)
    return Waiting(key) if parts is None else parts
