"""A folder that stands for the inbox: a file dropped for a source is uploaded to the local S3 bucket.

    drop/<source>/a.csv ──still growing?──► s3://…/inbox/<source>/a.csv ──read, saved──► taken/<source>/a.csv
    drop/a.csv, drop/<no source>/a.csv ──► reported, and left where it is

A file is taken once its size and modification time have not changed for two seconds. It is moved once it is read and
the state of the run is saved with it: where the run is killed before, the next one takes it again.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from botocore.exceptions import ClientError
from watchfiles import watch

from local import private
from local.runs import LocalRun
from shared.domain.clinics import Source
from shared.domain.lifecycle import IN_FLIGHT
from shared.domain.submission import FileSummary
from shared.exports.arrivals import MARKER
from shared.exports.formats import FORMATS
from shared.settings import INBOX_PREFIX

TAKEN: Final = "taken"
"""The subfolder for files that were taken."""

_WATCH_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.5

Tell = Callable[[str], None]
"""Prints a line for the user."""


class Sighting(NamedTuple):
    """Size in bytes and modification time (ns) of a file, and since when (monotonic seconds) they are unchanged."""

    size: int
    modified: int
    since: float


class _Taken(NamedTuple):
    """A file that was uploaded: its key in the bucket, and how it was then."""

    key: str
    sighting: Sighting


class DropFolder:
    """Watches the folder while the context lasts, and reports what became of each file.

    Args:
        run: the local run that takes the files.
        folder: has a subfolder for each source.
        tell: prints a line for the user.
        settle_seconds: after how long without a change a file is complete.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        run: LocalRun,
        folder: Path,
        tell: Tell,
        *,
        settle_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._run = run
        self._tell = tell
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, daemon=True),
            threading.Thread(target=self._report_files, daemon=True),
        ]
        self._taken: dict[Path, _Taken] = {}
        self._moved: set[str] = set()
        # An earlier run reported the files that it was done with.
        self._reported = {file.file_id for file in run.application.ledger.files.all() if _is_done(file)}
        self._complained_about: set[Path] = set()

    def __enter__(self) -> Self:
        private.folder(self.folder)
        for source in self._run.configuration.sources:
            private.folder(self.folder / source)
        self._recognize()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    # taking files ----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Check the folder on every change, and every half second, since a settled file causes no change."""
        changes = watch(
            self.folder, stop_event=self._stop, rust_timeout=int(_WATCH_SECONDS * 1000), yield_on_timeout=True
        )
        sightings: dict[Path, Sighting] = {}
        for _ in changes:
            sightings = self.check(sightings)

    def check(self, before: dict[Path, Sighting]) -> dict[Path, Sighting]:
        """Take the settled files; return the sightings of the others.

        Args:
            before: the sightings of the last check.
        """
        sightings: dict[Path, Sighting] = {}
        now = self._clock()
        for path in self._files():
            try:
                stat = path.stat()
                sighting = Sighting(stat.st_size, stat.st_mtime_ns, now)
                taken = self._taken.get(path)
                if taken is not None and taken.sighting[:2] == sighting[:2]:
                    continue
                earlier = before.get(path, sighting)
                if earlier[:2] == sighting[:2]:
                    sighting = earlier
                if now - sighting.since < self._settle_seconds or not self._take(path, sighting):
                    sightings[path] = sighting
            except OSError as error:
                # It was deleted meanwhile, or we may not read or move it. Go on with the others.
                self._complain(path, f"cannot be taken: {error.strerror}")
        return sightings

    def _files(self) -> Iterator[Path]:
        taken = self.folder / TAKEN
        files = (path for path in self.folder.rglob("*") if path.is_file() and taken not in path.parents)
        # The marker of a set must arrive after the set's files.
        return iter(sorted(files, key=lambda path: (path.name == MARKER, path)))

    def _take(self, path: Path, sighting: Sighting) -> bool:
        """Upload a file; return False where it belongs to no source."""
        relative = path.relative_to(self.folder)
        sources = self._run.configuration.sources
        source = self._source_of(path)
        if source is None:
            self._complain(path, f"left where it is. Put it into the folder of its source: {', '.join(sources)}")
            return False
        cloud, key = self._run.cloud, self._key_of(path)
        # Before the upload, which is read at once.
        self._taken[path] = _Taken(key, sighting)
        with path.open("rb") as body:
            cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=key, Body=body)
        if FORMATS[source.format].is_set and path.name != MARKER:
            self._tell(f"{relative}: taken; the set is read once a file {MARKER} is beside it")
        else:
            self._tell(f"{relative}: taken")
        return True

    def _source_of(self, path: Path) -> Source | None:
        relative = path.relative_to(self.folder)
        return self._run.configuration.sources.get(relative.parts[0]) if len(relative.parts) > 1 else None

    def _key_of(self, path: Path) -> str:
        return f"{INBOX_PREFIX}{path.relative_to(self.folder).as_posix()}"

    def _recognize(self) -> None:
        """Note the files that the last run took and was killed before it moved them: they are not taken twice."""
        for path in self._files():
            stat = path.stat()
            if self._source_of(path) is not None and self._is_stored(path):
                self._taken[path] = _Taken(self._key_of(path), Sighting(stat.st_size, stat.st_mtime_ns, 0.0))
                self._tell(f"{path.relative_to(self.folder)}: taken by the last run")

    def _is_stored(self, path: Path) -> bool:
        """Whether the bucket has the file with this content."""
        cloud = self._run.cloud
        try:
            head = cloud.s3.head_object(Bucket=cloud.runtime.bucket, Key=self._key_of(path))
        except ClientError:
            return False
        return head["ETag"].strip('"') == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

    def _move(self, files: Sequence[FileSummary]) -> None:
        """Move the files of these exports to `taken`, unless they changed since they were taken."""
        for path, taken in list(self._taken.items()):
            if not any(taken.key == file.name or _is_below(taken.key, file.name) for file in files):
                continue
            del self._taken[path]
            try:
                stat = path.stat()
                if (stat.st_size, stat.st_mtime_ns) != taken.sighting[:2]:
                    continue
                target = private.folder(self.folder / TAKEN) / path.relative_to(self.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target if not target.exists() else target.with_name(f"{time.time_ns()}-{target.name}"))
            except OSError as error:
                self._complain(path, f"was read and cannot be moved: {error.strerror}")

    def _complain(self, path: Path, words: str) -> None:
        """Report a problem with a file, once."""
        if path not in self._complained_about:
            self._complained_about.add(path)
            self._tell(f"{path.relative_to(self.folder)}: {words}")

    # reporting -------------------------------------------------------------------------------------------------------

    def _report_files(self) -> None:
        """Move each file once it is read, and report it once none of its submissions waits for delivery."""
        while not self._stop.wait(_POLL_SECONDS):
            files = list(self._run.application.ledger.files.all(but=self._reported))
            read = [file for file in files if file.complete and file.file_id not in self._moved]
            done = [file for file in files if _is_done(file)]
            if not (read or done) or not self._run.save():
                continue
            self._move(read)
            self._moved.update(file.file_id for file in read)
            for file in done:
                self._reported.add(file.file_id)
                self._tell(describe(file))


def _is_done(file: FileSummary) -> bool:
    """Whether a file is read and none of its submissions waits for delivery."""
    return file.complete and not any(state in IN_FLIGHT for state in file.submitted)


def _is_below(key: str, folder: str) -> bool:
    return folder.endswith("/") and key.startswith(folder)


def describe(file: FileSummary) -> str:
    """Return the counts of a file in one line."""
    counts = [(file.unchanged, "unchanged"), (file.held, "held")]
    counts += [(count, state.value.replace("_", " ").lower()) for state, count in file.submitted.items()]
    words = ", ".join(f"{count:,} {label}" for count, label in counts if count)
    codes = ", ".join(dict.fromkeys(finding.code for finding in file.findings))
    findings = f" ({codes})" if codes else ""
    return f"{file.name.removeprefix(INBOX_PREFIX)}: {file.rows:,} rows: {words or 'none'}{findings}"
