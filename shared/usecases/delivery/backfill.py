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
from shared.domain.submission import Lane, Submission
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Ledger, Waiting
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

    def __init__(self, *, ledger: Ledger, outbox: Outbox, configurations: Configurations, clock: Clock) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock

    def __call__(self) -> Admitted:
        """One minute's turns; none while delivery to the IIS is closed, and none for a stopped facility."""
        now = self._clock.now()
        lanes = self._ledger.lanes()
        if not lanes:
            return Admitted(0, left=False)
        until = now + timedelta(seconds=settings.BACKFILL_LASTS)
        for lane in lanes:
            self._ledger.begin_backfill(lane, until)
        stops = self._ledger.stops()
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

    def _turns(self, lanes: Sequence[Lane], room: int, now: datetime) -> Iterator[Waiting]:
        """One of each lane after the other; another lane is the first each minute."""
        first = int(now.timestamp()) // 60 % len(lanes)
        limit = room // len(lanes) + 1
        return _alternating(self._ledger.backfill(lane, limit) for lane in (*lanes[first:], *lanes[:first]))

    def _admit(self, turns: Iterator[Waiting], room: int, now: datetime) -> Admitted:
        """Queued first: where the process ends before the ledger knows, the next minute queues it again, to no harm.

        Each run is a round of its own, so that the queue takes nothing for what it had in the last five minutes.
        """
        admitted = 0
        turn = f"b{int(now.timestamp())}"
        had = (replace(one.message, round=turn) for one in islice(turns, room))
        for batch in batched(had, _BATCH):
            self._outbox.send(batch)
            admitted += sum(self._ledger.admit(one.msh_10, now) for one in batch)
        return Admitted(admitted, left=next(turns, None) is not None)


def _alternating(lines: Iterable[Iterator[_T]]) -> Iterator[_T]:
    """The first of each, then the second of each, until all are at their end."""
    waiting = deque(lines)
    while waiting:
        line = waiting.popleft()
        for one in islice(line, 1):
            waiting.append(line)
            yield one


def waiting_for_turns(ledger: Ledger, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """Everything that waits for its turn, of one clinic or of all, lane by lane, read as the iterator advances."""
    lanes = (lane for lane in ledger.lanes() if clinic in ("", lane.clinic))
    return chain.from_iterable(ledger.backfill(lane, limit) for lane in lanes)


def all_waiting(ledger: Ledger, limit: int, clinic: str = "") -> Iterator[Waiting]:
    """What waits for delivery, and after it what waits for its turn, of one clinic or of all."""
    waiting = (one for one in ledger.waiting() if clinic in ("", one.message.clinic))
    return chain(waiting, waiting_for_turns(ledger, limit, clinic))


class Shares:
    """Who has to wait: of each lane a day's first messages are queued at once, what is beyond them waits its turn.

    While anything of a lane waits, everything new of it waits behind: a record's messages keep their order.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def waiting(self, made: Iterable[Submission], share: int) -> frozenset[Lane]:
        """The lanes of these new submissions in which they have to wait, noted before they are written.

        `share` is how many of a lane are queued at once in a day (UTC).
        """
        counts: dict[Lane, int] = {}
        for one in made:
            if one.state is State.QUEUED:
                counts[one.lane] = counts.get(one.lane, 0) + 1
        return frozenset(lane for lane, count in counts.items() if self._has_to_wait(lane, count, share))

    def _has_to_wait(self, lane: Lane, count: int, share: int) -> bool:
        now = self._clock.now()
        day = self._ledger.take_share(lane, now.date(), count)
        lasts = day.waits_until - now if day.waits_until else timedelta(0)
        if lasts <= timedelta(0) and day.taken <= share:
            return False
        # The note must not lapse before these are written and backfill finds them.
        if lasts < timedelta(seconds=settings.BACKFILL_LASTS / 2):
            self._ledger.begin_backfill(lane, now + timedelta(seconds=settings.BACKFILL_LASTS))
        return True
