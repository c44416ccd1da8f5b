"""Worklist: what needs a person, by cause; and one cause's page, with one remedy for all that waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from console.reading import Mark, marks
from console.remedies import Change, applied, changed_text, named
from console.web.parts import (
    Cell,
    Link,
    address,
    card,
    empty,
    facts,
    failed,
    html_element,
    loading,
    message_link,
    row,
    table,
    text,
)
from console.web.session import ConsoleSession
from shared.adapters.configuration import reader
from shared.bootstrap import Application
from shared.domain.codes import local
from shared.domain.hl7 import er7
from shared.domain.lifecycle import IN_FLIGHT
from shared.domain.submission import Submission
from shared.exports.columns import BY_NAME, COLUMNS, column_of
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Example, Preview, Remedy
from shared.usecases.correction.worklist import Group, group_of, groups

PACE: Final = 20
"""Resubmissions a second, as `vaxline remedy` has it."""

_WATCHED: Final = 120


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page of all causes."""
    async with loading():
        found = await session.ask(lambda application: groups(application.ledger, clinic))
        await session.note("worklist", [clinic or "all clinics"])
        if clinic:
            text(f"Only clinic {clinic}.", "p", "dim")
        if not found:
            with card():
                empty("Nothing waits for a person.", "Refusals and held rows come here by themselves.")
            return
        waiting = len({msh_10 for group in found for msh_10 in group.msh_10s})
        text(f"{waiting:,} submissions wait, for {len(found)} causes. One remedy mends a whole cause.", "p", "dim")
        with card():
            table(
                ("cause", "clinic", "submissions", "rows", "oldest (UTC)", "what is wrong", "what to do", "who"),
                map(_line, found),
                label="Causes",
            )


def _line(group: Group) -> tuple[Cell, ...]:
    known = group.explained
    return (
        Link(group.cause, address("worklist", group.cause, clinic=group.clinic)),
        group.clinic,
        group.submissions,
        group.rows,
        f"{group.oldest:%m-%d %H:%M}",
        known.words if known else "",
        known.fix if known else "",
        known.who if known else "",
    )


# one cause ------------------------------------------------------------------------------------------------------------


async def draw_cause(session: ConsoleSession, cause: str, clinic: str = "") -> None:
    """The page of one cause at one clinic."""
    async with loading():
        group = await session.ask(lambda application: group_of(application.ledger, cause, clinic))
        await session.note("worklist", [clinic or "all clinics"], cause)
        if group is None:
            with card():
                empty("Nothing waits for this cause any more.", "What else waits stands under Worklist.")
            return
        waiting, clinics = await session.ask(lambda application: _waiting(application, group))
        with ui.element("div").classes("halves"):
            _explained(group)
            _Form(session, group, _column(group, waiting), clinics).draw()
        with card("What waits for it"):
            if group.submissions > len(waiting):
                text(f"The first {len(waiting)} of {group.submissions:,}.", "p", "dim")
            table(_HEADS, map(_line_of, waiting), label="Submissions")


_HEADS: Final = ("MSH-10", "state", "file", "rows", "column", "what was said")
_SHOWN: Final = 100


_Waits = tuple[Submission, list[Mark]]
"""One submission of the group, and what was said of it that is the group's cause."""


def _waiting(application: Application, group: Group) -> tuple[list[_Waits], list[str]]:
    """The group's first submissions, and the clinics there are."""
    code = group.cause.split(" ", 1)[0]
    found = application.ledger.many(group.msh_10s[:_SHOWN])
    waiting = [(one, [mark for mark in marks(one) if mark.code == code]) for one in found]
    return waiting, list(application.configurations.current().clinics)


def _column(group: Group, waiting: list[_Waits]) -> str:
    """The column that fills the field of the cause: as the first submissions say it, else by the field alone."""
    named = Counter(mark.column for _, said in waiting for mark in said if mark.column in BY_NAME)
    return named.most_common(1)[0][0] if named else column_of(group.field)


def _line_of(waits: _Waits) -> tuple[Cell, ...]:
    one, said = waits
    return (
        message_link(one.msh_10),
        one.state.value,
        one.file_name.removeprefix(INBOX_PREFIX),
        ", ".join(str(row) for _, row in one.visit.rows),
        ", ".join(dict.fromkeys(mark.column for mark in said)),
        "; ".join(dict.fromkeys(mark.text for mark in said)),
    )


