"""The valve of delivery to the IIS, a circuit breaker: when it closes, when the IIS is tried, and when it opens again.

    open ──too many faults──► closed by FAULTS ──good probe──► TRIAL ──1, 2, 4, then 8 messages answered──► open
     │  ▲                        ▲   ▲  │ bad probe: the        │ │ ▲     nothing waits: it stays on trial
     │  │                        │   └──┘ next one later        │ └─┘
     │  │                        └──────────────────────────────┘ a fault: the next trial later
     │  └─────── `vaxline valve open`
     ├──a window of iis.maintenance begins──► closed by MAINTENANCE ──it ends, good probe──► TRIAL
     └──`vaxline valve close`──► closed by a PERSON ──`vaxline valve open`──► open

Only faults of the IIS or of the connection to it are counted (`COUNTED`). A *doubtful* fault leaves open whether the
message was stored; such faults weigh more, because a person may have to look into each.

A probe proves only that the IIS can be reached, so messages prove the rest: after a good probe one message is sent,
then two, four and eight, a round each minute, one after the other. A doubtful fault ends the trial, so that each trial
leaves at most one message in doubt, and the next one waits longer.
Thus a lasting outage leaves at most `in_doubt_at_most` messages in doubt (ADR 0023). This module is pure;
`shared/usecases/delivery/valve.py` probes and stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.faults import Fault
from shared.domain.submission import Strategy
from shared.replaced import replace

CLOSE_AFTER: Final = 20
"""Number of counted faults in a row that closes the valve.

Where half of all calls are refused, twenty in a row come once in a million messages: delivery goes on, and each message
waits for its own retry. In a full outage twenty refused connections cost nothing.
"""

CLOSE_AFTER_DOUBTS: Final = 5
"""Number of doubtful faults that closes the valve, less one for every `ANSWERS_PER_DOUBT` answers between them."""

ANSWERS_PER_DOUBT: Final = 10
"""Number of answers that make up for one doubtful fault.

