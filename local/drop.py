"""A folder on the laptop that stands for the inbox: a file dropped for a source is taken up like an S3 upload.

    drop/<source>/a.csv ──still growing?──► s3://…/inbox/<source>/a.csv ──► taken/<source>/a.csv
    drop/a.csv, drop/<no source>/a.csv ──► told, and left where it is

A file is taken once its size and time have stayed the same for a moment. What is in the folder is not taken yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from watchfiles import watch

from local.session import Session
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.exports.arrivals import MARKER
from shared.exports.formats import FORMATS
from shared.settings import INBOX_PREFIX

TAKEN: Final = "taken"
_QUIET: Final = 2.0
_LOOK: Final = 0.5
_POLL: Final = 0.5
Tell = Callable[[str], None]
_Seen = dict[Path, tuple[tuple[int, int], float]]
"""Size and time of each file, and since when (monotonic seconds) they have been so."""


class Drop:
    """Watches the folder while the context lasts, and tells what became of each file."""

    def __init__(self, session: Session, folder: Path, tell: Tell) -> None:
        self.folder = folder
        self._session = session
        self._tell = tell
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, daemon=True),
            threading.Thread(target=self._follow, daemon=True),
        ]
        # Before its first look at them: what arrived earlier was told by the run that took it.
        self._told = {one.file_id for one in session.application.ledger.files.all()}
        self._complained: set[Path] = set()

    def __enter__(self) -> Self:
        for source in self._session.configuration.sources:
            (self.folder / source).mkdir(parents=True, exist_ok=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    # taking ----------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Looks when the system says that something changed, and until nothing that is there grows any more."""
        changes = watch(self.folder, stop_event=self._stop, rust_timeout=int(_LOOK * 1000), yield_on_timeout=True)
        seen: _Seen = {}
        for _ in changes:
            seen = self._look(seen)

    def _look(self, before: _Seen) -> _Seen:
        """Takes what has looked the same for a while; returns how everything else looks, and since when."""
        seen: _Seen = {}
        now = time.monotonic()
        for path in self._files():
            try:
                stat = path.stat()
                mark = (stat.st_size, stat.st_mtime_ns)
                known, since = before.get(path, (mark, now))
                since = since if known == mark else now
                if now - since < _QUIET or not self._take(path):
                    seen[path] = mark, since
            except OSError as error:
                # Gone meanwhile, or not ours to read or move: the others go on.
                self._complain(path, f"cannot be taken: {error.strerror}")
        return seen

    def _files(self) -> Iterator[Path]:
        taken = self.folder / TAKEN
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and taken not in path.parents)
        # A set's marker says that all of it is there, so it goes last.
        return iter(sorted(found, key=lambda path: path.name == MARKER))

    def _take(self, path: Path) -> bool:
        place = path.relative_to(self.folder)
        source = self._session.configuration.sources.get(place.parts[0]) if len(place.parts) > 1 else None
        if source is None:
            names = ", ".join(self._session.configuration.sources)
            self._complain(path, f"left where it is. Put it into the folder of its source: {names}")
            return False
        cloud = self._session.cloud
        with path.open("rb") as body:
            cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=f"{INBOX_PREFIX}{place.as_posix()}", Body=body)
        kept = self.folder / TAKEN / place
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept if not kept.exists() else kept.with_name(f"{time.time_ns()}-{kept.name}"))
        if FORMATS[source.format].is_set and path.name != MARKER:
            self._tell(f"{place}: taken up; the set is read once a file {MARKER} is beside it")
        else:
            self._tell(f"{place}: taken up")
        return True

    def _complain(self, path: Path, words: str) -> None:
        """Says it once."""
        if path not in self._complained:
            self._complained.add(path)
            self._tell(f"{path.relative_to(self.folder)}: {words}")

    # telling ---------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Tells what became of each file, once nothing of it is under way."""
        while not self._stop.wait(_POLL):
            for one in self._session.application.ledger.files.all(but=self._told):
                if one.complete and not _under_way(one):
                    self._told.add(one.file_id)
                    self._session.save()
                    self._tell(outcome(one))


def _under_way(one: FileSummary) -> bool:
    return any(state in {State.QUEUED, State.SENDING} for state in one.submitted)


def outcome(one: FileSummary) -> str:
    """A file's counts in one line: they add up."""
    parts = [(one.unchanged, "unchanged"), (one.held, "held")]
    parts += [(count, state.value.replace("_", " ").lower()) for state, count in one.submitted.items()]
    said = ", ".join(f"{count:,} {words}" for count, words in parts if count)
    findings = f" ({', '.join(dict.fromkeys(finding.code for finding in one.findings))})" if one.findings else ""
    return f"{one.name.removeprefix(INBOX_PREFIX)}: {one.rows:,} rows: {said or 'none'}{findings}"
