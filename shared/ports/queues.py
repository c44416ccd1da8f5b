"""The queues between functions, and the switch of delivery. Messages are references and contain no PHI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class OutboxMessage(msgspec.Struct, frozen=True):
    """A reference to a submission.

    `round` differs each time the same submission is queued, so that SQS does not drop it as a duplicate of a message of
    the last five minutes.
    """

    msh_10: str
    clinic: str
    patient_group: str
    round: str = ""


class Received(msgspec.Struct, frozen=True):
    """A reference that was received, and the receipt by which the queue identifies it."""

    message: OutboxMessage
    receipt: str


class Outbox(Protocol):
    """The end of the outbox that is written to."""

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Queue references; within a patient group they are delivered in this order.

        Raises:
            RuntimeError: The queue did not take all of them. The text has their number and quotes nothing.
        """
        ...

    def depth(self) -> int:
        """Return about how many references wait, without those that are received or delayed."""
        ...


class OutboxReader(Protocol):
    """The end of the outbox that is read. A reference that is neither removed nor delayed is received again."""

    def receive(self, limit: int = 10) -> list[Received]:
        """Return references, a patient's in their order; none of a patient whose others are received.

        An answer may have fewer than wait in the queue, or none of them. A message that cannot be read is left out.

        Args:
            limit: How many at most; ten is the most.
        """
        ...

    def remove(self, receipts: Sequence[str]) -> None:
        """Remove references; one that is gone is no error."""
        ...

    def delay(self, receipt: str, seconds: int) -> None:
        """Delay a reference, and with it those of its patient behind it.

        Args:
            receipt: The receipt of a reference that is received at this time.
            seconds: The time from now; it may be cut to what the queue allows.
        """
        ...


class ResubmissionQueue(Protocol):
    """The queue that triage takes from."""

    def send(self, msh_10s: Sequence[str]) -> None:
        """Queue submissions for triage."""
        ...


class DeliverySwitch(Protocol):
    """The switch of the outbox's event source. While it is off, no reference is received and no receive is counted."""

    def is_on(self) -> bool:
        """Return whether it is on, or about to be."""
        ...

    def switch(self, *, on: bool) -> None:
        """Switch it on or off. While an earlier change is under way nothing may happen: the caller looks again."""
        ...
