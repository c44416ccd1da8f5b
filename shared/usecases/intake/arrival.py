"""One export on its way through conversion: what is fixed about it, how far it came, and the counts so far."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.domain.clinics import Configuration, Source
from shared.domain.model import Finding, Visit
from shared.domain.submission import Checkpoint, FileSummary

_FILE_FINDINGS: Final = 200


@dataclass(slots=True)
class Arrival:
    """One export on its way through: what is fixed about it, and the counts so far.

    `begun_by` is the key of the object whose event is at work on it. `sizes_judged` are numbers of segments: the second
    opinion judged a message of each in this invocation.
    """

    file_id: str
    name: str
    source: Source
    as_of: str
    configuration: Configuration
    arrived: datetime
    begun_by: str
    rows: int = 0
    unchanged: int = 0
    built: int = 0
    objection: str = ""
    sizes_judged: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    visits: int = 0
    mark: int = 0

    def pass_over(self, visits: Iterable[Visit]) -> None:
        """Counts visits as read; the mark is over which rows make up which visit."""
        for visit in visits:
            self.visits += 1
            self.mark = zlib.crc32(repr(visit.rows).encode(), self.mark)

    def go_on(self, known: FileSummary, checkpoint: Checkpoint) -> bool:
        """Takes the counts over from where an invocation before this one came to, if the visits are the same."""
        if (self.visits, self.mark) != (checkpoint.visits, checkpoint.mark):
            self.visits = self.mark = 0
            return False
        self.rows, self.unchanged, self.findings = known.rows, known.unchanged, list(known.findings)
        self.built, self.objection = checkpoint.built, checkpoint.objection
        return True

    def summary(self, *, complete: bool) -> FileSummary:
        return FileSummary(
            file_id=self.file_id,
            name=self.name,
            source=self.source.name,
            arrived=self.arrived,
            rows=self.rows,
            unchanged=self.unchanged,
            complete=complete,
            findings=tuple(self.findings[:_FILE_FINDINGS]),
            checkpoint=None if complete else Checkpoint(self.visits, self.mark, self.built, self.objection),
            begun_by=self.begun_by,
        )
