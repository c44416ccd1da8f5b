"""The lifecycle of a submission: its states, the events, and the table of transitions between them.

Every write of a state is conditional on the states in `sources(event)`, so an event that comes twice or too late
changes nothing. docs/lifecycle.md is generated from this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The state of a submission."""

    HELD = "HELD"
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    ACCEPTED = "ACCEPTED"
    ACCEPTED_WITH_WARNINGS = "ACCEPTED_WITH_WARNINGS"
    PARTLY_ACCEPTED = "PARTLY_ACCEPTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    SUPERSEDED = "SUPERSEDED"
    CLOSED = "CLOSED"


class Event(StrEnum):
    """An event that moves a submission from one state to the next."""

    CLAIM = "claim"
    CLAIM_AGAIN = "claim again"
    ACCEPT = "accept"
    ACCEPT_WITH_WARNINGS = "accept with warnings"
    ACCEPT_PARTLY = "accept partly"
    REFUSE = "refuse"
    LOSE_ANSWER = "lose the answer"
    OVERTAKE = "overtake"
    HOLD = "hold"
    PROVE = "prove"
    DEFER = "defer"
    DEFER_RESEND = "defer the resend"
    SUPERSEDE = "supersede"
    CLOSE = "close"
    REOPEN = "reopen"


MEANING: Final[dict[State, str]] = {
    State.HELD: "our own checks refuse it; it was never sent",
    State.QUEUED: "waits for delivery, also between two tries",
    State.SENDING: "claimed; bytes may be on the wire",
    State.ACCEPTED: "the IIS has it",
    State.ACCEPTED_WITH_WARNINGS: "the IIS has it and warned about something",
    State.PARTLY_ACCEPTED: (
        "the IIS dropped some vaccinations, or another part of the message; the rest is stored, or unproven where the "
        "IIS is not known to go on after an error"
    ),
    State.REFUSED: "the IIS stored nothing of it",
    State.UNKNOWN: "sent, but no trustworthy answer came",
    State.SUPERSEDED: "newer content of its doses was accepted, or is on its way instead of it",
    State.CLOSED: "a person closed it with a reason",
}

# REOPEN is not here, because the state after it is the one in which the submission was closed: see `STEPS`.
TRANSITIONS: Final[dict[Event, dict[State, State]]] = {
    Event.CLAIM: {State.QUEUED: State.SENDING},
    # The resend after a lost answer, with the same MSH-10: see `may_resend`.
    Event.CLAIM_AGAIN: {State.UNKNOWN: State.SENDING},
    Event.ACCEPT: {State.SENDING: State.ACCEPTED},
    Event.ACCEPT_WITH_WARNINGS: {State.SENDING: State.ACCEPTED_WITH_WARNINGS},
    Event.ACCEPT_PARTLY: {State.SENDING: State.PARTLY_ACCEPTED},
    Event.REFUSE: {State.SENDING: State.REFUSED},
    Event.LOSE_ANSWER: {State.SENDING: State.UNKNOWN},
    # Newer content of its doses was sent or is on its way, so it must not be sent after it.
    Event.OVERTAKE: {State.SENDING: State.SUPERSEDED},
    # The configuration changed before it was ever sent, and it does not pass our checks any more.
    Event.HOLD: {State.SENDING: State.HELD},
    # The answer to a query shows that the IIS stored it: see `reconcile.proves`.
    Event.PROVE: {State.UNKNOWN: State.ACCEPTED},
    # Nothing reached the IIS: it waits for the next try.
    Event.DEFER: {State.SENDING: State.QUEUED},
    # The resend did not reach the IIS, or was clearly refused: the right to it remains, since it may still be needed.
    Event.DEFER_RESEND: {State.SENDING: State.UNKNOWN},
    Event.SUPERSEDE: dict.fromkeys(
        (State.HELD, State.QUEUED, State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN), State.SUPERSEDED
    ),
    Event.CLOSE: dict.fromkeys(
        (State.HELD, State.QUEUED, State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN), State.CLOSED
    ),
}

STEPS: Final[tuple[tuple[Event, State, State], ...]] = (
    *((event, before, after) for event, moves in TRANSITIONS.items() for before, after in moves.items()),
    *((Event.REOPEN, State.CLOSED, before) for before in TRANSITIONS[Event.CLOSE]),
)
"""Every step from one state to the next, with its event."""

STORED_BY_IIS: Final = frozenset({State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS})
IN_FLIGHT: Final = frozenset({State.QUEUED, State.SENDING})
# The states that need a person; PARTLY_ACCEPTED because of the vaccinations that were dropped.
NEEDS_A_PERSON: Final = frozenset({State.HELD, State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN})


MAX_RESENDS: Final = 1
"""How often a message is sent again, under the same MSH-10, after a lost answer. Then a person decides.

A resend that the IIS surely did not take is not counted.
"""


def may_resend(resends: int) -> bool:
    """Whether an UNKNOWN submission may be sent again after this many resends."""
    return resends < MAX_RESENDS


def sources(event: Event) -> frozenset[State]:
    """Return the states in which an event applies: the condition of its write."""
    return frozenset(TRANSITIONS[event])


def after(event: Event, state: State) -> State | None:
    """Return the state after an event, or None if the event does not apply in this state."""
    return TRANSITIONS[event].get(state)
