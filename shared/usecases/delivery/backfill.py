"""Backfills: messages beyond a lane's daily quota wait in the ledger and are queued a few per minute (ADR 0014).

    export ──► convert ──within the daily quota──► outbox ──► submit
                  └──────beyond it──► ledger ──backfill, every minute──► outbox

A backfill lane is one clinic and source that have a backfill. All lanes get the same number of messages per minute. The
outbox stays short, so a clinic's daily messages wait behind one minute of other clinics' backfills at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, TypeVar

from shared import settings
from shared.batched import batched
from shared.domain.lifecycle import State
from shared.domain.submission import BackfillLane, Submission
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backfills, Backlog, Stops, Waiting
from shared.ports.queues import Outbox
from shared.replaced import replace

_BATCH: Final = 100
_LEAST: Final = 10
"""The least part of the pace, as a divisor, that is queued behind a full outbox: it may stay full for hours."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many messages were queued, and whether messages that may be queued are left."""

    admitted: int
    left: bool


class Backfill:
    """Queues one minute's messages of the backfill lanes.

    Args:
        backfills: The lanes and what waits in them.
        stops: The stopped facilities and the valve.
        outbox: Receives the references.
        configurations: The clinics.toml in force, with the pace (`iis.backfill_per_minute`).
        clock: The current time.
    """

    def __init__(
        self, *, backfills: Backfills, stops: Stops, outbox: Outbox, configurations: Configurations, clock: Clock
    ) -> None:
        self._backfills = backfills
        self._stops = stops
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock

    def __call__(self) -> Admitted:
        """Queue the next messages of all lanes: none while the valve is closed, and none of a stopped facility."""
        now = self._clock.now()
        lanes = self._backfills.lanes()
        if not lanes:
            return Admitted(0, left=False)
        until = now + timedelta(seconds=settings.BACKFILL_LASTS)
        for lane in lanes:
            self._backfills.begin(lane, until)
        stops = self._stops.current()
        if not stops.valve.is_open:
            return Admitted(0, left=True)
        configuration = self._configurations.current()
        clinics = configuration.clinics.values()
        stopped = {clinic.key for clinic in clinics if clinic.facility_id in stops.facilities}
        moving = [lane for lane in lanes if lane.clinic not in stopped]
        if not moving:
            return Admitted(0, left=False)
        pace = configuration.iis.backfill_per_minute
        # The IIS may be slower than the pace, so messages still in the outbox count.
        room = max(pace - self._outbox.depth(), pace // _LEAST, 1)
        return self._admit(self._in_turn(moving, room, now), room, now)

    def _in_turn(self, lanes: Sequence[BackfillLane], room: int, now: datetime) -> Iterator[Waiting]:
        """Yield one message of each lane in turn, beginning with another lane each minute."""
        first = int(now.timestamp()) // 60 % len(lanes)
        limit = room // len(lanes) + 1
        return _alternating(self._backfills.waiting_in(lane, limit) for lane in (*lanes[first:], *lanes[:first]))

    def _admit(self, waiting: Iterator[Waiting], room: int, now: datetime) -> Admitted:
        """Queue messages, then note it in the ledger. If the process ends in between, they are queued twice: harmless.

        Each run has a `round` of its own, so that SQS does not drop messages as duplicates of the last five minutes.
        """
        admitted = 0
        round_ = f"b{int(now.timestamp())}"
        messages = (replace(one.message, round=round_) for one in islice(waiting, room))
        for batch in batched(messages, _BATCH):
            self._outbox.send(batch)
            admitted += sum(self._backfills.admit(message.msh_10, now) for message in batch)
        return Admitted(admitted, left=next(waiting, None) is not None)


def _alternating(iterators: Iterable[Iterator[_T]]) -> Iterator[_T]:
    """Yield the first value of each iterator, then the second of each, until all are exhausted."""
    remaining = deque(iterators)
    while remaining:
        iterator = remaining.popleft()
        for value in islice(iterator, 1):
            remaining.append(iterator)
            yield value


def waiting_in_backfills(backfills: Backfills, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """Yield everything in the backfills of one clinic or of all, lane by lane, read as the iterator advances.

    Args:
        backfills: The lanes and what waits in them.
        limit: About how many will be wanted; the page size of the reads.
        clinic: A clinic's key, or empty for all.
    """
    lanes = (lane for lane in backfills.lanes() if clinic in ("", lane.clinic))
    return chain.from_iterable(backfills.waiting_in(lane, limit) for lane in lanes)


def all_waiting(backlog: Backlog, backfills: Backfills, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """Yield what waits for delivery, then the backfills, of one clinic or of all. See `waiting_in_backfills`."""
    waiting = (one for one in backlog.waiting() if clinic in ("", one.message.clinic))
    return chain(waiting, waiting_in_backfills(backfills, limit, clinic))


class DailyQuota:
    """The daily quota of each backfill lane: messages within it are queued at once, messages beyond it wait.

    While a lane has a backfill, its new messages wait behind it, so that a record's messages keep their order.
    """

    def __init__(self, backfills: Backfills, clock: Clock) -> None:
        self._backfills = backfills
        self._clock = clock

    def exceeded(self, made: Iterable[Submission], quota: int) -> frozenset[BackfillLane]:
        """Count new submissions against the quota, before they are written.

        Args:
            made: The new submissions.
            quota: How many messages of a lane are queued at once on a day (UTC).

        Returns:
            The lanes in which these submissions have to wait.
        """
        counts: dict[BackfillLane, int] = {}
        for one in made:
            if one.state is State.QUEUED:
                counts[one.lane] = counts.get(one.lane, 0) + 1
        return frozenset(lane for lane, count in counts.items() if self._has_to_wait(lane, count, quota))

    def _has_to_wait(self, lane: BackfillLane, count: int, quota: int) -> bool:
        now = self._clock.now()
        day = self._backfills.take_from_quota(lane, now.date(), count)
        lasts = day.waits_until - now if day.waits_until else timedelta(0)
        if lasts <= timedelta(0) and day.taken <= quota:
            return False
        # The lane must not lapse before these are written and `Backfill` finds them.
        if lasts < timedelta(seconds=settings.BACKFILL_LASTS / 2):
            self._backfills.begin(lane, now + timedelta(seconds=settings.BACKFILL_LASTS))
        return True
