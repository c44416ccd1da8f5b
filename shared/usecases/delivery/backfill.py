"""Backfills: messages beyond a lane's daily quota or the IIS's pace wait in the ledger, to be sent in turn (ADR 0014).

    export ──► convert ──within quota and pace──► outbox ──► submit
                  └──────beyond one of them──► ledger ──backfill, every minute──► outbox

A backfill lane is one clinic and source that have a backfill. All lanes get the same number of messages per minute;
where there are more lanes than messages, those that had the fewest messages today come first. The outbox holds about
one minute's messages, so a clinic's daily message waits for its turn and that minute, however many other clinics send.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, TypeVar

from shared import settings
from shared.batched import batched
from shared.domain.lifecycle import State
from shared.domain.submission import BackfillLane, Submission
from shared.domain.valve import Valve
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backfills, Backlog, Stops, Waiting
from shared.ports.queues import Outbox
from shared.replaced import replace

_BATCH: Final = 100
_WRITERS: Final = 8
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
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="backfill")

    def __call__(self) -> Admitted:
        """Queue the next messages of all lanes: none of a stopped facility, and none while the valve is closed.

        On trial the valve takes a few.
        """
        now = self._clock.now()
        lanes = self._backfills.lanes()
        if not lanes:
            return Admitted(0, left=False)
        until = now + timedelta(seconds=settings.BACKFILL_LASTS)
        list(self._pool.map(lambda lane: self._backfills.begin(lane, until), lanes))
        stops = self._stops.current()
        if not (stops.valve.is_open or stops.valve.on_trial):
            return Admitted(0, left=True)
        configuration = self._configurations.current()
        clinics = configuration.clinics.values()
        stopped = {clinic.key for clinic in clinics if clinic.facility_id in stops.facilities}
        moving = [lane for lane in lanes if lane.clinic not in stopped]
        if not moving:
            return Admitted(0, left=False)
        room = self._room(configuration.iis.backfill_per_minute, stops.valve)
        return self._admit(self._in_turn(moving, room, now), room, now)

    def _room(self, pace: int, valve: Valve) -> int:
        """Return how many messages may be queued now."""
        # The IIS may be slower than the pace, so messages still in the outbox count.
        depth = self._outbox.depth()
        if valve.on_trial:
            # Where nothing but backfills waits, the trial needs messages too.
            return max(valve.round - depth, 0)
        return max(pace - depth, pace // _LEAST, 1)

    def _in_turn(self, lanes: Sequence[BackfillLane], room: int, now: datetime) -> Iterator[Waiting]:
        """Yield one message of each lane in turn, beginning with another lane each minute."""
        first = int(now.timestamp()) // 60 % len(lanes)
        ordered = [*lanes[first:], *lanes[:first]]
        if len(lanes) > room:
            # Not every lane has a turn: a clinic's daily message goes before those of large backfills.
            taken = self._backfills.taken_from_quotas(now.date())
            ordered.sort(key=lambda lane: taken.get(lane, 0))
        limit = room // len(lanes) + 1
        return _alternating(self._backfills.waiting_in(lane, limit) for lane in ordered)

    def _admit(self, waiting: Iterator[Waiting], room: int, now: datetime) -> Admitted:
        """Queue messages, then note it in the ledger. If the process ends in between, they are queued twice: harmless.

        Each run has a `round` of its own, so that SQS does not drop messages as duplicates of the last five minutes.
        """
        admitted = 0
        round_ = f"b{int(now.timestamp())}"
        messages = (replace(one.message, round=round_) for one in islice(waiting, room))
        for batch in batched(messages, _BATCH):
            self._outbox.send(batch)
            admitted += sum(self._pool.map(lambda message: self._backfills.admit(message.msh_10, now), batch))
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
    """The messages that are queued at once: of a lane those within its daily quota, of all lanes those within the pace.

    The rest waits in the lanes. While a lane has a backfill, its new messages wait behind it, so that a record's
    messages keep their order.
    """

    def __init__(self, backfills: Backfills, outbox: Outbox, clock: Clock) -> None:
        self._backfills = backfills
        self._outbox = outbox
        self._clock = clock

    def exceeded(self, made: Iterable[Submission], quota: int, pace: int) -> frozenset[BackfillLane]:
        """Count new submissions against quota and pace, before they are written.

        Args:
            made: The new submissions.
            quota: How many messages of a lane are queued at once on a day (UTC).
            pace: How many messages of all lanes are queued at once in a minute.

        Returns:
            The lanes in which these submissions have to wait.
        """
        counts: dict[BackfillLane, int] = {}
        for one in made:
            if one.state is State.QUEUED:
                counts[one.lane] = counts.get(one.lane, 0) + 1
        if not counts:
            return frozenset()
        # The IIS may be slower than the pace.
        is_full = self._outbox.depth() >= pace
        return frozenset(
            lane for lane, count in counts.items() if self._has_to_wait(lane, count, quota, 0 if is_full else pace)
        )

    def _has_to_wait(self, lane: BackfillLane, count: int, quota: int, pace: int) -> bool:
        now = self._clock.now()
        day = self._backfills.take_from_quota(lane, now.date(), count)
        lasts = day.waits_until - now if day.waits_until else timedelta(0)
        if lasts <= timedelta(0) and day.taken <= quota and self._is_within(pace, count, now):
            return False
        # The lane must not lapse before these are written and `Backfill` finds them.
        if lasts < timedelta(seconds=settings.BACKFILL_LASTS / 2):
            self._backfills.begin(lane, now + timedelta(seconds=settings.BACKFILL_LASTS))
        return True

    def _is_within(self, pace: int, count: int, now: datetime) -> bool:
        minute = now.replace(second=0, microsecond=0)
        return count <= pace and self._backfills.take_from_pace(minute, count) <= pace
