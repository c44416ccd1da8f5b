"""Files that lie in the inbox and that nothing has read: each is shown among the files, with what to do.

An object is read because its event reaches convert. It stays unread where convert waits for something that does not
come (a marker, a listed file), where its name is none of an export, and where the event got lost. The sweep compares
the inbox with the files of the ledger. The entry of an unread file has a finding and no rows. The sweep removes it
when the file is taken up or is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared import settings
from shared.domain import identity
from shared.domain.clinics import Configuration
from shared.domain.model import Finding
from shared.domain.submission import FileSummary
from shared.exports import arrivals
from shared.exports.formats import FORMATS
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Files
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace
from shared.settings import INBOX_PREFIX

CODES: Final = frozenset(
    {"FILE-NAME-SKIPPED", "FILE-NOT-TAKEN-UP", "SET-FILE-LATE", "SET-INCOMPLETE", "SET-MARKER-MISSING"}
)
"""The findings of entries about unread files."""

_FINDINGS: Final = 50
_UNLISTED: Final = "MANIFEST-NOT-LISTED"


@dataclass(frozen=True, slots=True)
class _Unread:
    """Objects of one entry: the object itself, or those of the folder of a set."""

    name: str
    source: str
    items: tuple[StoredObject, ...]
    findings: tuple[Finding, ...]


class UnreadFiles:
    """Keeps the entries about unread files.

    Args:
        objects: The bucket.
        files: The files of the ledger.
        configurations: The clinics.toml in force.
        clock: The current time.
        bucket: The name of the bucket.
        after: Seconds without a new object after which what is unread is shown. Uploads and conversions take time.
    """

    def __init__(
        self,
        *,
        objects: Objects,
        files: Files,
        configurations: Configurations,
        clock: Clock,
        bucket: str,
        after: float = settings.UNREAD_AFTER,
    ) -> None:
        self._objects = objects
        self._files = files
        self._configurations = configurations
        self._clock = clock
        self._bucket = bucket
        self._after = timedelta(seconds=after)

    def __call__(self, *, at_once: bool = False) -> tuple[FileSummary, ...]:
        """Compare the inbox with the ledger once: one listing, and one reading of the files of the ledger.

        Args:
            at_once: Show what is unread without waiting, because nothing moves any more.

        Returns:
            The entries that no person closed.
        """
        known: dict[str, FileSummary] = {}
        entries: dict[str, FileSummary] = {}
        for file in self._files.summaries():
            if CODES.isdisjoint(finding.code for finding in file.findings):
                other = known.get(file.name)
                known[file.name] = file if other is None or other.arrived < file.arrived else other
            else:
                entries[file.file_id] = file
        before = self._clock.now() - (timedelta() if at_once else self._after)
        is_open: list[FileSummary] = []
        for entry in map(self._entry, self._unread(known, before)):
            old = entries.pop(entry.file_id, None)
            if old is None or replace(old, closed_reason="") != entry:
                self._files.save(entry)
                is_open.append(entry)
            elif not old.closed_reason:
                is_open.append(entry)
        for gone in entries:
            self._files.remove(gone)
        return tuple(is_open)

    def _entry(self, unread: _Unread) -> FileSummary:
        return FileSummary(
            file_id=identity.file_id(self._bucket, unread.name, "unread"),
            name=unread.name,
            source=unread.source,
            arrived=max(item.modified for item in unread.items),
            rows=0,
            unchanged=0,
            complete=True,
            findings=unread.findings[:_FINDINGS],
        )

    def _unread(self, known: Mapping[str, FileSummary], before: datetime) -> Iterator[_Unread]:
        configuration = self._configurations.current()
        sets: dict[str, list[StoredObject]] = {}
        for item in self._objects.list(INBOX_PREFIX):
            if not _is_skipped(item) and _is_of_set(item, configuration):
                sets.setdefault(arrivals.folder(item.key), []).append(item)
            elif item.size and item.modified <= before:
                code = "FILE-NAME-SKIPPED" if _is_skipped(item) else "FILE-NOT-TAKEN-UP"
                if _not_taken((item,), None if _is_skipped(item) else known.get(item.key)):
                    yield _single(item, code)
        for folder, items in sets.items():
            unread = _not_taken(items, known.get(folder))
            if unread and max(item.modified for item in unread) <= before:
                findings = tuple(_why(items, unread, self._objects))
                if findings:
                    yield _Unread(folder, _source(folder), unread, findings)


def _single(item: StoredObject, code: str) -> _Unread:
    finding = Finding(code, column="file", value=arrivals.name(item.key))
    return _Unread(item.key, _source(item.key), (item,), (finding,))


def _not_taken(items: Iterable[StoredObject], taken: FileSummary | None) -> tuple[StoredObject, ...]:
    """The objects of a folder, without the marker, that came after what was taken up of it."""
    data = (item for item in items if arrivals.name(item.key) != arrivals.MARKER)
    if taken is None:
        return tuple(data)
    said = {finding.value for finding in taken.findings if finding.code == _UNLISTED}
    since = _seconds(taken.arrived)
    return tuple(item for item in data if _seconds(item.modified) > since and arrivals.name(item.key) not in said)


def _why(items: Sequence[StoredObject], unread: Sequence[StoredObject], objects: Objects) -> Iterator[Finding]:
    """Why the objects of a folder were not read. Nothing where no data is among them."""
    by_name = {arrivals.name(item.key): item for item in items}
    manifest, marker = by_name.get(arrivals.MANIFEST), by_name.get(arrivals.MARKER)
    data = [item for item in unread if arrivals.name(item.key) != arrivals.MANIFEST]
    names = None
    if manifest is not None:
        with objects.open(manifest) as stream:
            names = arrivals.listed(stream.read(arrivals.MANIFEST_CAP))
    if names is not None:
        missing = [name for name in names if arrivals.named_in([name], items) is None]
        listed = arrivals.named_in([name for name in names if name not in missing], items) or ()
        late = [item for item in data if item not in listed]
        yield from (_about("SET-INCOMPLETE", name) for name in missing)
        yield from (_about("SET-FILE-LATE", arrivals.name(item.key)) for item in late)
        if not missing and len(late) < len(data):
            yield from (_about("FILE-NOT-TAKEN-UP", arrivals.name(item.key)) for item in data if item in listed)
        return
    last = marker or manifest
    for item in data:
        if last is None:
            yield _about("SET-MARKER-MISSING", arrivals.name(item.key))
        elif item.modified > last.modified:
            yield _about("SET-FILE-LATE", arrivals.name(item.key))
        elif all(one.modified <= last.modified for one in data):
            yield _about("FILE-NOT-TAKEN-UP", arrivals.name(item.key))


def _about(code: str, file_name: str) -> Finding:
    return Finding(code, column="file", value=file_name)


def _is_skipped(item: StoredObject) -> bool:
    """Whether an object has a name that no format takes."""
    return arrivals.name(item.key) != arrivals.MARKER and not arrivals.is_part("csv", item.key)


def _is_of_set(item: StoredObject, configuration: Configuration) -> bool:
    source = configuration.sources.get(_source(item.key))
    return source is not None and FORMATS[source.format].is_set


def _source(key: str) -> str:
    folder, slash, _ = key.removeprefix(INBOX_PREFIX).partition("/")
    return folder if slash else ""


def _seconds(time: datetime) -> int:
    """Whole seconds, as S3 lists them."""
    return int(time.timestamp())
