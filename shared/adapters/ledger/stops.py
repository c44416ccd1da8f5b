"""The stops: facilities, the valve and the gate of queries, in one partition, so that one query reads them all."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.adapters.ledger.items import iso, text
from shared.adapters.ledger.packing import pack, unpack
from shared.adapters.ledger.table import Table, key
from shared.domain.query_gate import QueryGate
from shared.domain.valve import Valve
from shared.ports.ledger import StopStatus
from shared.replaced import replace

_STOPPED: Final = "STOPPED"
# Sort keys that no facility has, because a facility id contains no spaces.
_VALVE: Final = "the whole IIS"
_QUERY_GATE: Final = "all queries"
_QUERIES_OF: Final = "queries of "


class DynamoStops:
    """Port `Stops`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self) -> StopStatus:
        items = {text(item, "sk"): item for item in self._table.query("pk = :pk", {":pk": {"S": _STOPPED}})}
        valve, gate = items.pop(_VALVE, None), items.pop(_QUERY_GATE, None)
        stopped = {name: text(item, "fault") for name, item in items.items()}
        return StopStatus(
            {name: fault for name, fault in stopped.items() if not name.startswith(_QUERIES_OF)},
            unpack(valve["body"]["B"], Valve) if valve else Valve(),
            {name.removeprefix(_QUERIES_OF): fault for name, fault in stopped.items() if name.startswith(_QUERIES_OF)},
            unpack(gate["body"]["B"], QueryGate) if gate else QueryGate(),
        )

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        self._stop(facility, fault, now)

    def stop_queries_of(self, facility: str, fault: str, now: datetime) -> None:
        self._stop(f"{_QUERIES_OF}{facility}", fault, now)

    def _stop(self, name: str, fault: str, now: datetime) -> None:
        # Leaves nothing: guards the fault that stopped it first.
        self._table.put_if_absent(key(_STOPPED, name) | {"fault": {"S": fault}, "since": {"S": iso(now)}})

    def open_facility(self, facility: str) -> bool:
        were_queries = self._table.delete(key(_STOPPED, f"{_QUERIES_OF}{facility}"))
        return self._table.delete(key(_STOPPED, facility)) or were_queries

    def save_valve(self, before: Valve, after: Valve) -> bool:
        return self._save(_VALVE, before.version, replace(after, version=before.version + 1))

    def save_query_gate(self, before: QueryGate, after: QueryGate) -> bool:
        return self._save(_QUERY_GATE, before.version, replace(after, version=before.version + 1))

    def _save(self, name: str, before: int, after: Valve | QueryGate) -> bool:
        # Leaves the state as it was read: guards what another process made of it meanwhile.
        return self._table.put_if(
            "attribute_not_exists(pk) OR version = :before",
            key(_STOPPED, name) | {"version": {"N": str(after.version)}, "body": {"B": pack(after)}},
            {":before": {"N": str(before)}},
        )
