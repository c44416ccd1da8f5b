"""One submission: VXU and ACK side by side, decoded, with what was objected to pinned to its field; and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from nicegui import ui

from console.reading import Mark, ReadField, ReadSegment, marks, read, read_submission
from console.web.pages.worklist import difference
from console.web.parts import (
    Cell,
    card,
    colour,
    empty,
    facts,
    failed,
    html_element,
    loading,
    message_link,
    row,
    state_of,
    table,
    text,
)
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain import lifecycle
from shared.domain.lifecycle import NEEDS_A_PERSON, Event, State
from shared.domain.submission import Submission
from shared.exports.columns import BY_NAME, COLUMNS, FROM_PATIENT
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Example
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.reporting.trace import Step, Trace, trace

_OPEN: Final = (*NEEDS_A_PERSON, State.QUEUED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows (PHI)."""

    submission: Submission
    segments: tuple[ReadSegment, ...]
    loose: tuple[Mark, ...]
    ack: tuple[ReadSegment, ...]
    trace: Trace | None


def seen(application: Application, msh_10: str) -> Seen | None:
    """Reads it, decodes it, and follows its row from the file on; None where there is no such submission."""
    found = application.ledger.get(msh_10)
    if found is None:
        return None
    segments, loose = read_submission(found)
    file = application.ledger.file(found.file_id)
    part, number = found.visit.rows[0] if found.visit.rows else ("", 0)
    way = trace(application.ledger, file, number, part) if file and number else None
    return Seen(found, segments, loose, read(found.attempts[-1].ack) if found.attempts else (), way)


async def draw(session: ConsoleSession, msh_10: str) -> None:
    """The page."""
    async with loading():
        await session.note("show", [msh_10])
        found = await session.ask(lambda application: seen(application, msh_10))
        if found is None:
            with card():
                empty(f"There is no submission {msh_10}.", "Look for it under Search, by MRN, lot or file.")
            return
        _head(found.submission)
        if found.submission.state in _OPEN and not found.submission.replaced_by:
            _Correction(session, found).draw()
        with ui.element("div").classes("halves"):
            with card("VXU: what was sent" if found.submission.attempts else "VXU"):
                _objections(found.loose)
                if found.segments:
                    _message(found.segments)
                else:
                    text("No message could be built; these are the doses that the export names.", "p", "dim")
                    _doses(found.submission)
            with card("ACK: what CT WiZ answered"):
                if found.ack:
                    _message(found.ack)
                else:
                    empty("No answer is kept.", _why_none(found.submission))
        if found.trace:
            with card(f"The way of row {found.trace.row} of {found.trace.file.removeprefix(INBOX_PREFIX)}"):
                time_line(found.trace.steps)


def _why_none(one: Submission) -> str:
    if one.attempts and one.attempts[-1].fault:
        known = explanation(one.attempts[-1].fault) or UNEXPLAINED
        return f"{one.attempts[-1].fault}: {known.words} {known.fix}"
    return "It was never sent." if not one.attempts else ""


def _head(one: Submission) -> None:
    with card():
        with row("top"):
            state_of(one.state)
            text(lifecycle.MEANING[one.state], "span", "dim")
        rows = ", ".join(str(number) for _, number in one.visit.rows)
        who = ", ".join(filter(None, (one.visit.patient.name.family, one.visit.patient.name.given)))
        ids = one.attempts[-1].trace_ids if one.attempts else ()
        facts(
            (
                ("patient", f"{one.visit.patient.mrn} {who}, born {one.visit.patient.birth_date or '?'}"),
                ("clinic", one.clinic or "not known"),
                ("file", f"{one.file_name.removeprefix(INBOX_PREFIX)}, rows {rows}"),
                ("made", f"{one.created:%Y-%m-%d %H:%M:%S} UTC, under clinics.toml {one.config_version}"),
                ("replaces", message_link(one.replaces) if one.replaces else ""),
                ("replaced by", message_link(one.replaced_by) if one.replaced_by else ""),
                ("closed because", one.closed_reason),
                ("for the CT WiZ help desk", ", ".join(ids)),
                ("as exported", one.visit.raw),
            )
        )


def _doses(one: Submission) -> None:
    rows: Iterator[tuple[Cell, ...]] = (
        (number, dose.row, dose.date, dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code, dose.lot, dose.id)
        for number, dose in enumerate(one.visit.doses, 1)
    )
    table(("no", "row", "date", "vaccine", "lot", "dose id"), rows)


def time_line(steps: Sequence[Step]) -> None:
    """What happened, one below the other, with its time."""
    items = "".join(
        f'<li><span class="dim">{escape(f"{one.when:%Y-%m-%d %H:%M:%S} UTC" if one.when else "")}</span> '
        f"{_linked(one.msh_10)} {escape(one.what)}</li>"
        for one in steps
    )
    html_element("ol", items, "line")


