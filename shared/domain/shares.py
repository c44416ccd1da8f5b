"""Shares of a large file: conversions side by side, each of some of its patients, that stay one file (ADR 0017)."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Final

import msgspec

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.replaced import replace

_SHARE: Final = re.compile(r"-\d+of\d+$")


class PatientShare(msgspec.Struct, frozen=True, gc=False):
    """The patients of a file whose hash, modulo `of`, is `number`; all of them where nothing else is said."""

    number: int = 0
    of: int = 1

    def keeps(self, patient: str) -> bool:
        """Whether a patient is of this share. What names no patient is of the first one.

        Spaces do not count, since a reader may write a tab of a record number as a space: what becomes one record
        must be in one share.
        """
        if self.of == 1:
            return True
        return zlib.crc32("".join(patient.split()).encode("utf-8", "surrogatepass")) % self.of == self.number

    @property
    def is_first(self) -> bool:
        """Whether it is the one that tells what there is to tell of the file itself."""
        return self.number == 0

    def id_in(self, file_id: str) -> str:
        """The share's own id. It sorts right behind the file's, since no id of a file begins with another."""
        return f"{file_id}-{self.number}of{self.of}"


EVERYBODY: Final = PatientShare()


def shares(of: int) -> tuple[PatientShare, ...]:
    """All shares of a file that is split into so many."""
    return tuple(PatientShare(number, of) for number in range(of))


def whole_id(file_id: str) -> str:
    """The id of the file, from its own or that of one of its shares."""
    return _SHARE.sub("", file_id)


def ids_of(file: FileSummary) -> tuple[str, ...]:
    """Under which ids the submissions of a file stand: its shares' where it was split, else its own."""
    if not file.shares:
        return (file.file_id,)
    return tuple(share.id_in(file.file_id) for share in shares(file.shares))


def together(file: FileSummary, others: Iterable[FileSummary]) -> FileSummary:
    """A file that was split as the one file that it is, with the counts of its shares among `others`.

    It is complete when every share is. A file that was not split is as it was.
    """
    if not file.shares:
        return file
    own = set(ids_of(file))
    found = [one for one in others if one.file_id in own]
    places: Counter[tuple[str, State]] = Counter()
    for clinic, state, rows in chain.from_iterable(one.places for one in found):
        places[clinic, state] += rows
    return replace(
        file,
        rows=sum(one.rows for one in found),
        unchanged=sum(one.unchanged for one in found),
        complete=len(found) == file.shares and all(one.complete for one in found),
        findings=tuple(chain.from_iterable(one.findings for one in found)),
        places=tuple((clinic, state, rows) for (clinic, state), rows in sorted(places.items())),
        checkpoint=None,
    )
