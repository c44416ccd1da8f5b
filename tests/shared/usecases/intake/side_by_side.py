"""Conversions that run side by side, one port call at a time, in an order that a seed decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from shared.usecases.intake.convert import Convert, UnwrittenError
from tests.chaos.processes import Call, Inline, Scheduler
from tests.chaos.surroundings import Agreeing
from tests.fakes.ledger import PORTS, ports_for
from tests.shared.usecases.intake.lives import Life


class _Port:
    """A port at each of whose calls another process may go on, or this one is killed."""

    def __init__(self, real: object, step: Callable[[], None]) -> None:
        self._real, self._step = real, step

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self._step()
            answer = getattr(self._real, method)(*arguments, **named)
            return list(answer) if method == "many" else answer

        return call


class SideBySide:
    """Converts exports of a life side by side. An event whose call fails or is killed comes again.

    Args:
        life: The life that stored the exports.
        random: Decides who goes on, and who is killed.
        kills: How many of the port calls are a process's last.
    """

    def __init__(self, life: Life, random: Random, kills: float) -> None:
        self._life, self._random, self._kills = life, random, kills
        self._scheduler = Scheduler()
        self._errors: list[BaseException] = []

    def convert(self, events: Sequence[str]) -> None:
        """Convert the exports of these events, by the keys of their objects, until all are done."""
        for key in events:
            self._scheduler.after(self._random.random(), partial(self._begin, key))
        while (upcoming := self._scheduler.next_time()) is not None:
            self._scheduler.time = upcoming
            self._scheduler.run_due()
        if self._errors:
            raise self._errors[0]

    def _begin(self, key: str) -> None:
        ledger = type("Ledger", (), {name: _Port(getattr(self._life.ledger, name), self._step) for name in PORTS})
        convert = Convert(
            **ports_for(Convert, ledger),
            outbox=self._life.outbox,  # type: ignore[arg-type]
            resubmission=self._life.resubmission,  # type: ignore[arg-type]
            objects=self._life.bucket,
            configurations=self._life.configurations,
            clock=self._life,
            second_opinion=Agreeing(),
            bucket="b",
        )
        convert._pool = Inline()  # type: ignore[assignment]
        ended = partial(self._ended, key)
        Call(self._scheduler, key, lambda: convert(key), app=None, seconds=10**6, ended=ended).begin()

    def _ended(self, key: str, call: Call) -> None:
        if call.is_killed or isinstance(call.error, UnwrittenError):
            self._scheduler.after(self._random.uniform(0, 20), partial(self._begin, key))
        elif call.error is not None:
            self._errors.append(call.error)

    def _step(self) -> None:
        call = threading.current_thread()
        assert isinstance(call, Call)
        call.pause(self._random.choice((0.0, 0.0, 1.0, 10.0)))
        if self._random.random() < self._kills:
            call.kill()
