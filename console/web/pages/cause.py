"""The page of one cause of the worklist: the submissions that wait for it, and one remedy for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from console.reading import Mark, marks
from console.remedies import DEFAULT_PACE, ConfigurationChange, apply_remedy, changed_clinics_toml, changed_names
from console.web.closing import CloseAllForm
from console.web.parts import Cell, card, empty, facts, failed, loading, row, table, text
from console.web.session import ConsoleSession
from console.web.submissions import difference, left_out, message_link
from shared.adapters.configuration.reader import InvalidConfigurationError, read_configuration
from shared.bootstrap import Application
from shared.domain.codes import local
from shared.domain.lifecycle import IN_FLIGHT
from shared.domain.submission import Submission
from shared.exports.columns import BY_NAME, COLUMNS, column_of
from shared.exports.corrections import CORRECTABLE
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.closing import Selection
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Preview, Remedy
from shared.usecases.correction.worklist import Group, group_of

_SHOWN: Final = 100
_MAX_POLLS: Final = 120

_MarkedSubmission = tuple[Submission, list[Mark]]
"""A submission of the group, with its findings and ACK errors that have the group's cause."""


async def draw(session: ConsoleSession, cause: str, clinic: str = "") -> None:
    """Draw the page of one cause, at one clinic or at the one where most submissions wait for it."""
    async with loading():
        group = await session.run(
            lambda application: group_of(application.ledger.submissions, application.ledger.worklist, cause, clinic)
        )
        await session.record("worklist", [clinic or "all clinics"], cause)
        if group is None:
            with card():
                empty("Nothing waits for this cause any more.", "The worklist shows the other causes.")
            return
        waiting, clinics = await session.run(lambda application: _read(application, group))
        with ui.element("div").classes("halves"):
            _explanation(group)
            _RemedyForm(session, group, _column(group, waiting), clinics).draw()
        with card("Nothing more to do"):
            CloseAllForm(session, Selection(group.cause, group.clinic), f"{group.cause}, {group.clinic}").draw()
        with card("What waits for it"):
            if group.submissions > len(waiting):
                text(f"The first {len(waiting)} of {group.submissions:,}.", "p", "dim")
            heads = ("MSH-10", "state", "file", "rows", "column", "finding or error")
            table(heads, map(_cells, waiting), label="Submissions")


def _read(application: Application, group: Group) -> tuple[list[_MarkedSubmission], list[str]]:
    """Return the first submissions of the group, and the keys of all clinics."""
    code = group.cause.split(" ", 1)[0]
    submissions = application.ledger.submissions.many(group.msh_10s[:_SHOWN])
    waiting = [(one, [mark for mark in marks(one) if mark.code == code]) for one in submissions]
    return waiting, list(application.configurations.current().clinics)


def _column(group: Group, waiting: list[_MarkedSubmission]) -> str:
    """Return the CSV column of the cause: the one that most findings name, else the one of the group's field."""
    columns = Counter(mark.column for _, found in waiting for mark in found if mark.column in BY_NAME)
    named = columns.most_common(1)[0][0] if columns else column_of(group.field)
    return named if named in CORRECTABLE else ""


def _cells(waiting: _MarkedSubmission) -> tuple[Cell, ...]:
    submission, found = waiting
    return (
        message_link(submission.msh_10),
        submission.state.value,
        submission.file_name.removeprefix(INBOX_PREFIX),
        submission.visit.row_names,
        ", ".join(dict.fromkeys(mark.column for mark in found)),
        "; ".join(dict.fromkeys(mark.text for mark in found)),
    )


def _explanation(group: Group) -> None:
    explained = group.explained
    with card("What is wrong"):
        if explained:
            text(explained.words)
            text(f"Fix: {explained.fix}")
        facts(
            (
                ("clinic", group.clinic),
                ("who", explained.who if explained else ""),
                ("field", group.field),
                ("values found", "; ".join(f"{value} ({count})" for value, count in group.values)),
                ("submissions", f"{group.submissions:,} for {group.rows:,} rows"),
                ("oldest", f"{group.oldest:%Y-%m-%d %H:%M} UTC"),
            )
        )


