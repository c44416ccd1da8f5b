"""The queues between functions, and the switch of delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class OutboxMessage(msgspec.Struct, frozen=True):
    """A reference: no PHI. `round` tells one queueing of the same submission from the next (SQS deduplication)."""

    msh_10: str
    clinic: str
    patient_group: str
    round: str = ""


class Outbox(Protocol):
    def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Queues references in this order; order within a patient group is kept until they are delivered.

        Raises:
            RuntimeError: the queue took some of them only; the text counts, it does not quote.
        """
        ...

    def depth(self) -> int:
        """About how many references wait to be received: those that are out or kept back are not counted."""
        ...


class Received(msgspec.Struct, frozen=True):
    """A reference that was received, and the receipt by which the queue knows it."""

    message: OutboxMessage
    receipt: str


class OutboxReader(Protocol):
    """The other end of the outbox. What was received and is neither removed nor delayed comes again after a while."""

    def receive(self) -> list[Received]:
        """At most ten references, none where nothing waits; a patient's in their order, none while others are out."""
        ...

    def remove(self, receipts: Sequence[str]) -> None:
        """Takes references out for good; one that is gone already is no error."""
        ...

    def delay(self, receipt: str, seconds: int) -> None:
        """Keeps a reference and those of its patient behind it back."""
        ...


class ResubmissionQueue(Protocol):
    def send(self, msh_10s: Sequence[str]) -> None: ...


class Delivery(Protocol):
    """The switch of what feeds `submit`: off, nothing is received and no receive count burns."""

    def is_on(self) -> bool: ...

    def switch(self, *, on: bool) -> None: ...
