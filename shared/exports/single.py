"""What the readers share of which every file is an export of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals, visits
from shared.exports.spool import Spool
from shared.exports.text import Text
from shared.exports.values import Dates
from shared.ports.objects import Objects, StoredObject


class File(Protocol):
    """One file that can be read to its end once."""

    def visits(self) -> Iterator[Visit]: ...


class EachFile:
    """Port `Exports`: each part by itself, opened by `file`."""

    def __init__(self, file: Callable[[StoredObject, Source, Objects], File]) -> None:
        self._file = file

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        for part in parts:
            yield from self._file(part, source, objects).visits()


class TextFile(ABC):
    """One file of text on its way through the spool; `_findings` is what was noticed about it as a whole."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        self._item = part
        self._name = arrivals.name(part.key)
        self._source = source
        self._objects = objects
        self._dates = Dates(source.date_formats)
        self._findings: list[Finding] = []

    def visits(self) -> Iterator[Visit]:
        with Spool() as spool, self._objects.open(self._item) as stream:
            text = Text(stream, self._source.encoding)
            if text.is_text:
                self._take_in(text, spool)
            else:
                self._note("FILE-NOT-TEXT", self._name)
            if self._findings:
                yield visits.about_file(self._source, self._findings)
            yield from self._give_out(spool)

    @abstractmethod
    def _take_in(self, text: Text, spool: Spool) -> None:
        """Reads the text to its end, its rows into the spool."""

    @abstractmethod
    def _give_out(self, spool: Spool) -> Iterator[Visit]:
        """The visits of the spooled rows."""

    def _note(self, code: str, value: str = "", row: int = 0) -> None:
        self._findings.append(Finding(code, row=row, column="file", value=value))
