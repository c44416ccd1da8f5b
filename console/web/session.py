"""What every page of the web console works with: the application of one stage, asked away from the browser's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from nicegui import context, run

from console.commands.audit import noted
from shared.bootstrap import Application

_Result = TypeVar("_Result")


@dataclass(slots=True)
class ConsoleSession:
    """One operator at one stage. `dark` is what they chose; None follows the machine."""

    application: Application
    stage: str
    dark: bool | None = None

    async def ask(self, work: Callable[[Application], _Result]) -> _Result:
        """What `work` makes of the application; it runs in a thread, because AWS answers when it likes.

        Raises:
            asyncio.CancelledError: the browser has left the page meanwhile; what draws it ends there, as by NiceGUI.
        """
        # NiceGUI answers None only where it shuts down; then nobody looks at the page any more.
        result: _Result = await run.io_bound(work, self.application)  # type: ignore[assignment]
        if context.client.is_deleted:
            raise asyncio.CancelledError
        return result

    async def note(self, action: str, subjects: Iterable[str], detail: str = "") -> None:
        """Writes down what the operator is about to do, as the `vaxline` command does."""
        kept = tuple(subjects)
        await self.ask(lambda application: noted(application, action, kept, detail))