def _linked(msh_10: str) -> str:
    return f'<a href="{escape(message_link(msh_10).address)}">{escape(msh_10)}</a>' if msh_10 else ""


# the message ----------------------------------------------------------------------------------------------------------


def _message(segments: Sequence[ReadSegment]) -> None:
    html_element("table", "".join(map(_segment, segments)), "message")


def _segment(one: ReadSegment) -> str:
    number = f" {one.number}" if one.number > 1 else ""
    name = f'{escape(one.name)}{number} <span class="dim">{escape(one.words)}</span>'
    name = f'{escape(one.name)}{number} <span class="dim">{escape(one.words)}</span>'
    head = f'<tr><th colspan="3" scope="rowgroup">{name}</th></tr>'
    marks = f'<tr><td colspan="3">{_marked(one.marks)}</td></tr>' if one.marks else ""
    return f"<tbody>{head}{marks}{''.join(map(_field, one.fields))}</tbody>"


def _field(one: ReadField) -> str:
    return (
        f'<tr><td class="place">{escape(one.place)}</td><td class="label">{escape(one.name)}</td>'
        f'<td><span title="{escape(one.raw)}">{escape(one.value)}</span>{_marked(one.marks)}</td></tr>'
    )


def _objections(loose: Sequence[Mark]) -> None:
    if loose:
        html_element("div", _marked(loose))


def _marked(found: Sequence[Mark]) -> str:
    return "".join(
        f'<div class="mark {escape(one.severity)}"><b>{escape(one.code)}</b> {escape(one.text)} '
        f"<small>{escape(one.source)}</small><br>Fix: {escape(one.fix)} ({escape(one.who)})</div>"
        for one in found
    )


# correcting it --------------------------------------------------------------------------------------------------------


class _Correction:
    """Correct one value and send it again, or close it with a reason."""

    def __init__(self, session: ConsoleSession, found: Seen) -> None:
        self._session = session
        self._one = found.submission
        named = (mark.column for mark in marks(found.submission) if mark.severity == "E" and mark.column in BY_NAME)
        self._named = next(named, COLUMNS[0].name)

    def draw(self) -> None:
        with card("Correct and resubmit"):
            with row():
                names = [column.name for column in COLUMNS]
                self._column = ui.select(names, value=self._named, label="column", with_input=True).classes("w-56")
                doses = {number: f"dose {number}" for number in range(1, len(self._one.visit.doses) + 1)}
                self._dose = ui.select(doses, value=1 if doses else None, label="of")
                self._dose.set_visibility(len(doses) > 1)
                self._new = ui.input("new value (empty: send it as it is)").classes("w-64")
                self._look = ui.button("Preview", on_click=lambda: self._try(dry_run=True)).props("no-caps outline")
                ui.button("Resubmit", on_click=lambda: self._try(dry_run=False)).props("no-caps color=positive")
            with row():
                self._reason = ui.input("reason, to close it instead").classes("w-96")
                ui.button("Close", on_click=self._close).props("no-caps outline color=negative")
            self._result = ui.element("div").props('aria-live="polite"')

    def _changes(self) -> dict[str, str]:
        name, new = str(self._column.value), str(self._new.value or "")
        if not new:
            return {}
        is_of_dose = name in BY_NAME and name not in FROM_PATIENT and name != "clinic"
        return {f"{name}[{self._dose.value}]" if is_of_dose and len(self._one.visit.doses) > 1 else name: new}

    async def _try(self, *, dry_run: bool) -> None:
        changes = self._changes()
        action = "resubmit --dry-run" if dry_run else "resubmit"
        await self._session.note(action, [self._one.msh_10], ", ".join(changes))
        result = await self._session.ask(lambda one: one.correct(self._one.msh_10, changes, dry_run=dry_run))
        self._result.clear()
        with self._result:
            if isinstance(result, NotResubmitted):
                failed(f"Nothing was changed: {result.reason}.")
            elif dry_run:
                if result.causes:
                    text(f"It would still be held: {', '.join(result.causes)}", "p", "warn")
                difference(Example(self._one.msh_10, self._one.vxu, result.vxu, result.state))
            else:
                self._done(result)

    def _done(self, result: Resubmitted) -> None:
        held = f", held for {', '.join(result.causes)}" if result.causes else ""
        kind = colour(result.state)
        text(f"Resubmitted: {result.state.value.lower()}{held}.", "p", kind)
        ui.link(f"Follow {result.msh_10}", message_link(result.msh_10).address)

    async def _close(self) -> None:
        reason = str(self._reason.value or "").strip()
        self._result.clear()
        with self._result:
            if not reason:
                failed("Say why nothing more is to be done.")
                return
            await self._session.note("close", [self._one.msh_10])
            closed = await self._session.ask(lambda one: one.ledger.move(self._one.msh_10, Event.CLOSE, reason=reason))
            text("Closed; nothing was deleted." if closed else "It is not open any more.", "p")