@dataclass(frozen=True, slots=True)
class _RemedyKind:
    """One kind of remedy: its label, and whether it is likely the right one for a group."""

    label: str
    fits: Callable[[Group], bool]


_KINDS: Final[dict[str, _RemedyKind]] = {
    "map": _RemedyKind("Map the EHR's code", lambda group: group.cause.startswith(f"{local.CAUSE} ")),
    "clinic": _RemedyKind("Say whose name it is", lambda group: group.cause == "CLINIC-UNKNOWN"),
    "value": _RemedyKind("Correct a value", lambda group: bool(column_of(group.field)) or group.field == ""),
    "facility": _RemedyKind("Change the facility code", lambda group: group.field in {"RXA-11", "MSH-4"}),
    "again": _RemedyKind("Send again as it is", lambda _: True),
}
"""The form offers all kinds and preselects the first that fits."""


class _RemedyForm:
    """Chooses, previews and applies a remedy."""

    def __init__(self, session: ConsoleSession, group: Group, column: str, clinics: list[str]) -> None:
        self._session = session
        self._group = group
        self._default_column = column
        self._clinics = clinics
        self._previewed: tuple[Remedy, str] | None = None
        self._new_value: ValueElement[Any]

    def draw(self) -> None:
        with card("Remedy"):
            first = next(name for name, kind in _KINDS.items() if kind.fits(self._group))
            kinds = {name: kind.label for name, kind in _KINDS.items()}
            self._kind = ui.radio(kinds, value=first, on_change=self._draw_inputs).props("dense")
            self._inputs = ui.element("div").classes("row")
            with row():
                self._preview_button = ui.button("Preview", on_click=self._preview).props("no-caps")
                self._apply_button = ui.button("Resubmit all", on_click=self._apply).props("no-caps color=positive")
                self._apply_button.disable()
            self._result = ui.element("div").props('aria-live="polite"').classes("flex flex-col flex-nowrap gap-2")
            self._draw_inputs()

    def _draw_inputs(self) -> None:
        """Draw the inputs of the chosen kind."""
        self._forget_preview()
        self._inputs.clear()
        with self._inputs:
            kind = self._kind.value
            if kind == "value":
                names = [column.name for column in COLUMNS if column.name in CORRECTABLE]
                self._column = ui.select(names, value=self._default_column or names[0], label="column", with_input=True)
                self._new_value = ui.input("new value", on_change=self._forget_preview)
                self._column.on_value_change(self._forget_preview)
            elif kind == "map":
                self._new_value = ui.input("standard code that it means", on_change=self._forget_preview)
            elif kind == "facility":
                self._new_value = ui.input("HL7 facility code", on_change=self._forget_preview)
            elif kind == "clinic":
                values = [value for value, _ in self._group.values]
                self._old_value = ui.select(
                    values, value=values[0] if values else None, label="name in the export"
                ).classes("w-56")
                self._new_value = ui.select(self._clinics, label="clinic", on_change=self._forget_preview).classes(
                    "w-56"
                )

    def _forget_preview(self) -> None:
        """Require a new preview before the remedy can be applied."""
        self._previewed = None
        self._apply_button.disable()

    def _choice(self) -> tuple[dict[str, str], str, ConfigurationChange]:
        """Return the corrected columns, the value that the remedy is limited to, and the change of clinics.toml.

        Raises:
            ValueError: an input is empty.
        """
        kind = self._kind.value
        if kind == "again":
            return {}, "", ConfigurationChange()
        new_value = str(self._new_value.value or "").strip()
        if kind == "value":
            return {str(self._column.value): new_value}, "", ConfigurationChange()
        if not new_value:
            raise ValueError("Fill in the new value.")
        if kind == "map":
            return {}, "", ConfigurationChange(meaning=new_value)
        if kind == "facility":
            return {}, "", ConfigurationChange(facility=new_value)
        return {}, str(self._old_value.value or ""), ConfigurationChange(as_clinic=new_value)

    async def _preview(self) -> None:
        self._result.clear()
        try:
            changes, value, change = self._choice()
            clinic = "" if self._group.clinic == "-" else self._group.clinic
            remedy, clinics_toml, preview = await self._session.run(
                lambda application: _preview(application, self._group.cause, clinic, value, changes, change)
            )
        except (ValueError, InvalidConfigurationError) as error:
            with self._result:
                failed(str(error))
            return
        msh_10s = [example.msh_10 for example in preview.examples]
        await self._session.record("remedy preview", msh_10s, changed_names(remedy))
        self._previewed = remedy, clinics_toml
        self._apply_button.set_enabled(preview.released > 0)
        with self._result:
            _draw_preview(preview)

    async def _apply(self) -> None:
        if self._previewed is None:
            return
        remedy, clinics_toml = self._previewed
        self._forget_preview()
        self._preview_button.disable()
        self._result.clear()
        results: list[Resubmitted | NotResubmitted] = []
        with self._result:
            bar = ui.linear_progress(0, show_value=False).props('aria-label="Resubmitting"')
            timer = ui.timer(0.3, lambda: bar.set_value(len(results) / max(1, self._group.submissions)))

            def work(application: Application) -> None:
                members = application.remedies.members(remedy)
                results.extend(apply_remedy(application, remedy, members, clinics_toml, pace=DEFAULT_PACE))

            await self._session.run(work)
            timer.cancel()
            bar.delete()
            resubmitted = sum(1 for result in results if isinstance(result, Resubmitted))
            text(f"{resubmitted:,} of {len(results):,} were resubmitted.", "p", "good" if resubmitted else "bad")
            for result in results:
                if isinstance(result, Resubmitted):
                    left_out(result)
            _ResubmissionTable(self._session, results).draw()


