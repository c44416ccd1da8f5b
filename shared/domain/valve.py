"""The valve of the whole IIS, a circuit breaker: when it closes, when the IIS is probed, and when it opens again.

    open ──CLOSE_AFTER faults in a row──► closed by FAULTS ──good probe──► on trial ──────an answer──► open
     │  ▲                                        ▲   │ bad probe: the        │ one fault
     │  └─────────── `vaxline valve open` ───────┼───┘ next one later        │
     │                                           └───────────────────────────┘
     ├──a window of iis.maintenance begins──► closed by MAINTENANCE ──it ends, good probe──► on trial
     └──`vaxline valve close`──► closed by a PERSON ──`vaxline valve open`──► open

Only faults of the IIS or of the connection to it are counted (`COUNTED`). A lost answer counts like a refused
connection, because a person has to look into every message whose outcome is unknown. An answer resets the count.

After a good probe the valve is on trial: one fault closes it again, and each probe waits longer than the one before,
until a message is answered. This module is pure; `shared/usecases/delivery/valve.py` probes and stores.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.submission import Strategy
from shared.replaced import replace

CLOSE_AFTER: Final = 5
"""Number of consecutive faults that closes the valve.

IZ Gateway measured 2 % of messages failing in a typical week and 25 % on a bad day. Five consecutive faults then occur
once in a thousand messages, and closing the valve without need costs a minute or two.
"""

PROBE_WAITS: Final = (60, 120, 240, 480, 900)
"""Seconds before each probe after the last answer; the last value repeats."""

COUNTED: Final = frozenset({Strategy.CHECK_IIS, Strategy.RETRY, Strategy.CONFIRM})
"""The strategies of the faults that are counted."""


class ClosedBy(StrEnum):
    """Why the valve is closed."""

    FAULTS = "FAULTS"
    MAINTENANCE = "MAINTENANCE"
    PERSON = "PERSON"


MEANING: Final[dict[ClosedBy, tuple[str, str]]] = {
    ClosedBy.FAULTS: (
        "The IIS, or the way to it, failed several times in a row.",
        (
            "Nothing to do: vaxline probes and goes on by itself. `vaxline test-connection` shows what a probe gets. "
            "Ask the IIS help desk if it lasts."
        ),
    ),
    ClosedBy.MAINTENANCE: (
        "A maintenance window of the IIS (clinics.toml, `iis.maintenance`).",
        "Nothing to do: delivery goes on after the window.",
    ),
    ClosedBy.PERSON: (
        "Somebody closed it with `vaxline valve close`.",
        "`vaxline valve open` when delivery may go on.",
    ),
}
"""For the operator, per cause of closing: its meaning, and what to do."""


class Valve(msgspec.Struct, frozen=True):
    """The state of the valve.

    Attributes:
        closed_by: Why it is closed; None while it is open.
        reason: The fault's code, the maintenance window, or the person's words.
        since: When it was last opened or closed.
        faults: The number of consecutive faults.
        tries: The number of closings and failed probes since the last answer.
        last_try: When the last of these happened.
        version: Guards its writes (optimistic locking).
    """

    closed_by: ClosedBy | None = None
    reason: str = ""
    since: datetime | None = None
    faults: int = 0
    tries: int = 0
    last_try: datetime | None = None
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether messages are delivered."""
        return self.closed_by is None

    @property
    def on_trial(self) -> bool:
        """Whether it was opened by a probe and no message has been answered since."""
        return self.is_open and self.tries > 0

    def next_probe(self, scale: float = 1.0) -> datetime | None:
        """Return the time of the next probe, or None where no probe opens the valve.

        Args:
            scale: Factor on the wait; below 1 in the local run and in tests.
        """
        if self.closed_by is not ClosedBy.FAULTS or self.last_try is None:
            return None
        wait = PROBE_WAITS[min(self.tries, len(PROBE_WAITS)) - 1]
        return self.last_try + timedelta(seconds=wait * scale)


def fault_seen(valve: Valve, strategy: Strategy, code: str, now: datetime) -> Valve:
    """Return the valve after a call that ended in a fault."""
    if not valve.is_open or strategy not in COUNTED:
        return valve
    faults = valve.faults + 1
    if faults < CLOSE_AFTER and not valve.on_trial:
        return replace(valve, faults=faults)
    return closed(replace(valve, faults=faults), ClosedBy.FAULTS, code, now)


def answer_seen(valve: Valve) -> Valve:
    """Return the valve after an answer of the IIS. It opens no closed valve: only a probe or a person does."""
    return replace(valve, faults=0, tries=0) if valve.is_open and (valve.faults or valve.tries) else valve


def closed(valve: Valve, by: ClosedBy, reason: str, now: datetime) -> Valve:
    """Return the valve closed.

    Closing by faults counts as a try, so that probes come less often where the IIS recovers only for a moment.
    """
    tries = valve.tries + (by is ClosedBy.FAULTS)
    return replace(valve, closed_by=by, reason=reason, since=now, tries=tries, last_try=now)


def probe_failed(valve: Valve, code: str, now: datetime) -> Valve:
    """Return the valve after a failed probe: still closed, with a longer wait for the next probe."""
    return replace(valve, closed_by=ClosedBy.FAULTS, reason=code, tries=valve.tries + 1, last_try=now)


def probe_answered(valve: Valve, now: datetime) -> Valve:
    """Return the valve after a good probe: open, and on trial until a message is answered."""
    return replace(valve, closed_by=None, reason="", since=now, faults=0, tries=max(1, valve.tries))


def opened_by_person(valve: Valve, now: datetime) -> Valve:
    """Return the valve as a person opens it: without a trial."""
    return replace(valve, closed_by=None, reason="", since=now, faults=0, tries=0)