IZ Gateway measured 1 % of doubtful faults in a typical week, which never close the valve. A fourth of all messages, as
on a bad day, closes it after some thirty.
"""

PROBE_WAITS: Final = (60, 120, 240, 480, 900)
"""Seconds to the next probe after each probe or trial that found the IIS out of reach; the last value repeats."""

TRIAL_WAITS: Final = (60, 120, 240, 480, 900, 1800)
"""Seconds to the next probe after each trial that left a message in doubt; the last value repeats."""

FULL_ROUND: Final = 8
"""Number of messages of the last round of a trial; each round before it has half as many, down to one."""

COUNTED: Final = frozenset({Strategy.CHECK_IIS, Strategy.RETRY, Strategy.CONFIRM})
"""The strategies of the faults that are counted."""


class ClosedBy(StrEnum):
    """Why the valve is closed."""

    FAULTS = "FAULTS"
    TRIAL = "TRIAL"
    MAINTENANCE = "MAINTENANCE"
    PERSON = "PERSON"


MEANING: Final[dict[ClosedBy, tuple[str, str]]] = {
    ClosedBy.FAULTS: (
        "The IIS, or the way to it, failed several times.",
        (
            "Nothing to do: vaxline probes and goes on by itself. `vaxline test-connection` shows what a probe gets. "
            "Ask the IIS help desk if it lasts."
        ),
    ),
    ClosedBy.TRIAL: (
        "The IIS can be reached again, and a few messages are sent to see if it takes them.",
        "Nothing to do: delivery goes on when they are answered. `vaxline valve open` lets all messages go at once.",
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
        since: When it was last opened, closed, or put on trial.
        faults: The number of counted faults in a row.
        doubt: Doubtful faults less the answers that make up for them, in answers.
        tries: The number of closings, bad probes and failed trials since the last answer.
        doubtful_trials: The number of trials that left a message in doubt since it was last open.
        last_try: When the last of these happened.
        wait: Seconds from then to the next probe.
        round: On trial, the number of messages of the next round.
        busy_until: On trial, until when a check may still be sending a round.
        version: Guards its writes (optimistic locking).
    """

    closed_by: ClosedBy | None = None
    reason: str = ""
    since: datetime | None = None
    faults: int = 0
    doubt: int = 0
    tries: int = 0
    doubtful_trials: int = 0
    last_try: datetime | None = None
    wait: int = 0
    round: int = 0
    busy_until: datetime | None = None
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether all messages are delivered."""
        return self.closed_by is None

    @property
    def on_trial(self) -> bool:
        """Whether a probe found the IIS and a few messages are tried."""
        return self.closed_by is ClosedBy.TRIAL

    def next_probe(self, scale: float = 1.0) -> datetime | None:
        """Return the time of the next probe, or None where none is due.

        Args:
            scale: Factor on the wait; below 1 in the local run and in tests.
        """
        if self.closed_by is not ClosedBy.FAULTS or self.last_try is None:
            return None
        return self.last_try + timedelta(seconds=(self.wait or PROBE_WAITS[0]) * scale)


class Tally(msgspec.Struct, frozen=True):
    """How calls to the IIS ended.

    Attributes:
        answers: Answers of the IIS.
        faults: Counted faults, the doubtful ones included.
        doubts: Doubtful faults.
        code: The code of the last of these, of a doubtful one if there is any.
    """

    answers: int = 0
    faults: int = 0
    doubts: int = 0
    code: str = ""

    @property
    def calls(self) -> int:
        """The number of calls that tell something about the IIS."""
        return self.answers + self.faults

    def with_fault(self, fault: Fault) -> Tally:
        """Return the tally after a call that ended in a fault."""
        if fault.is_answer:
            return self.with_answer()
        if fault.strategy not in COUNTED:
            return self
        code = self.code if self.doubts and not fault.may_be_stored else fault.code
        return Tally(self.answers, self.faults + 1, self.doubts + fault.may_be_stored, code)

    def plus(self, other: Tally) -> Tally:
        """Return the tally of the calls of both, of which `other` came later."""
        code = self.code if self.doubts and not other.doubts else other.code or self.code
        return Tally(self.answers + other.answers, self.faults + other.faults, self.doubts + other.doubts, code)

    def with_answer(self) -> Tally:
        """Return the tally after an answer."""
        return replace(self, answers=self.answers + 1)


def fault_seen(valve: Valve, fault: Fault, now: datetime) -> Valve:
    """Return the valve after a call that ended in a fault. Calls of a trial do not change it: see `round_ended`."""
    if not valve.is_open or fault.strategy not in COUNTED:
        return valve
    doubt = valve.doubt + ANSWERS_PER_DOUBT * fault.may_be_stored
    after = replace(valve, faults=valve.faults + 1, doubt=doubt)
    if after.faults < CLOSE_AFTER and doubt < CLOSE_AFTER_DOUBTS * ANSWERS_PER_DOUBT:
        return after
    return closed(after, ClosedBy.FAULTS, fault.code, now)


def answer_seen(valve: Valve) -> Valve:
    """Return the valve after an answer of the IIS. It opens no closed valve: only a trial or a person does."""
    if not valve.is_open or not (valve.faults or valve.doubt):
        return valve
    return replace(valve, faults=0, doubt=max(0, valve.doubt - 1))


def closed(valve: Valve, by: ClosedBy, reason: str, now: datetime) -> Valve:
    """Return the valve closed."""
    stopped = replace(valve, closed_by=by, reason=reason, since=now, round=0, busy_until=None)
    return _out_of_reach(stopped, now) if by is ClosedBy.FAULTS else stopped


def probe_failed(valve: Valve, code: str, now: datetime) -> Valve:
    """Return the valve after a failed probe: still closed, with a longer wait for the next probe."""
    return _out_of_reach(replace(valve, closed_by=ClosedBy.FAULTS, reason=code), now)


def probe_answered(valve: Valve, now: datetime) -> Valve:
    """Return the valve after a good probe: on trial, with a round of one message."""
    return replace(valve, closed_by=ClosedBy.TRIAL, since=now, round=1, busy_until=None)


def round_begun(valve: Valve, until: datetime) -> Valve:
    """Return the valve while a check sends a round of the trial, at most until then."""
    return replace(valve, busy_until=until)


def round_ended(valve: Valve, tally: Tally, now: datetime) -> Valve:
    """Return the valve after a round of the trial.

    A round in which some were answered and none is in doubt went well; refused calls among them cost nothing.

    Args:
        valve: The valve now; a person may have opened or closed it meanwhile.
        tally: How the round's calls ended; none where no message waited.
        now: The current time.
    """
    if not valve.on_trial:
        return valve
    valve = replace(valve, busy_until=None)
    if tally.doubts:
        trials = valve.doubtful_trials + 1
        failed = replace(valve, doubtful_trials=trials, tries=valve.tries + 1, wait=_step(TRIAL_WAITS, trials))
        return replace(failed, closed_by=ClosedBy.FAULTS, reason=tally.code, since=now, last_try=now, round=0)
    if not tally.answers:
        return closed(valve, ClosedBy.FAULTS, tally.code, now) if tally.faults else valve
    if valve.round >= FULL_ROUND:
        return opened(valve, now)
    return replace(valve, round=2 * valve.round, tries=0)


def opened(valve: Valve, now: datetime) -> Valve:
    """Return the valve open, without a memory of what was before: after a trial, or by a person."""
    return Valve(since=now, version=valve.version)


def in_doubt_at_most(calls_at_once: int, hours: float) -> int:
    """Return the most messages that an IIS that takes none leaves in doubt, whatever else it answers.

    These are the messages whose faults close the valve, those under way at that moment, and one for each trial.

    Args:
        calls_at_once: How many calls delivery makes at once.
        hours: How long the outage lasts.
    """
    trials, left = 0, hours * 3600
    while (left := left - _step(TRIAL_WAITS, max(1, trials))) >= 0:
        trials += 1
    return CLOSE_AFTER_DOUBTS + calls_at_once - 1 + trials


def _out_of_reach(valve: Valve, now: datetime) -> Valve:
    """The valve closed by faults after one more try of an IIS that was not reached."""
    tries = valve.tries + 1
    return replace(valve, tries=tries, last_try=now, wait=_step(PROBE_WAITS, tries), round=0)


def _step(waits: Sequence[int], number: int) -> int:
    return waits[min(number, len(waits)) - 1]
