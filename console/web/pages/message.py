"""The page of one submission: VXU and ACK, decoded, with findings and errors at their fields; and its correction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from nicegui import ui

from console.reading import Mark, ReadField, ReadSegment, marks, read, read_submission
from console.web.closing import CloseForm, ReopenForm
from console.web.parts import Cell, card, empty, facts, failed, html_element, loading, row, table, text
from console.web.session import ConsoleSession
from console.web.submissions import difference, left_out, message_link, state_class, state_label, step_list
from shared.bootstrap import Application
from shared.domain import lifecycle
from shared.domain.lifecycle import NEEDS_A_PERSON, State
from shared.domain.model import Dose
from shared.domain.person import Person
from shared.domain.reconcile import doubt
from shared.domain.submission import Submission
from shared.exports.columns import COLUMNS
from shared.exports.corrections import ANOTHER_PERSON, CORRECTABLE, SAME_PERSON, numbered
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.correct import NotResubmitted, Resubmitted, may_be_one_person
from shared.usecases.correction.remedy import Example
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.reporting.pages.html import with_commands
from shared.usecases.reporting.trace import Trace, trace

_SALVAGED: Final = "the answer had characters that XML forbids; \ufffd stands for them"
_OPEN: Final = (*NEEDS_A_PERSON, State.QUEUED)


@dataclass(frozen=True, slots=True)
class _PageData:
    """The content of the page (PHI). `loose` are the marks that belong to no field of the message."""

    submission: Submission
    segments: tuple[ReadSegment, ...]
    loose: tuple[Mark, ...]
    ack: tuple[ReadSegment, ...]
    trace: Trace | None


def _read(application: Application, msh_10: str) -> _PageData | None:
    """Return the page's data; None where there is no such submission."""
    submission = application.ledger.submissions.get(msh_10)
    if submission is None:
        return None
    segments, loose = read_submission(submission)
    file = application.ledger.files.get(submission.file_id)
    part, number = submission.visit.rows[0] if submission.visit.rows else ("", 0)
    traced = (
        trace(application.ledger.submissions, application.ledger.files, file, number, part) if file and number else None
    )
    ack = read(submission.attempts[-1].ack) if submission.attempts else ()
    return _PageData(submission, segments, loose, ack, traced)


async def draw(session: ConsoleSession, msh_10: str) -> None:
    """Draw the page."""
    async with loading():
        await session.record("show", [msh_10])
        data = await session.run(lambda application: _read(application, msh_10))
        if data is None:
            with card():
                empty(f"There is no submission {msh_10}.", "Look for it under Search, by MRN, lot or file.")
            return
        submission = data.submission
        _facts(submission)
        if submission.state in _OPEN and not submission.replaced_by:
            _Correction(session, submission).draw()
        if submission.state is State.CLOSED and not submission.replaced_by:
            with card("Reopen"):
                ReopenForm(session, msh_10).draw()
        with ui.element("div").classes("halves"):
            with card("VXU: what was sent" if submission.attempts else "VXU"):
                if data.loose:
                    html_element("div", _marks(data.loose))
                if data.segments:
                    _message(data.segments)
                else:
                    text("No message could be built; these are the doses in the export.", "p", "dim")
                    _doses(submission)
            with card("ACK: what CT WiZ answered"):
                if data.ack:
                    _message(data.ack)
                else:
                    empty("No answer is kept.", _reason_without_ack(submission))
        if data.trace:
            with card(f"Steps of row {data.trace.row} of {data.trace.file.removeprefix(INBOX_PREFIX)}"):
                step_list(data.trace.steps)


def _reason_without_ack(submission: Submission) -> str:
    if not submission.attempts:
        return "It was never sent."
    fault = submission.attempts[-1].fault
    if not fault:
        return ""
    explained = explanation(fault) or UNEXPLAINED
    return f"{fault}: {explained.words} {explained.fix}"


def _facts(submission: Submission) -> None:
    with card():
        with row("top"):
            state_label(submission.state)
            text(lifecycle.MEANING[submission.state], "span", "dim")
        patient = submission.visit.patient
        name = ", ".join(filter(None, (patient.name.family, patient.name.given)))
        last = submission.attempts[-1:]
        is_partly = submission.state is State.PARTLY_ACCEPTED
        created = f"{submission.created:%Y-%m-%d %H:%M:%S} UTC, under clinics.toml {submission.config_version}"
        facts(
            (
                ("patient", f"{patient.mrn} {name}, born {patient.birth_date or '?'}"),
                ("clinic", submission.clinic or "not known"),
                ("file", f"{submission.file_name.removeprefix(INBOX_PREFIX)}, rows {submission.visit.row_names}"),
                ("created", created),
                ("replaces", message_link(submission.replaces) if submission.replaces else ""),
                ("replaced by", message_link(submission.replaced_by) if submission.replaced_by else ""),
                ("proved by" if is_partly else "closed because", submission.closed_reason),
                ("in doubt", doubt(submission)),
                ("not stored", ", ".join(dose for attempt in last for dose in attempt.dropped)),
                ("perhaps not stored", ", ".join(submission.unproven)),
                ("salvaged", "; ".join(_SALVAGED for attempt in last if attempt.salvaged)),
                ("MSA-3", "".join(attempt.msa_3 for attempt in last)),
                ("for the CT WiZ help desk", ", ".join(trace_id for attempt in last for trace_id in attempt.trace_ids)),
                ("as exported", submission.visit.raw),
            )
        )


