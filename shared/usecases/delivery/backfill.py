"""Turns for what backfills left waiting in the ledger: so many a minute go to the outbox, from each lane alike.

    export ──► convert ── within the lane's share of the day ──► outbox ──► submit
                  └────── beyond it ──► ledger, waiting for its turn ──► backfill, every minute ──► outbox

A lane is what one clinic reports by one source. The outbox stays short, so a clinic's daily messages wait behind a
minute of others' backfills at most; and no lane waits for another, however much waits there (ADR 0014).
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
_AT_LEAST: Final = 10
"""Behind an outbox that is full for other reasons, one in so many still has its turn: it may stay full for hours."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many had their turn, and whether others that may have one still wait for theirs."""

    admitted: int
    left: bool


class Backfill:
    """The use case with its ports."""

    def __init__(
        self, *, backfills: Backfills, stops: Stops, outbox: Outbox, configurations: Configurations, clock: Clock
    ) -> None:
        self._backfills = backfills
        self._stops = stops
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock

    def __call__(self) -> Admitted:
        """One minute's turns; none while delivery to the IIS is closed, and none for a stopped facility."""
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
        stopped = {one.key for one in configuration.clinics.values() if one.facility_id in stops.facilities}
        moving = [lane for lane in lanes if lane.clinic not in stopped]
        if not moving:
            return Admitted(0, left=False)
        pace = configuration.iis.backfill_per_minute
        # The IIS may be slower than the pace: what it did not get to yet counts.
        room = max(pace - self._outbox.depth(), pace // _AT_LEAST, 1)
        return self._admit(self._turns(moving, room, now), room, now)

    def _turns(self, lanes: Sequence[BackfillLane], room: int, now: datetime) -> Iterator[Waiting]:
        """One of each lane after the other; another lane is the first each minute."""
        first = int(now.timestamp()) // 60 % len(lanes)
        limit = room // len(lanes) + 1
        return _alternating(self._backfills.waiting_in(lane, limit) for lane in (*lanes[first:], *lanes[:first]))

    def _admit(self, turns: Iterator[Waiting], room: int, now: datetime) -> Admitted:
        """Queued first: where the process ends before the ledger knows, the next minute queues it again, to no harm.

        Each run is a round of its own, so that the queue takes nothing for what it had in the last five minutes.
        """
        admitted = 0
        turn = f"b{int(now.timestamp())}"
        had = (replace(one.message, round=turn) for one in islice(turns, room))
        for batch in batched(had, _BATCH):
            self._outbox.send(batch)
            admitted += sum(self._backfills.admit(one.msh_10, now) for one in batch)
        return Admitted(admitted, left=next(turns, None) is not None)


def _alternating(lines: Iterable[Iterator[_T]]) -> Iterator[_T]:
    """The first of each, then the second of each, until all are at their end."""
    waiting = deque(lines)
    while waiting:
        line = waiting.popleft()
        for one in islice(line, 1):
            waiting.append(line)
            yield one


def waiting_for_turns(backfills: Backfills, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """Everything that waits for its turn, of one clinic or of all, lane by lane, read as the iterator advances."""
    lanes = (lane for lane in backfills.lanes() if clinic in ("", lane.clinic))
    return chain.from_iterable(backfills.waiting_in(lane, limit) for lane in lanes)


def all_waiting(backlog: Backlog, backfills: Backfills, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """What waits for delivery, and after it what waits for its turn, of one clinic or of all."""
    waiting = (one for one in backlog.waiting() if clinic in ("", one.message.clinic))
    return chain(waiting, waiting_for_turns(backfills, limit, clinic))


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
        # The note must not lapse before these are written and backfill finds them.
        if lasts < timedelta(seconds=settings.BACKFILL_LASTS / 2):
            self._backfills.begin(lane, now + timedelta(seconds=settings.BACKFILL_LASTS))
        return True
