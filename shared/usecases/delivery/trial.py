"""One message of a facility goes first: a refused password is tried once per process, not by a whole batch at a time.

not proven ──first call, the others wait──► no set-up fault: proven, all go side by side
                                        └─► set-up fault: the facility is stopped, the others are not sent
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from shared.ports.clock import Clock

LASTS: Final = timedelta(minutes=5)
"""How long one call without a set-up fault counts: in a busy process a batch costs one round trip, not two."""


class Trial:
    """Whether one facility's set-up was accepted lately, and the turn of the message that finds out."""

    def __init__(self) -> None:
        self.turn = Lock()
        self.until: datetime | None = None


class Trials:
    """The proofs of all facilities that this process delivers for. Safe among threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = Lock()
        self._trials: dict[str, Trial] = {}

    @contextmanager
    def hold(self, facility: str) -> Iterator[None]:
        """Holds back until the facility is proven, or until it is this message's turn to find out."""
        with self._guard:
            trial = self._trials.setdefault(facility, Trial())
        if self._holds(trial):
            yield
            return
        trial.turn.acquire()
        if self._holds(trial):
            trial.turn.release()
            yield
            return
        try:
            yield
        finally:
            trial.turn.release()

    def passed(self, facility: str) -> None:
        """Notes a call without a set-up fault; a timeout too, so that a slow IIS is not waited for in turns."""
        self._trials.setdefault(facility, Trial()).until = self._clock.now() + LASTS

    def failed(self, facility: str) -> None:
        """Notes a set-up fault: the next message finds out anew."""
        self._trials[facility].until = None

    def _holds(self, trial: Trial) -> bool:
        return trial.until is not None and self._clock.now() < trial.until