def _vaccine_code(dose: Dose) -> str:
    return dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code


def _doses(submission: Submission) -> None:
    visit = submission.visit
    rows: Iterator[tuple[Cell, ...]] = (
        (number, visit.row_name(dose.row), dose.date, _vaccine_code(dose), dose.lot, dose.id)
        for number, dose in enumerate(visit.doses, 1)
    )
    table(("no", "row", "date", "vaccine", "lot", "dose id"), rows)


# the message ----------------------------------------------------------------------------------------------------------


def _message(segments: Sequence[ReadSegment]) -> None:
    html_element("table", "".join(map(_segment, segments)), "message")


def _segment(segment: ReadSegment) -> str:
    number = f" {segment.number}" if segment.number > 1 else ""
    name = f'{escape(segment.name)}{number} <span class="dim">{escape(segment.words)}</span>'
    head = f'<tr><th colspan="3" scope="rowgroup">{name}</th></tr>'
    segment_marks = f'<tr><td colspan="3">{_marks(segment.marks)}</td></tr>' if segment.marks else ""
    return f"<tbody>{head}{segment_marks}{''.join(map(_field, segment.fields))}</tbody>"


def _field(field: ReadField) -> str:
    return (
        f'<tr><td class="place">{escape(field.place)}</td><td class="label">{escape(field.name)}</td>'
        f'<td><span title="{escape(field.raw)}">{escape(field.value)}</span>{_marks(field.marks)}</td></tr>'
    )


def _marks(found: Sequence[Mark]) -> str:
    return "".join(
        f'<div class="mark {escape(mark.severity)}"><b>{escape(mark.code)}</b> {escape(mark.text)} '
        f"<small>{escape(mark.source)}</small><br>Fix: {with_commands(mark.fix)} ({escape(mark.who)})</div>"
        for mark in found
    )


# the correction -------------------------------------------------------------------------------------------------------


class _Correction:
    """Corrects one value and resubmits, or closes the submission with a reason."""

    def __init__(self, session: ConsoleSession, submission: Submission) -> None:
        self._session = session
        self._submission = submission
        columns = (mark.column for mark in marks(submission) if mark.severity == "E" and mark.column in CORRECTABLE)
        self._default_column = next(columns, COLUMNS[0].name)

    def draw(self) -> None:
        with card("Correct and resubmit"):
            with row():
                names = [column.name for column in COLUMNS if column.name in CORRECTABLE]
                self._column = ui.select(names, value=self._default_column, label="column", with_input=True).classes(
                    "w-56"
                )
                doses = {number: f"dose {number}" for number in range(1, len(self._submission.visit.doses) + 1)}
                self._dose = ui.select(doses, value=1 if doses else None, label="of")
                self._dose.set_visibility(len(doses) > 1)
                self._new_value = ui.input("new value (empty: send it as it is)").classes("w-64")
                ui.button("Preview", on_click=lambda: self._resubmit(dry_run=True)).props("no-caps outline")
                ui.button("Resubmit", on_click=lambda: self._resubmit(dry_run=False)).props("no-caps color=positive")
            if may_be_one_person(self._submission):
                people = [one.value for one in self._submission.findings if one.code == ANOTHER_PERSON]
                sent = str(Person.of(self._submission.visit.patient))
                facts((("two people?", "; ".join(dict.fromkeys(people))), ("if one, CT WiZ gets", sent)))
                with row():
                    ui.button("It is one person", on_click=self._one_person).props("no-caps outline")
            self._result = ui.element("div").props('aria-live="polite"')
            CloseForm(self._session, [self._submission.msh_10], "reason, to close it instead").draw()

    def _changes(self) -> dict[str, str]:
        """Return the column to correct with its new value; a dose's column with its number where there are several."""
        name, value = str(self._column.value), str(self._new_value.value or "")
        if not value:
            return {}
        return {numbered(name, int(self._dose.value or 1)): value}

    async def _one_person(self) -> None:
        await self._resubmit(dry_run=False, changes={SAME_PERSON: "yes"})

    async def _resubmit(self, *, dry_run: bool, changes: Mapping[str, str] | None = None) -> None:
        changes, msh_10 = self._changes() if changes is None else changes, self._submission.msh_10
        action = "resubmit --dry-run" if dry_run else "resubmit"
        await self._session.record(action, [msh_10], ", ".join(changes))
        result = await self._session.run(lambda application: application.correct(msh_10, changes, dry_run=dry_run))
        self._result.clear()
        with self._result:
            if isinstance(result, NotResubmitted):
                failed(f"Nothing was changed: {result.reason}.")
            elif dry_run:
                if result.causes:
                    text(f"It would still be held: {', '.join(result.causes)}", "p", "warn")
                left_out(result)
                difference(Example(msh_10, self._submission.vxu, result.vxu, result.state))
            else:
                _draw_resubmitted(result)


def _draw_resubmitted(result: Resubmitted) -> None:
    held = f", held for {', '.join(result.causes)}" if result.causes else ""
    text(f"Resubmitted: {result.state.value.lower()}{held}.", "p", state_class(result.state))
    left_out(result)
    ui.link(f"Follow {result.msh_10}", message_link(result.msh_10).address)
