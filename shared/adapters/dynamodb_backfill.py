"""The ledger's waiting room: submissions of large exports that have no queue message until it is their turn (ADR 0014).

waiting index, shards b0 … b7   what waits, by the time when it was made
BACKFILL  <source>              until when what is new of a source waits behind it
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from shared import settings
from shared.adapters.dynamodb_index import DynamoIndex
from shared.adapters.dynamodb_items import Item, iso, moment, msh_10_of, text, waiting_keys
from shared.domain.lifecycle import State
from shared.ports import OutboxMessage, Waiting

_PARTITION = "BACKFILL"


class DynamoBackfill(DynamoIndex):
    """The part of port `Ledger` that gives turns."""

    def backfill(self, limit: int) -> Iterator[Waiting]:
        shards = [self._shard(f"{settings.BACKFILL_SHARD}{number}", limit) for number in range(settings.WAITING_SHARDS)]
        return heapq.merge(*shards, key=lambda one: (one.since, one.message.msh_10))

    def _shard(self, shard: str, limit: int) -> Iterator[Waiting]:
        values = {":shard": {"S": shard}}
        for item in self._query(settings.WAITING.name, "waiting_shard = :shard", values, page=limit):
            message = OutboxMessage(msh_10_of(item), text(item, "clinic"), text(item, "patient_group"))
            yield Waiting(message, datetime.fromisoformat(text(item, "waiting_since")))

    def admit(self, msh_10: str, now: datetime) -> bool:
        keys = waiting_keys(msh_10, now)
        return self._update_item(
            {"pk": {"S": f"SUB#{msh_10}"}, "sk": {"S": "SUB"}},
            "SET waiting_shard = :shard, waiting_since = :since",
            "#state = :queued AND begins_with(waiting_shard, :backfill)",
            {
                ":shard": keys["waiting_shard"],
                ":since": keys["waiting_since"],
                ":queued": {"S": State.QUEUED.value},
                ":backfill": {"S": settings.BACKFILL_SHARD},
            },
        )

    def begin_backfill(self, source: str, until: datetime) -> None:
        item: Item = {"pk": {"S": _PARTITION}, "sk": {"S": source}, "until": {"S": iso(until)}}
        self._client.put_item(TableName=self._table, Item=item)

    def is_backfilling(self, source: str, now: datetime) -> bool:
        key = {"pk": {"S": _PARTITION}, "sk": {"S": source}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return _lasts(item, now)

    def backfilling(self, now: datetime) -> frozenset[str]:
        found = self._query(None, "pk = :pk", {":pk": {"S": _PARTITION}})
        return frozenset(text(item, "sk") for item in found if _lasts(item, now))


def _lasts(item: Item, now: datetime) -> bool:
    until = moment(item, "until")
    return until is not None and until > now
