"""The pieces that the console's pages are made of. What files, EHRs and IISs say goes in as text, never as HTML."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from nicegui import ui

from console.connect import refusal
from shared.domain.lifecycle import NEEDS_A_PERSON, STORED_BY_IIS, State

_PAGE_ROWS: Final = 25


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to a page."""

    text: str
    address: str


Cell = str | int | float | Link


def address(*parts: str, **query: str) -> str:
    """The address of a page: its parts, then what narrows it down. No PHI: browsers remember addresses."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def message_link(msh_10: str) -> Link:
    """The page of one submission."""
    return Link(msh_10, address("message", msh_10))


def colour(state: State) -> str:
    """The class of a state: good, bad (a person is needed), or dim."""
    if state in NEEDS_A_PERSON:
        return "bad"
    if state is State.ACCEPTED_WITH_WARNINGS:
        return "warn"
    return "good" if state in STORED_BY_IIS else "dim"


def text(words: str, tag: str = "p", kind: str = "") -> ui.html:
    """Words in an element of their own."""
    return html_element(tag, escape(words), kind)


def html_element(tag: str, content: str, kind: str = "") -> ui.html:
    """An element with HTML of our own making in it, every foreign word escaped already."""
    element = ui.html(content, sanitize=False, tag=tag)
    return element.classes(kind) if kind else element


def state_of(state: State) -> ui.html:
    """A state as a label."""
    return text(state.value.replace("_", " ").lower(), "span", f"state {colour(state)}")


def lines(words: Iterable[str]) -> str:
    """Text in which what stands between grave accents is a command, as HTML."""
    pieces = escape(" ".join(words)).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))


@contextmanager
def card(title: str = "", kind: str = "") -> Iterator[None]:
    """A part of a page, under its own heading."""
    with ui.element("section").classes(f"card {kind}"):
        if title:
            text(title, "h2")
        yield


@contextmanager
def row(kind: str = "") -> Iterator[None]:
    """Things beside each other, as far as there is room."""
    with ui.element("div").classes(f"row {kind}"):
        yield


def tiles(values: Iterable[tuple[str, Cell]]) -> None:
    """Numbers with the words that say what they count."""
    with ui.element("div").classes("tiles"):
        for words, value in values:
            shown = value.text if isinstance(value, Link) else f"{value:,}" if isinstance(value, int) else str(value)
            body = escape(shown)
            if isinstance(value, Link):
                body = f'<a href="{escape(value.address)}">{body}</a>'
            html_element("div", f"<b>{body}</b><span>{escape(words)}</span>", "tile")


def facts(pairs: Iterable[tuple[str, str | Link]]) -> None:
    """Names and values below each other; those without a value are left out."""
    body = "".join(f"<dt>{escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in pairs if value)
    html_element("dl", body, "facts")


def _value(value: str | Link) -> str:
    if isinstance(value, Link):
        return f'<a href="{escape(value.address)}">{escape(value.text)}</a>'
    return escape(value)


def empty(words: str, hint: str = "") -> None:
    """What stands where nothing is."""
    html_element("div", f"<b>{escape(words)}</b>{lines((hint,))}", "empty")


_CELL: Final = """
<q-td :props="props" :class="typeof props.value === 'number' ? 'num' : ''">
  <a v-if="props.row['to_' + props.col.name]" :href="props.row['to_' + props.col.name]">{{ props.value }}</a>
  <template v-else>{{ props.value }}</template>
</q-td>
"""


_ARIA_SORT: Final = (
    "!props.col.__thClass.includes(' sorted') ? 'none'"
    " : props.col.__thClass.includes('sort-desc') ? 'descending' : 'ascending'"
)
"""Quasar says how a column is sorted by the class of its head."""


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, label: str = "") -> ui.table:
    """A table that sorts by its heads, by mouse and by keyboard; numbers stand to the right."""
    made = [_row(number, cells) for number, cells in enumerate(rows)]
    heads = []
    for place, name in enumerate(columns):
        right = bool(made) and all(isinstance(one[f"c{place}"], int | float) for one in made)
        align = "right" if right else "left"
        sortable = {"sortable": bool(name)}
        heads.append({"name": f"c{place}", "label": name, "field": f"c{place}", "align": align} | sortable)
    shown = _PAGE_ROWS if len(made) > _PAGE_ROWS else 0
    filled = ui.table(columns=heads, rows=made, row_key="id", pagination=shown)
    for head in heads:
        if head["sortable"]:
            _head(filled, head)
    filled.add_slot("body-cell", _CELL)
    filled.props(f'flat dense {"" if shown else "hide-pagination"} no-data-label="Nothing."')
    if label:
        filled.props["aria-label"] = label
    return filled


def _head(of: ui.table, head: dict[str, Any]) -> None:
    """A head that sorts, with a button for the keyboard: its click goes up to the head.

    It is made of elements because those stay when the table is drawn anew; a template would not, and the focus be lost.
    """
    side = "right" if head["align"] == "right" else "left"
    with of.add_slot(f"header-cell-{head['name']}"), ui.element("th") as cell:
        cell.props[":class"] = "props.col.__thClass"
        cell.props[":aria-sort"] = _ARIA_SORT
        cell.on("click", js_handler="() => props.sort(props.col)")
        html_element("button", escape(head["label"]), "sort").props('type="button"')
        ui.icon("arrow_upward").classes(f"q-table__sort-icon q-table__sort-icon--{side}")


def _row(number: int, cells: Sequence[Cell]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": number}
    for place, cell in enumerate(cells):
        shown = cell.text if isinstance(cell, Link) else cell
        # Grave accents mark commands in the catalogue's texts, which cells show plainly.
        found[f"c{place}"] = shown.replace("`", "") if isinstance(shown, str) else shown
        if isinstance(cell, Link):
            found[f"to_c{place}"] = cell.address
    return found


def clinic_choice(path: str, clinics: Iterable[str], chosen: str) -> None:
    """Which clinic a page shows; the address says it, so that it can be kept and sent on."""
    options = {"": "all clinics"} | {name: name for name in (*clinics, chosen) if name}
    ui.select(
        options, value=chosen, label="clinic", on_change=lambda e: ui.navigate.to(address(path, clinic=e.value or ""))
    ).classes("w-44")


def inputs(fields: Iterable[tuple[str, str]]) -> dict[str, ui.input]:
    """One input for each name, with the words that label it."""
    return {name: ui.input(words).classes("w-44") for name, words in fields}


def said(fields: Mapping[str, ui.input]) -> dict[str, str]:
    """What was typed into them."""
    return {name: str(field.value or "").strip() for name, field in fields.items()}


@asynccontextmanager
async def loading(words: str = "Reading the ledger …") -> AsyncIterator[None]:
    """Says that something is read until it is there, and in plain words why it is not where it fails."""
    with ui.element("div").classes("row") as waiting:
        ui.spinner()
        text(words, "span", "dim")
    # The page goes out first; reading may take longer than a browser waits for one.
    await ui.context.client.connected(timeout=30)
    try:
        yield
    except (LookupError, ValueError) as error:
        failed(str(error))
    except (ClientError, BotoCoreError) as error:
        failed(refusal(error))
    finally:
        if not waiting.is_deleted:
            waiting.delete()


def failed(words: str) -> None:
    """What stands where something could not be done."""
    with ui.element("section").classes("card failed").props('role="alert"'):
        text(words, "p", "bad")
