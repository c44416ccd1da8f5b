"""Parts of the console's pages: cards, tables, inputs. Text from exports, EHRs and IISs is always escaped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from console.connect import describe_aws_error
from shared.usecases.reporting.pages.html import with_commands

_PAGE_ROWS: Final = 25
"""Rows of a table that are shown at once."""


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that links to a page."""

    text: str
    address: str


Cell = str | int | float | Link


def address(*parts: str, **query: str) -> str:
    """Return the address of a page. It must not contain PHI, since browsers remember addresses.

    Args:
        *parts: the parts of the path.
        **query: the parameters; empty ones are left out.
    """
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def text(words: str, tag: str = "p", classes: str = "") -> ui.html:
    """Draw plain text in an element of its own."""
    return html_element(tag, escape(words), classes)


def html_element(tag: str, content: str, classes: str = "") -> ui.html:
    """Draw an element.

    Args:
        tag: the element's tag.
        content: HTML, in which all text is already escaped.
        classes: CSS classes.
    """
    element = ui.html(content, sanitize=False, tag=tag)
    return element.classes(classes) if classes else element


@contextmanager
def card(title: str = "", classes: str = "") -> Iterator[None]:
    """Draw a section of a page, with its heading."""
    with ui.element("section").classes(f"card {classes}"):
        if title:
            text(title, "h2")
        yield


@contextmanager
def row(classes: str = "") -> Iterator[None]:
    """Lay out elements side by side; they wrap where there is no room."""
    with ui.element("div").classes(f"row {classes}"):
        yield


def tiles(values: Iterable[tuple[str, Cell]]) -> None:
    """Draw numbers with their labels."""
    with ui.element("div").classes("tiles"):
        for words, value in values:
            shown = value.text if isinstance(value, Link) else f"{value:,}" if isinstance(value, int) else str(value)
            number = escape(shown)
            if isinstance(value, Link):
                number = f'<a href="{escape(value.address)}">{number}</a>'
            html_element("div", f"<b>{number}</b><span>{escape(words)}</span>", "tile")


def facts(pairs: Iterable[tuple[str, str | Link]]) -> None:
    """Draw names and values as a list; those without a value are left out."""
    body = "".join(f"<dt>{escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in pairs if value)
    html_element("dl", body, "facts")


def _value(value: str | Link) -> str:
    if isinstance(value, Link):
        return f'<a href="{escape(value.address)}">{escape(value.text)}</a>'
    return escape(value)


def empty(words: str, hint: str = "") -> None:
    """Say that there is nothing to show; `hint` may name commands between grave accents."""
    html_element("div", f"<b>{escape(words)}</b>{with_commands(hint)}", "empty")


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
"""Vue expression: Quasar marks the sorted column by a class of its head."""


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, label: str = "") -> ui.table:
    """Draw a table that sorts by its column heads, by mouse and keyboard. Columns of numbers are right-aligned.

    Args:
        columns: the column heads; a column with an empty head does not sort.
        rows: the cells of each row.
        label: the table's name for screen readers.
    """
    row_data = [_row(number, cells) for number, cells in enumerate(rows)]
    heads = []
    for index, name in enumerate(columns):
        is_numeric = bool(row_data) and all(isinstance(cells[f"c{index}"], int | float) for cells in row_data)
        align = "right" if is_numeric else "left"
        sortable = {"sortable": bool(name)}
        heads.append({"name": f"c{index}", "label": name, "field": f"c{index}", "align": align} | sortable)
    page_size = _PAGE_ROWS if len(row_data) > _PAGE_ROWS else 0
    drawn = ui.table(columns=heads, rows=row_data, row_key="id", pagination=page_size)
    for head in heads:
        if head["sortable"]:
            _sortable_head(drawn, head)
    drawn.add_slot("body-cell", _CELL)
    drawn.props(f'flat dense {"" if page_size else "hide-pagination"} no-data-label="Nothing."')
    if label:
        drawn.props["aria-label"] = label
    return drawn


def _sortable_head(of_table: ui.table, head: dict[str, Any]) -> None:
    """Draw a column head with a button for the keyboard, whose click bubbles to the head.

    It consists of elements, not of a Vue template, because a template is drawn anew on every sort and loses the focus.
    """
    side = "right" if head["align"] == "right" else "left"
    with of_table.add_slot(f"header-cell-{head['name']}"), ui.element("th") as cell:
        cell.props[":class"] = "props.col.__thClass"
        cell.props[":aria-sort"] = _ARIA_SORT
        cell.on("click", js_handler="() => props.sort(props.col)")
        html_element("button", escape(head["label"]), "sort").props('type="button"')
        ui.icon("arrow_upward").classes(f"q-table__sort-icon q-table__sort-icon--{side}")


def _row(number: int, cells: Sequence[Cell]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": number}
    for index, cell in enumerate(cells):
        shown = cell.text if isinstance(cell, Link) else cell
        # Grave accents mark commands in the catalogue's texts; cells show plain text.
        data[f"c{index}"] = shown.replace("`", "") if isinstance(shown, str) else shown
        if isinstance(cell, Link):
            data[f"to_c{index}"] = cell.address
    return data


def clinic_choice(path: str, clinics: Iterable[str], chosen: str) -> None:
    """Draw the choice of the clinic that a page shows. The choice is part of the address."""
    options = {"": "all clinics"} | {name: name for name in (*clinics, chosen) if name}

    def navigate(event: ValueChangeEventArguments[Any]) -> None:
        ui.navigate.to(address(path, clinic=event.value or ""))

    ui.select(options, value=chosen, label="clinic", on_change=navigate).classes("w-44")


def inputs(fields: Iterable[tuple[str, str]]) -> dict[str, ui.input]:
    """Draw one input per name and label; return them by name."""
    return {name: ui.input(label).classes("w-44") for name, label in fields}


def input_values(fields: Mapping[str, ui.input]) -> dict[str, str]:
    """Return the text of each input."""
    return {name: str(field.value or "").strip() for name, field in fields.items()}


@asynccontextmanager
async def loading(words: str = "Reading the ledger …") -> AsyncIterator[None]:
    """Show a spinner while the context runs; where it fails for an expected reason, show that instead."""
    with ui.element("div").classes("row") as waiting:
        ui.spinner()
        text(words, "span", "dim")
    # The browser gets the page first, since reading may take longer than it waits for a page.
    await ui.context.client.connected(timeout=30)
    try:
        yield
    except (LookupError, ValueError) as error:
        failed(str(error))
    except (ClientError, BotoCoreError) as error:
        failed(describe_aws_error(error))
    finally:
        if not waiting.is_deleted:
            waiting.delete()


def failed(words: str) -> None:
    """Draw an error message."""
    with ui.element("section").classes("card failed").props('role="alert"'):
        text(words, "p", "bad")
