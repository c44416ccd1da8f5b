"""What every page has: a heading, the way to the other pages, the stage, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from nicegui import ui

from console.web.parts import html_element, text
from console.web.session import ConsoleSession

STYLE: Final = Path(__file__).with_name("style.css")


@dataclass(frozen=True, slots=True)
class Entry:
    """One page that the navigation leads to."""

    path: str
    title: str


@contextmanager
def frame(session: ConsoleSession, entries: tuple[Entry, ...], title: str, current: str = "") -> Iterator[None]:
    """A page under its heading; `current` is the path of the entry that it belongs to."""
    ui.page_title(f"{title} · vaxline")
    ui.add_css(STYLE)
    ui.colors(primary="#1d5fa8", positive="#176b3a", negative="#b42318")
    dark = ui.dark_mode(session.dark)
    html_element("div", '<a class="skip" href="#content">To the content</a>')
    with ui.element("header").classes("bar"):
        html_element("div", '<a class="name" href="/">vaxline</a>')
        html_element("nav", "".join(_entry(one, current) for one in entries)).props('aria-label="Pages"')
        text(f"stage {session.stage}", "span", f"stage {session.stage}")

        def turn() -> None:
            session.dark = not dark.value if dark.value is not None else True
            dark.value = session.dark

        ui.button(icon="contrast", on_click=turn).props('flat dense aria-label="Light or dark"')
    with ui.element("div").classes("page").props('id="content" tabindex="-1"'):
        text(title, "h1")
        yield


def _entry(one: Entry, current: str) -> str:
    here = ' aria-current="page"' if one.path == current else ""
    return f'<a href="{escape(one.path)}"{here}>{escape(one.title)}</a>'
