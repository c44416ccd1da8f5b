"""Base of the readers of formats in which every file is an export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals, visits
from shared.exports.kinds import sentence, wrong_kind
from shared.exports.moments import zone_of
from shared.exports.spool import Spool
from shared.exports.text import Text
from shared.exports.values import Dates
from shared.ports.objects import Objects, StoredObject


class File(Protocol):
    """One file, to be read once."""

    def visits(self) -> Iterator[Visit]:
        """Read the file to its end and yield its visits."""
        ...


class EachFile:
    """Port `Exports`: reads each file by itself."""

    def __init__(self, open_file: Callable[[StoredObject, Source, Objects], File]) -> None:
        self._open_file = open_file

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        for part in parts:
            yield from self._open_file(part, source, objects).visits()


class TextFile(ABC):
    """One file of text, read through a spool."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        self._item = part
        self._name = arrivals.name(part.key)
        self._source = source
        self._objects = objects
        self._dates = Dates(source.date_formats, zone_of(source.time_zone))
        self._findings: list[Finding] = []

    def visits(self) -> Iterator[Visit]:
        """Read the file to its end, then yield the findings about it and its visits."""
        with Spool() as spool, self._objects.open(self._item) as stream:
            text = Text(stream, self._source.encoding)
            kind = wrong_kind(self._source.format, text.head, text.encoding)
            if kind:
                self._note("FILE-WRONG-KIND", sentence(kind, self._source.format))
            else:
                self._spool_rows(text, spool)
            if self._findings:
                yield visits.about_file(self._source, self._findings)
            yield from self._spooled_visits(spool)

    @abstractmethod
    def _spool_rows(self, text: Text, spool: Spool) -> None:
        """Reads the text to its end and adds its rows to the spool."""

    @abstractmethod
    def _spooled_visits(self, spool: Spool) -> Iterator[Visit]:
        """Yields the visits of the spooled rows."""

    def _note(self, code: str, value: str = "", row: int = 0) -> None:
        """Adds a finding about the file as a whole."""
        self._findings.append(Finding(code, row=row, column="file", value=value))