def _explained(group: Group) -> None:
    known = group.explained
    with card("What is wrong"):
        if known:
            text(known.words)
            text(f"Fix: {known.fix}")
        facts(
            (
                ("clinic", group.clinic),
                ("who", known.who if known else ""),
                ("field", group.field),
                ("values found", "; ".join(f"{value} ({count})" for value, count in group.values)),
                ("submissions", f"{group.submissions:,} for {group.rows:,} rows"),
                ("oldest", f"{group.oldest:%Y-%m-%d %H:%M} UTC"),
            )
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way to mend a cause, as the form offers it."""

    words: str
    fits: Callable[[Group], bool]


_KINDS: Final[dict[str, _Kind]] = {
    "map": _Kind("Map the EHR's code", lambda group: group.cause.startswith(f"{local.CAUSE} ")),
    "clinic": _Kind("Say whose name it is", lambda group: group.cause == "CLINIC-UNKNOWN"),
    "value": _Kind("Correct a value", lambda group: bool(column_of(group.field)) or group.field == ""),
    "facility": _Kind("Change the facility code", lambda group: group.field in {"RXA-11", "MSH-4"}),
    "again": _Kind("Send again as it is", lambda _: True),
}
"""The first that fits is chosen when the page opens; each can be chosen."""


class _Form:
    """One remedy: chosen, looked at, done."""

    def __init__(self, session: ConsoleSession, group: Group, column: str, clinics: list[str]) -> None:
        self._session = session
        self._group = group
        self._named = column
        self._clinics = clinics
        self._wanted: tuple[Remedy, str] | None = None
        self._new: ValueElement[Any]

    def draw(self) -> None:
        with card("Remedy"):
            first = next(name for name, kind in _KINDS.items() if kind.fits(self._group))
            kinds = {name: kind.words for name, kind in _KINDS.items()}
            self._kind = ui.radio(kinds, value=first, on_change=self._changed).props("dense")
            self._inputs = ui.element("div").classes("row")
            with row():
                self._look = ui.button("Preview", on_click=self._preview).props("no-caps")
                self._do = ui.button("Resubmit all", on_click=self._apply).props("no-caps color=positive")
                self._do.disable()
            self._result = ui.element("div").props('aria-live="polite"').classes("flex flex-col gap-2")
            self._changed()

    def _changed(self) -> None:
        self._forget()
        self._inputs.clear()
        commonest = self._group.values[0][0] if self._group.values else ""
        with self._inputs:
            kind = self._kind.value
            if kind == "value":
                names = [column.name for column in COLUMNS]
                self._column = ui.select(names, value=self._named or names[0], label="column", with_input=True)
                self._new = ui.input("new value", on_change=self._forget)
                self._column.on_value_change(self._forget)
            elif kind == "map":
                self._new = ui.input("standard code that it means", on_change=self._forget)
            elif kind == "facility":
                self._new = ui.input("HL7 facility code", on_change=self._forget)
            elif kind == "clinic":
                self._old = ui.select(
                    [value for value, _ in self._group.values], value=commonest or None, label="name in the export"
                ).classes("w-56")
                self._new = ui.select(self._clinics, label="clinic", on_change=self._forget).classes("w-56")

    def _forget(self) -> None:
        """What was looked at is not what would be done any more."""
        self._wanted = None
        if hasattr(self, "_do"):
            self._do.disable()

    def _said(self) -> tuple[dict[str, str], str, Change]:
        """Corrected columns, the value that the remedy is for, and what changes in clinics.toml.

        Raises:
            ValueError: something was left empty.
        """
        kind = self._kind.value
        if kind == "again":
            return {}, "", Change()
        new = str(self._new.value or "").strip()
        if kind == "value":
            return {str(self._column.value): new}, "", Change()
        if not new:
            raise ValueError("Fill in what it is to be.")
        if kind == "map":
            return {}, "", Change(meaning=new)
        if kind == "facility":
            return {}, "", Change(facility=new)
        return {}, str(self._old.value or ""), Change(as_clinic=new)

    async def _preview(self) -> None:
        self._result.clear()
        try:
            changes, value, change = self._said()
            clinic = "" if self._group.clinic == "-" else self._group.clinic
            wanted, text_to_come, preview = await self._session.ask(
                lambda application: _looked_at(application, self._group.cause, clinic, value, changes, change)
            )
        except (ValueError, reader.NotValid) as error:
            with self._result:
                failed(str(error))
            return
        await self._session.note("remedy preview", [one.msh_10 for one in preview.examples], named(wanted))
        self._wanted = wanted, text_to_come
        self._do.set_enabled(preview.released > 0)
        with self._result:
            _show(preview)

    async def _apply(self) -> None:
        if self._wanted is None:
            return
        wanted, text_to_come = self._wanted
        self._forget()
        self._look.disable()
        self._result.clear()
        results: list[Resubmitted | NotResubmitted] = []
        with self._result:
            bar = ui.linear_progress(0, show_value=False).props('aria-label="Resubmitting"')
            watching = ui.timer(0.3, lambda: bar.set_value(len(results) / max(1, self._group.submissions)))

            def work(application: Application) -> None:
                members = application.remedies.members(wanted)
                results.extend(applied(application, wanted, members, text_to_come, pace=PACE))

            await self._session.ask(work)
            watching.cancel()
            bar.delete()
            sent = sum(1 for one in results if isinstance(one, Resubmitted))
            text(f"{sent:,} of {len(results):,} were resubmitted.", "p", "good" if sent else "bad")
            _Watched(self._session, results).draw()


def _looked_at(
    application: Application, cause: str, clinic: str, value: str, changes: dict[str, str], change: Change
) -> tuple[Remedy, str, Preview]:
    text_to_come = changed_text(application, cause, clinic, value, change)
    configuration = reader.valid(text_to_come) if text_to_come else None
    wanted = Remedy(cause, clinic, value, changes, configuration)
    return wanted, text_to_come, application.remedies.preview(wanted)


def _show(preview: Preview) -> None:
    text(f"Of {preview.submissions:,} submissions {preview.released:,} would be sent. Nothing is changed yet.")
    for cause, count in preview.held:
        text(f"Still held: {count:,} for {cause}", "p", "warn")
    for reason, count in preview.refused:
        text(f"Not resubmitted: {count:,}, {reason}", "p", "bad")
    for example in preview.examples:
        difference(example)


def difference(example: Example) -> None:
    """The segments of a message that would change, before and after."""
    before, after = er7.segments(example.before), er7.segments(example.after)
    lines = [f'<span class="out">- {escape(one)}</span>' for one in before if one not in after]
    lines += [f'<span class="in">+ {escape(one)}</span>' for one in after if one not in before]
    text(f"{example.msh_10}: would be {example.state.value.lower()}", "h3")
    html_element("pre", "\n".join(lines), "diff")


class _Watched:
    """Resubmissions and their states, looked at again until CT WiZ has answered them all."""

    def __init__(self, session: ConsoleSession, results: list[Resubmitted | NotResubmitted]) -> None:
        self._session = session
        self._results = results
        self._looks = 0

    def draw(self) -> None:
        self._table = table(("MSH-10", "result", "new MSH-10", "state now"), map(_outcome, self._results))
        self._timer = ui.timer(1.0, self._look)

    async def _look(self) -> None:
        self._looks += 1
        new = [one.msh_10 for one in self._results if isinstance(one, Resubmitted)]
        states = await self._session.ask(
            lambda application: {one.msh_10: one.state for one in application.ledger.many(new)}
        )
        for line in self._table.rows:
            state = states.get(line.get("c2", ""))
            line["c3"] = state.value if state else line["c3"]
        self._table.update()
        if self._looks >= _WATCHED or not any(state in IN_FLIGHT for state in states.values()):
            self._timer.cancel()


def _outcome(result: Resubmitted | NotResubmitted) -> tuple[Cell, ...]:
    if isinstance(result, NotResubmitted):
        return message_link(result.msh_10), result.reason, "", ""
    causes = f" ({', '.join(result.causes)})" if result.causes else ""
    return (
        message_link(result.replaces),
        f"{result.state.value}{causes}",
        message_link(result.msh_10),
        result.state.value,
    )
