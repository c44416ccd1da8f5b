"""Function calls that run beside each other, one step at a time, in an order that the seed decides.

Each call has a thread of its own, and a baton: only who holds it runs. A call gives it back where it waits, and may
never get it again: that is a killed function. So a schedule is as repeatable as a single thread, and a slow sender can
still meet the one who took over its claim.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

START: Final = datetime(2026, 3, 2, 6, tzinfo=UTC)
_EVER: Final = 300.0


class KilledError(BaseException):
    """The process ended here. Not an `Exception`: nobody survives it by catching."""


class Inline:
    """What a thread pool is to a use case, without threads."""

    def map(self, work: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        return iter([work(*one) for one in zip(*items, strict=False)])

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - as a pool keeps it; whoever is killed is not kept
            future.set_exception(error)
        return future


class Scheduler:
    """The time, what is to happen when, and the baton."""

    def __init__(self) -> None:
        self.time = START
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._back = threading.Semaphore(0)

    def now(self) -> datetime:
        return self.time

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.time + timedelta(seconds=seconds), next(self._numbers), what))

    def next_time(self) -> datetime | None:
        return self._agenda[0][0] if self._agenda else None

    def run_due(self) -> None:
        """Lets everything happen whose time has come."""
        while self._agenda and self._agenda[0][0] <= self.time:
            heapq.heappop(self._agenda)[2]()


class Call(threading.Thread):
    """One call of a function. `ended` is told how it ended: with its answer, or the error."""

    def __init__(
        self,
        scheduler: Scheduler,
        name: str,
        work: Callable[[], Any],
        *,
        app: Any,
        seconds: float,
        ended: Callable[[Call], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.app = app
        self.answer: Any = None
        self.error: BaseException | None = None
        self.is_killed = False
        self._scheduler = scheduler
        self._work = work
        self._ended = ended
        self._baton = threading.Semaphore(0)
        self._deadline = scheduler.time + timedelta(seconds=seconds)

    def begin(self) -> None:
        self.start()
        self._resume()

    def pause(self, seconds: float) -> None:
        """Lets others go on for so long; called in the call's own thread."""
        self._scheduler.after(seconds, self._resume)
        self._scheduler._back.release()
        self._baton.acquire()
        if self._scheduler.time >= self._deadline:
            self.kill()

    def kill(self) -> None:
        self.is_killed = True
        raise KilledError

    def seconds_left(self) -> float:
        return max(0.0, (self._deadline - self._scheduler.time).total_seconds())

    def get_remaining_time_in_millis(self) -> int:
        """Lambda's context asks this."""
        return int(self.seconds_left() * 1000)

    def run(self) -> None:
        self._baton.acquire()
        try:
            self.answer = self._work()
        except BaseException as error:  # noqa: BLE001 - the world decides what an error means
            self.error = error
        self._scheduler._back.release()

    def _resume(self) -> None:
        self._baton.release()
        if not self._scheduler._back.acquire(timeout=_EVER):
            raise RuntimeError(f"{self.name} did not give the baton back")
        # The thread ends right after its last release of the baton; where it only paused it holds no answer yet.
        if self.answer is not None or self.error is not None:
            self.join()
            self._ended(self)
