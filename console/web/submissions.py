"""Parts about submissions that several pages draw: states, links, steps, and changed segments."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nicegui import ui

from console.remedies import segment_changes
from console.web.parts import Link, address, html_element, text
from shared.domain.lifecycle import NEEDS_A_PERSON, STORED_BY_IIS, State
from shared.usecases.correction.correct import Resubmitted
from shared.usecases.correction.remedy import Example
from shared.usecases.reporting.trace import Step


def message_link(msh_10: str) -> Link:
    """Return a link to the page of a submission."""
    return Link(msh_10, address("message", msh_10))


def state_class(state: State) -> str:
    """Return the CSS class of a state: `bad` where a person is needed, `warn`, `good` or `dim`."""
    if state in NEEDS_A_PERSON:
        return "bad"
    if state is State.ACCEPTED_WITH_WARNINGS:
        return "warn"
    return "good" if state in STORED_BY_IIS else "dim"


def state_words(state: State) -> str:
    """Return a state's name in lower case words."""
    return state.value.replace("_", " ").lower()


def state_label(state: State) -> ui.html:
    """Draw a state as a label."""
    return text(state_words(state), "span", f"state {state_class(state)}")


def step_list(steps: Sequence[Step]) -> None:
    """Draw the steps of a row, each with its time and submission."""
    items = "".join(
        f'<li><span class="dim">{escape(f"{step.when:%Y-%m-%d %H:%M:%S} UTC" if step.when else "")}</span> '
        f"{_linked(step.msh_10)} {escape(step.what)}</li>"
        for step in steps
    )
    html_element("ol", items, "line")


def _linked(msh_10: str) -> str:
    return f'<a href="{escape(message_link(msh_10).address)}">{escape(msh_10)}</a>' if msh_10 else ""


def left_out(result: Resubmitted) -> None:
    """Draw the doses that a resubmission leaves out, each with the submission that reports it."""
    for dose in result.left_out:
        words = escape(f"Left out of {result.replaces}: dose {dose.number} ({dose.orc_3}), reported by ")
        html_element("p", words + (_linked(dose.reported_by) or "another submission"), "warn")


def difference(example: Example) -> None:
    """Draw the segments that a correction changes, before and after."""
    removed, added = segment_changes(example)
    lines = [f'<span class="out">- {escape(segment)}</span>' for segment in removed]
    lines += [f'<span class="in">+ {escape(segment)}</span>' for segment in added]
    text(f"{example.msh_10}: would be {example.state.value.lower()}", "h3")
    html_element("pre", "\n".join(lines), "diff")
