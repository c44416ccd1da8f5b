"""The forms that close failures and reopen them, on the pages of a message, a cause and a file."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from console.web.parts import failed, row, text
from console.web.session import ConsoleSession
from shared.usecases.correction.closing import Closed, Selection

_DISAGREEMENTS_SHOWN = 5


class CloseForm:
    """Closes some submissions and files with a reason.

    Args:
        session: the session.
        subjects: MSH-10s and file ids.
        label: the reason's label.
    """

    def __init__(self, session: ConsoleSession, subjects: Sequence[str], label: str) -> None:
        self._session = session
        self._subjects = tuple(subjects)
        self._label = label

    def draw(self) -> None:
        """Draw the form."""
        with row():
            self._reason = ui.input(self._label).classes("w-96 max-w-full")
            self._button = ui.button("Close", on_click=self._close).props("no-caps outline color=negative")
        self._result = ui.element("div").props('aria-live="polite"')

    async def _close(self) -> None:
        reason = str(self._reason.value or "").strip()
        self._result.clear()
        if not reason:
            with self._result:
                failed("Fill in a reason.")
            return
        self._button.disable()
        await self._session.record("close", self._subjects)
        results = await self._session.run(
            lambda application: [application.closing.close(one, reason) for one in self._subjects]
        )
        with self._result:
            _draw_closed(results)


class CloseAllForm:
    """Counts what a selection of the worklist means, and closes it with a reason after that.

    Args:
        session: the session.
        selection: what is to be closed.
        words: the criteria in words, for the audit trail.
    """

    def __init__(self, session: ConsoleSession, selection: Selection, words: str) -> None:
        self._session = session
        self._selection = selection
        self._words = words
        self._subjects: tuple[str, ...] = ()

    def draw(self) -> None:
        """Draw the form."""
        with row():
            self._reason = ui.input("reason, to close all of them").classes("w-96 max-w-full")
            ui.button("Count", on_click=self._count).props("no-caps outline")
            self._button = ui.button("Close all", on_click=self._close).props("no-caps color=negative")
            self._button.disable()
        self._result = ui.element("div").props('aria-live="polite"').classes("flex flex-col flex-nowrap gap-2")

    async def _count(self) -> None:
        selected = await self._session.run(
            lambda application: application.closing.select(self._selection, application.configurations.current())
        )
        self._subjects = selected.subjects
        self._button.set_enabled(bool(self._subjects))
        self._result.clear()
        with self._result:
            text(f"{selected.words} would be closed. Nothing is changed yet.")
            if selected.in_doubt:
                text(f"CT WiZ may have stored {selected.in_doubt:,} of them: reconcile them first.", "p", "warn")

    async def _close(self) -> None:
        reason, subjects = str(self._reason.value or "").strip(), self._subjects
        self._result.clear()
        if not reason:
            with self._result:
                failed("Fill in a reason.")
            return
        self._button.disable()
        await self._session.record("close", subjects, self._words)
        results = await self._session.run(
            lambda application: [application.closing.close(one, reason) for one in subjects]
        )
        with self._result:
            _draw_closed(results)


class ReopenForm:
    """Reopens a submission or a file."""

    def __init__(self, session: ConsoleSession, subject: str) -> None:
        self._session = session
        self._subject = subject

    def draw(self) -> None:
        """Draw the form."""
        with row():
            self._button = ui.button("Reopen", on_click=self._reopen).props("no-caps outline")
            text("It will be in the worklist again, as it was closed.", "span", "dim")
        self._result = ui.element("div").props('aria-live="polite"')

    async def _reopen(self) -> None:
        self._button.disable()
        await self._session.record("reopen", [self._subject])
        result = await self._session.run(lambda application: application.closing.reopen(self._subject))
        self._result.clear()
        with self._result:
            if result.reopened:
                ui.navigate.reload()
            else:
                failed(f"It was not reopened: {result.reason_against}.")


def _draw_closed(results: Sequence[Closed]) -> None:
    closed = [result for result in results if result.closed]
    if len(results) > 1:
        text(f"{len(closed):,} of {len(results):,} were closed; nothing was deleted.", "p")
    else:
        for result in closed:
            words = f"Closed, although {result.in_doubt}." if result.in_doubt else "Closed; nothing was deleted."
            text(words, "p")
    others = [result for result in results if not result.closed]
    for result in others[:_DISAGREEMENTS_SHOWN]:
        failed(f"{result.subject} was not closed: {result.reason_against}.")
