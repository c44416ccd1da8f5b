"""Files: what arrived and where its rows are; and the page of one file, with the steps of each row."""

from __future__ import annotations

from nicegui import ui

from console.terminal import adds_up_label
from console.web.closing import CloseAllForm, ReopenForm
from console.web.parts import Cell, Link, address, card, empty, failed, loading, row, table, text
from console.web.session import ConsoleSession
from console.web.submissions import state_label, state_words, step_list
from shared.bootstrap import Application
from shared.domain.lifecycle import State
from shared.domain.model import Finding
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.closing import Selection
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.reporting.by_clinic import files_of
from shared.usecases.reporting.trace import trace


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for all files or for those with rows of a clinic."""
    async with loading():
        await session.record("files", [clinic or "all files"])
        files = await session.run(lambda application: _files(application, clinic))
        if not files:
            with card():
                empty("No file has arrived yet.", "Put an export into its source's folder of the inbox.")
            return
        if clinic:
            text(
                f"Held and submitted rows are those of {clinic}; all rows and unchanged rows are the file's.",
                "p",
                "dim",
            )
        states = [state for state in State if any(state in file.submitted for file in files)]
        heads = (
            "file",
            "arrived (UTC)",
            "rows",
            "unchanged",
            "held",
            *(state_words(state) for state in states),
            *(() if clinic else ("adds up",)),
        )
        newest_first = sorted(files, key=lambda file: file.arrived, reverse=True)
        with card():
            table(heads, (_file_cells(file, states, clinic) for file in newest_first), label="Files")


def _files(application: Application, clinic: str) -> list[FileSummary]:
    files = application.ledger.files.all()
    return list(files_of(files, application.configurations.current(), clinic) if clinic else files)


def _file_cells(file: FileSummary, states: list[State], clinic: str) -> tuple[Cell, ...]:
    return (
        Link(file.name.removeprefix(INBOX_PREFIX), address("files", file.file_id)),
        f"{file.arrived:%Y-%m-%d %H:%M}",
        file.rows,
        file.unchanged,
        file.held,
        *(file.submitted.get(state, 0) for state in states),
        *(() if clinic else (adds_up_label(file),)),
    )


async def draw_file(session: ConsoleSession, file_id: str) -> None:
    """Draw the page of one file: where its rows are, and the steps of any one row."""
    async with loading():
        await session.record("files", [file_id])
        file = await session.run(lambda application: application.ledger.files.get(file_id))
        if file is None:
            with card():
                empty("There is no such file.", "Choose one under Files.")
            return
        with card(file.name.removeprefix(INBOX_PREFIX)):
            text(
                f"{file.rows:,} rows = {file.unchanged:,} unchanged + {file.held:,} held + "
                f"{sum(file.submitted.values()):,} submitted. Arrived {file.arrived:%Y-%m-%d %H:%M:%S} UTC."
            )
            table(("clinic", "state", "rows"), ((clinic, state.value, count) for clinic, state, count in file.places))
            if file.findings:
                text("Findings about the file itself", "h3")
                table(("code", "where", "row", "what", "what to do"), map(_finding_cells, file.findings))
        _draw_closing(session, file)
        _RowTrace(session, file).draw()


def _draw_closing(session: ConsoleSession, file: FileSummary) -> None:
    """Draw the forms to close what waits of a file, and to reopen the file's own errors."""
    if file.closed_reason:
        with card("Reopen"):
            text(f"A person closed the file's own errors: {file.closed_reason}")
            ReopenForm(session, file.file_id).draw()
    if file.complete:
        with card("Nothing more to do"):
            text("Everything of this file that is in the worklist is closed together, with the file's own errors.")
            CloseAllForm(session, Selection(files=(file.file_id,)), "one file").draw()


def _finding_cells(finding: Finding) -> tuple[Cell, ...]:
    explained = explanation(finding.code) or UNEXPLAINED
    what = f"{explained.words} {finding.value}".strip()
    return finding.code, finding.path or finding.column, finding.row, what, explained.fix


class _RowTrace:
    """Asks for a row and draws its steps."""

    def __init__(self, session: ConsoleSession, file: FileSummary) -> None:
        self._session = session
        self._file = file

    def draw(self) -> None:
        with card("Where is a row?"):
            with ui.element("form").on("submit.prevent", self._trace), row():
                self._row = ui.number("row", value=1, min=1, format="%d").classes("w-32")
                ui.button("Trace").props('no-caps type="submit"')
            self._result = ui.element("div").props('aria-live="polite"')

    async def _trace(self) -> None:
        number = int(self._row.value or 0)
        await self._session.record("trace", [self._file.file_id], f"row {number}")
        traced = await self._session.run(
            lambda application: trace(application.ledger.submissions, application.ledger.files, self._file, number)
        )
        self._result.clear()
        with self._result:
            if traced is None:
                failed(f"The file has no row {number}; it has {self._file.rows:,}.")
                return
            if traced.state:
                state_label(traced.state)
            step_list(traced.steps)
