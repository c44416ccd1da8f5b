"""The result of delivering one queue message."""

from __future__ import annotations

import msgspec


class Done(msgspec.Struct, frozen=True):
    """The queue message is done with and can be removed. `outcome` is for the log: a state, or why nothing was sent."""

    msh_10: str
    clinic: str
    outcome: str
    fault: str = ""
    seconds: float = 0.0


class Later(msgspec.Struct, frozen=True):
    """The queue message must come again after `wait` seconds, and its patient's later messages behind it.

    `wait` None leaves the time to the queue's visibility timeout: something broke, and `error` names the exception.
    """

    msh_10: str
    clinic: str
    wait: int | None
    fault: str = ""
    error: str = ""


Delivered = Done | Later
