"""The files in the ledger's table, and when each source was last heard of."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime
from typing import Final

from shared import settings
from shared.adapters.ledger.items import file_item, file_key, iso, msh_10_of, number, text
from shared.adapters.ledger.packing import unpack
from shared.adapters.ledger.table import Item, Table, key
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.replaced import replace

_FILES: Final = "FILES"
_SOURCES: Final = "SOURCES"


class DynamoSources:
    """Port `Sources`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def quiet_since(self) -> dict[str, datetime]:
        items = self._table.query("pk = :pk", {":pk": {"S": _SOURCES}})
        return {text(item, "sk"): datetime.fromisoformat(text(item, "since")) for item in items}

    def expect(self, source: str, now: datetime) -> None:
        # Leaves nothing: guards the time at which a file arrived.
        self._hear_of("attribute_not_exists(since)", source, now)

    def arrived(self, source: str, when: datetime) -> None:
        """Note that a file of a source arrived."""
        # Leaves an earlier time: guards the time of a newer file, since events come in any order.
        self._hear_of("attribute_not_exists(since) OR since < :since", source, when)

    def _hear_of(self, condition: str, source: str, when: datetime) -> None:
        self._table.update_if(condition, key(_SOURCES, source), "SET since = :since", {":since": {"S": iso(when)}})


class DynamoFiles:
    """Port `Files`."""

    def __init__(self, table: Table, sources: DynamoSources) -> None:
        self._table = table
        self._sources = sources

    def begin(self, summary: FileSummary) -> bool:
        # Leaves nothing: guards the checkpoint of whoever began the file.
        is_new = self._table.put_if_absent(file_item(summary))
        if is_new:
            self._note_source(summary)
        return is_new

    def save(self, summary: FileSummary) -> None:
        self._table.put(file_item(summary))
        self._note_source(summary)

    def remove(self, file_id: str) -> None:
        self._table.delete(file_key(file_id))

    def _note_source(self, summary: FileSummary) -> None:
        if summary.source:
            self._sources.arrived(summary.source, summary.arrived)

    def summary(self, file_id: str) -> FileSummary | None:
        item = self._table.get(file_key(file_id))
        return _summary(item) if item else None

    def get(self, file_id: str) -> FileSummary | None:
        summary = self.summary(file_id)
        return self._counted(summary) if summary else None

    def all(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        return (self._counted(summary) for summary in self.summaries() if summary.file_id not in but)

    def summaries(self) -> Iterator[FileSummary]:
        return map(_summary, self._table.query("pk = :pk", {":pk": {"S": _FILES}}))

    def _counted(self, summary: FileSummary) -> FileSummary:
        rows: dict[tuple[str, State], int] = {}
        for item in self._submissions(summary.file_id):
            place = (text(item, "clinic"), State(text(item, "state")))
            rows[place] = rows.get(place, 0) + number(item, "row_count")
        places = tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()) if count)
        return replace(summary, places=places)

    def msh_10s(self, file_id: str) -> Iterator[str]:
        return (msh_10_of(item) for item in self._submissions(file_id) if number(item, "row_count"))

    def _submissions(self, file_id: str) -> Iterator[Item]:
        return self._table.query("file_id = :file", {":file": {"S": file_id}}, index=settings.BY_FILE.name)

    def msh_10s_of_row(self, file_id: str, row: int) -> Iterator[str]:
        values: Item = {":file": {"S": file_id}, ":row": {"S": f" {row} "}}
        # A correction stands for no row of a file and has no `row_list`.
        items = self._table.query(
            "file_id = :file", values, index=settings.BY_FILE.name, only="contains(row_list, :row)"
        )
        return map(msh_10_of, items)


def _summary(item: Item) -> FileSummary:
    return unpack(item["body"]["B"], FileSummary)
