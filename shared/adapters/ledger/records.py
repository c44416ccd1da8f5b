"""The records in the ledger's table: one item each, under an optimistic lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.adapters.ledger.items import record_item, record_key
from shared.adapters.ledger.packing import unpack
from shared.adapters.ledger.table import Statement, Table, inserting
from shared.domain.submission import Record


class DynamoRecords:
    """Port `Records`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, keys: Iterable[str]) -> dict[str, Record]:
        found = self._table.get_many(map(record_key, keys))
        return {record.key: record for record in (unpack(item["body"]["B"], Record) for item in found)}

    def save(self, record: Record) -> bool:
        item = record_item(record)
        if record.version == 1:
            # Leaves nothing: guards a first version that another process wrote.
            return self._table.put_if_absent(item)
        # Leaves the version before: guards every other version that another process wrote.
        return self._table.put_if("version = :before", item, {":before": _before(record)})

    def save_all(self, records: Sequence[Record]) -> list[bool]:
        return self._table.execute([self._saving(record) for record in records])

    def _saving(self, record: Record) -> Statement:
        item = record_item(record)
        if record.version == 1:
            # Leaves nothing: guards a first version that another process wrote.
            return inserting(self._table.name, item)
        # Leaves the version before: guards every other version that another process wrote.
        change = 'SET "version"=? SET "body"=? WHERE "pk"=? AND "sk"=? AND "version"=?'
        return {
            "Statement": " ".join(("UPDATE", f'"{self._table.name}"', change)),
            "Parameters": [item["version"], item["body"], item["pk"], item["sk"], _before(record)],
        }


def _before(record: Record) -> dict[str, str]:
    return {"N": str(record.version - 1)}
