"""Trials: the first message of a facility is sent alone while the others wait for its result.

A refused password is thus tried once per process and not by a whole batch at a time.

    no trial passed ──first message, the others wait──► no set-up fault: passed, all are sent at once
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
"""How long a passed trial holds. In a busy process a batch thus costs one round trip and not two."""


class _Trial:
    """The state of one key's trial; whoever holds `lock` is the trial."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.passed_until: datetime | None = None


class Trials:
    """The trials of one process, by facility. Safe among threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = Lock()
        self._trials: dict[str, _Trial] = {}

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Wait until a trial of this key has passed, or until this message is the trial."""
        with self._guard:
            trial = self._trials.setdefault(key, _Trial())
        if self._has_passed(trial):
            yield
            return
        trial.lock.acquire()
        if self._has_passed(trial):
            trial.lock.release()
            yield
            return
        try:
            yield
        finally:
            trial.lock.release()

    def passed(self, key: str) -> None:
        """Note a call without a set-up fault. A timeout passes too, or a slow IIS would be waited for one by one."""
        self._trials.setdefault(key, _Trial()).passed_until = self._clock.now() + LASTS

    def failed(self, key: str) -> None:
        """Note a set-up fault: the next message is a trial again."""
        self._trials[key].passed_until = None

    def _has_passed(self, trial: _Trial) -> bool:
        return trial.passed_until is not None and self._clock.now() < trial.passed_until
