"""The valve before the whole IIS: when delivery stops by itself, when the IIS is probed, when delivery goes on.

    open ──CLOSE_AFTER faults in a row──► closed by FAULTS ──good probe──► on trial ──────an answer──► open
     │  ▲                                        ▲   │ bad probe: the        │ one fault
     │  └─────────── `vaxline valve open` ───────┼───┘ next one later        │
     │                                           └───────────────────────────┘
     ├──a window of iis.maintenance begins──► closed by MAINTENANCE ──it ends, good probe──► on trial
     └──`vaxline valve close`──► closed by a PERSON ──`vaxline valve open`──► open

Faults count whose strategy blames the IIS or the way to it (`COUNTED`): a refused connection as well as an answer that
never came, since every message that times out costs a person a look. One answer in between starts the count anew.
After a good probe the valve is on trial: the next fault closes it again, and the probe comes later each time, until
an answer shows that the IIS works. Pure: the store and the probe are `shared/usecases/delivery/valve.py`'s.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.submission import Strategy
from shared.replaced import replace

CLOSE_AFTER: Final = 5
"""Faults in a row that close the valve. IZ Gateway measured 2 % of messages failing in a typical week, and 25 % on a
bad day: five in a row then come once in a thousand messages, and a needless closing costs a minute or two."""

PROBE_WAITS: Final = (60, 120, 240, 480, 900)
"""Seconds until each next probe since the last answer came; the last of them stays."""

COUNTED: Final = frozenset({Strategy.CHECK_IIS, Strategy.RETRY, Strategy.CONFIRM})


class ClosedBy(StrEnum):
    """Why delivery to the IIS is stopped."""

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
"""What each closing means, and what to do."""


class Valve(msgspec.Struct, frozen=True):
    """Where the valve stands.

    `reason` is the fault's code, the window, or a person's words; `since` when it was last opened or closed; `faults`
    how many came in a row; `tries` how many closings and failed probes since the last answer, `last_try` when the last
    of them was; `version` guards its writes.
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
        return self.closed_by is None

    @property
    def on_trial(self) -> bool:
        """Open after a probe, with no answer to a message yet."""
        return self.is_open and self.tries > 0

    def next_probe(self, scale: float = 1.0) -> datetime | None:
        """When the IIS is probed next; None where no probe opens it. `scale` shrinks the wait (local run, tests)."""
        if self.closed_by is not ClosedBy.FAULTS or self.last_try is None:
            return None
        wait = PROBE_WAITS[min(self.tries, len(PROBE_WAITS)) - 1]
        return self.last_try + timedelta(seconds=wait * scale)


def fault_seen(valve: Valve, strategy: Strategy, code: str, now: datetime) -> Valve:
    """After a call that ended in this fault."""
    if not valve.is_open or strategy not in COUNTED:
        return valve
    faults = valve.faults + 1
    if faults < CLOSE_AFTER and not valve.on_trial:
        return replace(valve, faults=faults)
    return closed(replace(valve, faults=faults), ClosedBy.FAULTS, code, now)


def answer_seen(valve: Valve) -> Valve:
    """After an answer that the IIS itself gave. A closed valve waits for its probe, or its person, all the same."""
    return replace(valve, faults=0, tries=0) if valve.is_open and (valve.faults or valve.tries) else valve


def closed(valve: Valve, by: ClosedBy, reason: str, now: datetime) -> Valve:
    """Closed. A closing by faults counts as a try: in an outage that only looks over, probes come later each time."""
    tries = valve.tries + (by is ClosedBy.FAULTS)
    return replace(valve, closed_by=by, reason=reason, since=now, tries=tries, last_try=now)


def probe_failed(valve: Valve, code: str, now: datetime) -> Valve:
    """Still closed; the next probe comes later."""
    return replace(valve, closed_by=ClosedBy.FAULTS, reason=code, tries=valve.tries + 1, last_try=now)


def probe_answered(valve: Valve, now: datetime) -> Valve:
    """Open, on trial until a message is answered."""
    return replace(valve, closed_by=None, reason="", since=now, faults=0, tries=max(1, valve.tries))


def opened_by_person(valve: Valve, now: datetime) -> Valve:
    """Open, and no trial needed."""
    return replace(valve, closed_by=None, reason="", since=now, faults=0, tries=0)
