"""The ledger's waiting room: submissions of backfills that have no queue message until it is their turn (ADR 0014).

waiting index, shards b0 … b7   what waits, as <source>#<clinic>#<time>: its lane, and when it was made
BACKFILL  <source>#<clinic>     a lane: what it queued on its last day, and until when what is new of it waits
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from typing import Final

from shared import settings
from shared.adapters.ledger.batches import DynamoBatches
from shared.adapters.ledger.items import (
    LANE_END,
    Item,
    iso,
    lane_key,
    lane_of,
    moment,
    msh_10_of,
    number,
    since_of,
    text,
    waiting_keys,
)
from shared.domain.lifecycle import State
from shared.domain.submission import Lane
from shared.ports.ledger import Share, Waiting
from shared.ports.queues import OutboxMessage

_SHARDS: Final = tuple(f"{settings.BACKFILL_SHARD}{number}" for number in range(settings.WAITING_SHARDS))


class DynamoBackfill(DynamoBatches):
    """The part of port `Ledger` that gives turns."""

    def lanes(self) -> list[Lane]:
        return sorted(set(chain.from_iterable(map(self._lanes, _SHARDS))))

    def _lanes(self, shard: str) -> Iterator[Lane]:
        """The lanes in one shard, each found by its first item: one read a lane, however much waits in it."""
        after = " "
        while True:
            values = {":shard": {"S": shard}, ":after": {"S": after}}
            found = self._query(
                settings.WAITING.name, "waiting_shard = :shard AND waiting_since > :after", values, page=1
            )
            first = next(found, None)
            if first is None:
                return
            lane = lane_of(first)
            yield lane
            after = lane_key(lane) + LANE_END

    def backfill(self, lane: Lane, limit: int) -> Iterator[Waiting]:
        shards = [self._shard(shard, lane, limit) for shard in _SHARDS]
        return heapq.merge(*shards, key=lambda one: (one.since, one.message.msh_10))

    def _shard(self, shard: str, lane: Lane, limit: int) -> Iterator[Waiting]:
        condition = "waiting_shard = :shard AND begins_with(waiting_since, :lane)"
        values = {":shard": {"S": shard}, ":lane": {"S": lane_key(lane)}}
        for item in self._query(settings.WAITING.name, condition, values, page=limit):
            message = OutboxMessage(msh_10_of(item), text(item, "clinic"), text(item, "patient_group"))
            yield Waiting(message, since_of(item))

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

    def begin_backfill(self, lane: Lane, until: datetime) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(lane),
            UpdateExpression="SET waits_until = :until",
            ExpressionAttributeValues={":until": {"S": iso(until)}},
        )

    def take_share(self, lane: Lane, day: date, count: int) -> Share:
        values: Item = {":day": {"S": day.isoformat()}, ":count": {"N": str(count)}}
        # Of the day that is noted (or, where the clocks of two processes differ, a later one): added. Else anew.
        added = self._share(lane, "ADD taken :count", "share_day >= :day", values)
        if added is None:
            anew = "attribute_not_exists(share_day) OR share_day < :day"
            added = self._share(lane, "SET share_day = :day, taken = :count", anew, values)
        # Somebody else began the day in between.
        return added or self.take_share(lane, day, count)

    def _share(self, lane: Lane, update: str, condition: str, values: Item) -> Share | None:
        item = self._updated(_key(lane), update, condition, values, returns="ALL_NEW")
        return None if item is None else Share(number(item, "taken"), moment(item, "waits_until"))


def _key(lane: Lane) -> Item:
    return {"pk": {"S": "BACKFILL"}, "sk": {"S": lane_key(lane).rstrip("#")}}
