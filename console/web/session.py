"""The session of an operator at the web console: the application of one stage, called outside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from nicegui import context, run

from console import audit_trail
from shared.bootstrap import Application

_Result = TypeVar("_Result")


@dataclass(slots=True)
class ConsoleSession:
    """One operator at one stage. `dark` is the chosen color scheme; None follows the machine's."""

    application: Application
    stage: str
    dark: bool | None = None

    async def run(self, work: Callable[[Application], _Result]) -> _Result:
        """Call `work` with the application in a thread and return its result.

        Raises:
            asyncio.CancelledError: the browser left the page meanwhile, so nothing may be drawn on it.
        """
        # NiceGUI returns None only while it shuts down.
        result: _Result = await run.io_bound(work, self.application)  # type: ignore[assignment]
        if context.client.is_deleted:
            raise asyncio.CancelledError
        return result

    async def record(self, action: str, subjects: Iterable[str], detail: str = "") -> None:
        """Write the audit trail before an action, as the `vaxline` command does."""
        recorded = tuple(subjects)
        await self.run(lambda application: audit_trail.record(application, action, recorded, detail))