def _preview(
    application: Application,
    cause: str,
    clinic: str,
    value: str,
    changes: dict[str, str],
    change: ConfigurationChange,
) -> tuple[Remedy, str, Preview]:
    """Return the remedy, the changed clinics.toml (empty where it does not change) and the preview."""
    clinics_toml = changed_clinics_toml(application, cause, clinic, value, change)
    configuration = read_configuration(clinics_toml) if clinics_toml else None
    remedy = Remedy(cause, clinic, value, changes, configuration)
    return remedy, clinics_toml, application.remedies.preview(remedy)


def _draw_preview(preview: Preview) -> None:
    text(f"Of {preview.submissions:,} submissions {preview.released:,} would be sent. Nothing is changed yet.")
    for cause, count in preview.held:
        text(f"Still held: {count:,} for {cause}", "p", "warn")
    for reason, count in preview.refused:
        text(f"Not resubmitted: {count:,}, {reason}", "p", "bad")
    for msh_10, dose in preview.left_out[:_SHOWN]:
        text(f"Left out of {msh_10}: {dose}", "p", "warn")
    for example in preview.examples:
        difference(example)


class _ResubmissionTable:
    """Resubmissions with their states, updated every second until CT WiZ has answered all of them."""

    def __init__(self, session: ConsoleSession, results: list[Resubmitted | NotResubmitted]) -> None:
        self._session = session
        self._results = results
        self._polls = 0

    def draw(self) -> None:
        self._table = table(("MSH-10", "result", "new MSH-10", "state now"), map(_result_cells, self._results))
        self._timer = ui.timer(1.0, self._poll)

    async def _poll(self) -> None:
        self._polls += 1
        new = [result.msh_10 for result in self._results if isinstance(result, Resubmitted)]
        states = await self._session.run(
            lambda application: {one.msh_10: one.state for one in application.ledger.submissions.many(new)}
        )
        for line in self._table.rows:
            state = states.get(line.get("c2", ""))
            line["c3"] = state.value if state else line["c3"]
        self._table.update()
        if self._polls >= _MAX_POLLS or not any(state in IN_FLIGHT for state in states.values()):
            self._timer.cancel()


def _result_cells(result: Resubmitted | NotResubmitted) -> tuple[Cell, ...]:
    if isinstance(result, NotResubmitted):
        return message_link(result.msh_10), result.reason, "", ""
    causes = f" ({', '.join(result.causes)})" if result.causes else ""
    return (
        message_link(result.replaces),
        f"{result.state.value}{causes}",
        message_link(result.msh_10),
        result.state.value,
    )
