"""The frame of every page: navigation, stage, color scheme, heading."""

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
class NavigationEntry:
    """One page of the navigation."""

    path: str
    title: str


@contextmanager
def frame(
    session: ConsoleSession, entries: tuple[NavigationEntry, ...], title: str, current: str = ""
) -> Iterator[None]:
    """Draw the frame; what is drawn in the context becomes the page's content.

    Args:
        session: the operator's session.
        entries: the navigation.
        title: the page's heading.
        current: the path of the entry that the page belongs to.
    """
    ui.page_title(f"{title} · vaxline")
    ui.add_css(STYLE)
    ui.colors(primary="#1d5fa8", positive="#176b3a", negative="#b42318")
    dark = ui.dark_mode(session.dark)
    html_element("div", '<a class="skip" href="#content">Skip to content</a>')
    with ui.element("header").classes("bar"):
        html_element("div", '<a class="name" href="/">vaxline</a>')
        html_element("nav", "".join(_link(entry, current) for entry in entries)).props('aria-label="Pages"')
        text(f"stage {session.stage}", "span", f"stage {session.stage}")

        def switch_scheme() -> None:
            session.dark = not dark.value if dark.value is not None else True
            dark.value = session.dark

        ui.button(icon="contrast", on_click=switch_scheme).props('flat dense aria-label="Light or dark"')
    with ui.element("div").classes("page").props('id="content" tabindex="-1"'):
        text(title, "h1")
        yield


def _link(entry: NavigationEntry, current: str) -> str:
    is_current = ' aria-current="page"' if entry.path == current else ""
    return f'<a href="{escape(entry.path)}"{is_current}>{escape(entry.title)}</a>'
