"""The index `waiting`: the backlog, and the backfills of lanes beyond their daily quota (ADR 0014).

waiting index, shards 0 … 7     the backlog, by time
waiting index, shards b0 … b7   the backfills, by <source>#<clinic>#<time>
BACKFILL  <source>#<clinic>     a lane: what it took of its quota on its last day, and until when new messages wait
PACE      PACE                  what all lanes together queued at once in the last minute
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from itertools import chain, islice
from typing import Final

from shared import settings
from shared.adapters.ledger.items import (
    LANE_END,
    iso,
    lane_key,
    lane_of,
    moment,
    msh_10_of,
    number,
    since_of,
    submission_key,
    text,
    waiting_keys,
)
from shared.adapters.ledger.table import Item, Table, key
from shared.domain.lifecycle import State
from shared.domain.submission import BackfillLane
from shared.ports.ledger import QuotaUse, Waiting
from shared.ports.queues import OutboxMessage

_LANES: Final = "BACKFILL"
_PACE_KEY: Final = key("PACE", "PACE")
_SHARDS: Final = tuple(str(shard) for shard in range(settings.WAITING_SHARDS))
_BACKFILL_SHARDS: Final = tuple(settings.BACKFILL_SHARD + shard for shard in _SHARDS)


class DynamoBacklog:
    """Port `Backlog`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self) -> Iterator[Waiting]:
        items = chain.from_iterable(map(self._shard, _SHARDS))
        yield from map(_waiting, sorted(items, key=lambda item: (text(item, "created"), msh_10_of(item))))

    def _shard(self, shard: str) -> Iterator[Item]:
        return self._table.query("waiting_shard = :shard", {":shard": {"S": shard}}, index=settings.WAITING.name)

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        # Leaves the backlog: guards what is decided meanwhile, and what is in a backfill.
        self._table.update_if(
            "attribute_exists(waiting_since) AND NOT begins_with(waiting_shard, :backfill)",
            submission_key(msh_10),
            "SET waiting_since = :since",
            {":since": {"S": iso(since)}, ":backfill": {"S": settings.BACKFILL_SHARD}},
        )

    def requeue(self, msh_10: str, now: datetime) -> bool:
        waiting = waiting_keys(msh_10, now)
        # Leaves QUEUED: guards what is sending or decided meanwhile.
        return self._table.update_if(
            "#state = :queued",
            submission_key(msh_10),
            "SET deferrals = :zero, waiting_shard = :shard, waiting_since = :since "
            "REMOVE worklist_clinic, worklist_key",
            {
                ":queued": {"S": State.QUEUED.value},
                ":zero": {"N": "0"},
                ":shard": waiting["waiting_shard"],
                ":since": waiting["waiting_since"],
            },
        )


class DynamoBackfills:
    """Port `Backfills`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # The shards are read side by side, because there may be hundreds of lanes in a minute.
        self._pool = ThreadPoolExecutor(settings.WAITING_SHARDS, thread_name_prefix="shards")

    def lanes(self) -> list[BackfillLane]:
        return sorted(set(chain.from_iterable(self._pool.map(list, map(self._lanes, _BACKFILL_SHARDS)))))

    def _lanes(self, shard: str) -> Iterator[BackfillLane]:
        """The lanes in a shard, found by the first item of each: one read per lane, however much waits in it."""
        after = " "
        while True:
            values = {":shard": {"S": shard}, ":after": {"S": after}}
            condition = "waiting_shard = :shard AND waiting_since > :after"
            first = next(self._table.query(condition, values, index=settings.WAITING.name, page=1), None)
            if first is None:
                return
            lane = lane_of(first)
            yield lane
            after = lane_key(lane) + LANE_END

    def waiting_in(self, lane: BackfillLane, limit: int) -> Iterator[Waiting]:
        shards = self._pool.map(_begun, [self._shard(shard, lane, limit) for shard in _BACKFILL_SHARDS])
        return heapq.merge(*shards, key=lambda waiting: (waiting.since, waiting.message.msh_10))

    def _shard(self, shard: str, lane: BackfillLane, limit: int) -> Iterator[Waiting]:
        condition = "waiting_shard = :shard AND begins_with(waiting_since, :lane)"
        values = {":shard": {"S": shard}, ":lane": {"S": lane_key(lane)}}
        return map(_waiting, self._table.query(condition, values, index=settings.WAITING.name, page=limit))

    def admit(self, msh_10: str, now: datetime) -> bool:
        backlog = waiting_keys(msh_10, now)
        # Leaves QUEUED in a backfill: guards what was admitted, replaced or closed meanwhile.
        return self._table.update_if(
            "#state = :queued AND begins_with(waiting_shard, :backfill)",
            submission_key(msh_10),
            "SET waiting_shard = :shard, waiting_since = :since",
            {
                ":shard": backlog["waiting_shard"],
                ":since": backlog["waiting_since"],
                ":queued": {"S": State.QUEUED.value},
                ":backfill": {"S": settings.BACKFILL_SHARD},
            },
        )

    def begin(self, lane: BackfillLane, until: datetime) -> None:
        self._table.update(_lane_item_key(lane), "SET waits_until = :until", {":until": {"S": iso(until)}})

    def take_from_quota(self, lane: BackfillLane, day: date, count: int) -> QuotaUse:
        item = self._take(_lane_item_key(lane), day.isoformat(), count)
        return QuotaUse(number(item, "taken"), moment(item, "waits_until"))

    def taken_from_quotas(self, day: date) -> dict[BackfillLane, int]:
        items = self._table.query("pk = :pk", {":pk": {"S": _LANES}})
        today = [item for item in items if text(item, "quota_day") == day.isoformat()]
        return {BackfillLane(*text(item, "sk").partition("#")[::2]): number(item, "taken") for item in today}

    def take_from_pace(self, minute: datetime, count: int) -> int:
        return number(self._take(_PACE_KEY, iso(minute), count), "taken")

    def _take(self, item_key: Item, period: str, count: int) -> Item:
        """Add to the count of a period, and return the item."""
        values: Item = {":day": {"S": period}, ":count": {"N": str(count)}}
        while True:
            # Leaves a count of the period, or of a later one if clocks differ: guards the count of an earlier one.
            is_written, item = self._table.update_if_returning(
                "quota_day >= :day", item_key, "ADD taken :count", values
            )
            if not is_written:
                # Leaves no count, or one of an earlier period: guards the count that another process began.
                is_written, item = self._table.update_if_returning(
                    "attribute_not_exists(quota_day) OR quota_day < :day",
                    item_key,
                    "SET quota_day = :day, taken = :count",
                    values,
                )
            if is_written:
                return item


def _begun(values: Iterator[Waiting]) -> Iterator[Waiting]:
    """The same values, after the first one was read."""
    first = list(islice(values, 1))
    return chain(first, values)


def _waiting(item: Item) -> Waiting:
    message = OutboxMessage(msh_10_of(item), text(item, "clinic"), text(item, "patient_group"))
    return Waiting(message, since_of(item))


def _lane_item_key(lane: BackfillLane) -> Item:
    return key(_LANES, lane_key(lane).rstrip("#"))
