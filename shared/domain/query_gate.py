"""The gate of queries: whether the IIS answers questions. Delivery has the valve; neither drives the other.

A query changes nothing at the IIS and somebody waits for its answer, so the gate needs no probe: after `CLOSE_AFTER`
faults in a row no query is sent for a while, and then the next one tries.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.faults import Fault
from shared.domain.valve import COUNTED, PROBE_WAITS
from shared.replaced import replace

CLOSE_AFTER: Final = 5
"""Number of counted faults in a row that closes the gate."""


class QueryGate(msgspec.Struct, frozen=True):
    """The state of the gate.

    Attributes:
        faults: The number of counted faults in a row.
        reason: The code of the last of them.
        until: Until when no query is sent; None where the gate never closed.
        version: Guards its writes (optimistic locking).
    """

    faults: int = 0
    reason: str = ""
    until: datetime | None = None
    version: int = 0

    def is_closed(self, now: datetime) -> bool:
        """Whether no query is sent now."""
        return self.until is not None and now < self.until


def fault_seen(gate: QueryGate, fault: Fault, now: datetime, scale: float = 1.0) -> QueryGate:
    """Return the gate after a query that ended in a fault.

    Args:
        gate: The gate before.
        fault: The fault.
        now: The current time.
        scale: Factor on the wait; below 1 in the local run and in tests.
    """
    if fault.strategy not in COUNTED:
        return gate
    after = replace(gate, faults=gate.faults + 1, reason=fault.code)
    closings = after.faults - CLOSE_AFTER
    if closings < 0:
        return after
    wait = PROBE_WAITS[min(closings, len(PROBE_WAITS) - 1)]
    return replace(after, until=now + timedelta(seconds=wait * scale))


def answer_seen(gate: QueryGate) -> QueryGate:
    """Return the gate after an answer."""
    return QueryGate(version=gate.version) if gate.faults else gate
