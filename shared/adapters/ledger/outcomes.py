"""The outcomes day by day, and the values that submissions are searched by (ADR 0011).

    DAY#<day>     <clinic>#<MSH-10>        one outcome, written once; the same again changes nothing
    LATE          <day>                    how often an outcome came when its day was over; a kept count names it
    FIND#<shelf>  <search key><MSH-10> …   values that people search by, and the submissions that have them

Outcomes and search keys are written without a condition, because their content follows from the submission.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from shared.adapters.ledger.items import number, text
from shared.adapters.ledger.packing import pack, unpack
from shared.adapters.ledger.secret_key import LedgerKey
from shared.adapters.ledger.table import BATCH_WRITE, Item, Table, key
from shared.batched import batched
from shared.domain import identity
from shared.domain.outcome import Outcome, SearchTerm

_LATE: Final = "LATE"
# As many as one call writes, so that a chunk of an export costs one write per shelf. A search reads a whole shelf.
_SHELVES: Final = BATCH_WRITE
# A sort key has at most 1,024 bytes (AWS: DynamoDB quotas), as has a write unit; an entry and its space have 37.
_ENTRIES_PER_ITEM: Final = 26


class DynamoOutcomes:
    """Port `Outcomes`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, outcome: Outcome, now: datetime) -> None:
        self._table.put(key(_day(outcome.day), f"{outcome.clinic}#{outcome.msh_10}") | {"body": {"B": pack(outcome)}})
        if outcome.day < now.astimezone(UTC).date():
            # After the outcome: a count that is made between the two writes is void by the second.
            self._table.update(key(_LATE, outcome.day.isoformat()), "ADD times :one", {":one": {"N": "1"}})

    def late(self, since: date, until: date) -> Mapping[date, int]:
        values: Item = {
            ":late": {"S": _LATE},
            ":since": {"S": since.isoformat()},
            ":until": {"S": until.isoformat()},
        }
        items = self._table.query("pk = :late AND sk BETWEEN :since AND :until", values)
        return {date.fromisoformat(text(item, "sk")): number(item, "times") for item in items}

    def of_day(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        condition = "pk = :day"
        values: Item = {":day": {"S": _day(day)}}
        if clinic:
            condition += " AND begins_with(sk, :clinic)"
            values[":clinic"] = {"S": f"{clinic}#"}
        for item in self._table.query(condition, values):
            yield unpack(item["body"]["B"], Outcome)


class DynamoSearchKeys:
    """Port `SearchKeys`. An item is its keys: a sort key names as many submissions as it has room for."""

    def __init__(self, table: Table, ledger_key: LedgerKey) -> None:
        self._table = table
        self._ledger_key = ledger_key

    def add(self, values: Sequence[SearchTerm]) -> None:
        secret = self._ledger_key.get()
        shelves: defaultdict[str, list[str]] = defaultdict(list)
        for value in values:
            search_key = identity.search_key(secret, value.kind, value.value)
            shelves[_shelf(search_key)] += [search_key + msh_10 for msh_10 in value.msh_10s]
        self._table.put_many(
            key(shelf, " ".join(together))
            for shelf, entries in shelves.items()
            for together in batched(entries, _ENTRIES_PER_ITEM)
        )

    def find(self, kind: str, value: str) -> Iterator[str]:
        search_key = identity.search_key(self._ledger_key.get(), kind, value)
        items = self._table.query("pk = :shelf", {":shelf": {"S": _shelf(search_key)}})
        entries = (entry for item in items if search_key in (sk := text(item, "sk")) for entry in sk.split())
        # A conversion that is repeated may write the same submissions together with others.
        yield from dict.fromkeys(entry.removeprefix(search_key) for entry in entries if entry.startswith(search_key))


def _day(day: date) -> str:
    return f"DAY#{day.isoformat()}"


def _shelf(search_key: str) -> str:
    return f"FIND#{int(search_key[:8], 16) % _SHELVES}"
