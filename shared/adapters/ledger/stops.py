"""The stops of delivery: the stopped facilities and the valve, in one partition, so that one query reads both."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.adapters.ledger.items import iso, text
from shared.adapters.ledger.packing import pack, unpack
from shared.adapters.ledger.table import Table, key
from shared.domain.valve import Valve
from shared.ports.ledger import StopStatus
from shared.replaced import replace

_STOPPED: Final = "STOPPED"
_VALVE: Final = "the whole IIS"
"""The valve's sort key. No facility has it, because a facility id contains no spaces."""


class DynamoStops:
    """Port `Stops`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self) -> StopStatus:
        items = {text(item, "sk"): item for item in self._table.query("pk = :pk", {":pk": {"S": _STOPPED}})}
        valve = items.pop(_VALVE, None)
        facilities = {facility: text(item, "fault") for facility, item in items.items()}
        return StopStatus(facilities, unpack(valve["body"]["B"], Valve) if valve else Valve())

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        # Leaves nothing: guards the fault that stopped the facility first.
        self._table.put_if_absent(key(_STOPPED, facility) | {"fault": {"S": fault}, "since": {"S": iso(now)}})

    def open_facility(self, facility: str) -> bool:
        return self._table.delete(key(_STOPPED, facility))

    def save_valve(self, before: Valve, after: Valve) -> bool:
        kept = replace(after, version=before.version + 1)
        # Leaves the valve as it was read: guards what another process made of it meanwhile.
        return self._table.put_if(
            "attribute_not_exists(pk) OR version = :before",
            key(_STOPPED, _VALVE) | {"version": {"N": str(kept.version)}, "body": {"B": pack(kept)}},
            {":before": {"N": str(before.version)}},
        )
