"""Parts of self-contained HTML pages: style, tables, and charts as inline SVG. Pages load nothing; text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .93em; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #d5dae0; vertical-align: top; }
th { font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td { overflow-wrap: anywhere; } tr { break-inside: avoid; }
p { margin: .3rem 0; } .note { color: #505a66; } .verdict { font-weight: 600; }
.good { color: #176b3a; } .bad { color: #b42318; } .warned { color: #8a5a10; }
figure { margin: .8rem 0; break-inside: avoid; } svg { display: block; max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: #1b1f24; } svg .bar { fill: #2f6fb2; } svg .axis { fill: #505a66; }
.calendar { display: grid; grid-template-columns: repeat(7, 1fr); gap: 4px; break-inside: avoid; }
.calendar div { border: 1px solid #d5dae0; border-left-width: 5px; padding: .2rem .45rem; font-size: .85em; }
.calendar .clean { border-left-color: #2c8a50; } .calendar .broken { border-left-color: #b42318; }
.calendar .silent { border-left-color: #c3c9d0; color: #505a66; } .calendar .head { border: 0; font-weight: 600; }
.box { display: inline-block; width: .8em; height: .8em; border: 1.5px solid #1b1f24; margin-right: .5em; }
.box.done { background: #1b1f24; } ul.list { list-style: none; padding-left: 0; }
@page { margin: 14mm; }
@media print { body { font-size: 10pt; margin: 0; max-width: none; } thead { display: table-header-group; } }
"""
# Sizes of charts in pixels.
_WIDTH: Final = 720
_BAR_HEIGHT: Final = 20
_LABEL_WIDTH: Final = 250
_COLUMNS_HEIGHT: Final = 130

_MAX_LABEL: Final = 40
_MAX_BARS: Final = 40


def page(title: str, body: str, *, style: str = "") -> str:
    """Return a whole page.

    Args:
        title: the page's title, as text.
        body: the content of `<body>`, as HTML.
        style: CSS beyond the style of all pages.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table. Columns of numbers are right-aligned, with their heads."""
    numeric = {index for index in range(len(columns)) if rows and all(_is_number(row[index]) for row in rows)}
    heads = "".join(_cell("th", column, right=index in numeric) for index, column in enumerate(columns))
    body = "".join(
        f"<tr>{''.join(_cell('td', cell, right=index in numeric) for index, cell in enumerate(row))}</tr>\n"
        for row in rows
    )
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody>\n</table>\n"


def with_commands(words: str) -> str:
    """Return text as HTML, with `<code>` for what stands between grave accents."""
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float)


def _cell(tag: str, cell: object, *, right: bool) -> str:
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return f'<{tag} class="n">{escape(text)}</{tag}>' if right else f"<{tag}>{escape(text)}</{tag}>"


def bars(values: Iterable[tuple[str, int]]) -> str:
    """Return horizontal bars for the first 40 values that are not zero, with their labels on the left."""
    drawn = [(label, value) for label, value in values if value][:_MAX_BARS]
    if not drawn:
        return ""
    most = max(value for _, value in drawn)
    shapes = []
    for number, (label, value) in enumerate(drawn):
        top = number * _BAR_HEIGHT
        width = (_WIDTH - _LABEL_WIDTH - 70) * value / most
        shapes.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{top + 14}" text-anchor="end">{escape(_shortened(label))}</text>'
            f'<rect class="bar" x="{_LABEL_WIDTH}" y="{top + 3}" width="{width:.1f}" height="{_BAR_HEIGHT - 6}"/>'
            f'<text x="{_LABEL_WIDTH + width + 5:.1f}" y="{top + 14}">{value:,}</text>'
        )
    return _figure(len(drawn) * _BAR_HEIGHT + 4, shapes)


def columns(values: Iterable[tuple[str, int]]) -> str:
    """Return columns in the given order, with the labels of the first and the last, and the largest value."""
    drawn = list(values)
    most = max((value for _, value in drawn), default=0)
    if not most:
        return ""
    step = _WIDTH / len(drawn)
    bottom = _COLUMNS_HEIGHT - 20
    shapes = []
    for number, (label, value) in enumerate(drawn):
        height = (_COLUMNS_HEIGHT - 40) * value / most
        left = number * step
        shapes.append(
            f'<rect class="bar" x="{left + step * 0.1:.1f}" y="{bottom - height:.1f}" '
            f'width="{step * 0.8:.1f}" height="{height:.1f}"><title>{escape(label)}: {value:,}</title></rect>'
        )
        if number in (0, len(drawn) - 1):
            anchor, x = ("start", 0.0) if number == 0 else ("end", float(_WIDTH))
            y = _COLUMNS_HEIGHT - 4
            shapes.append(f'<text class="axis" x="{x}" y="{y}" text-anchor="{anchor}">{escape(label)}</text>')
    shapes.append(f'<text class="axis" x="0" y="12">most: {most:,}</text>')
    return _figure(_COLUMNS_HEIGHT, shapes)


def _figure(height: int, shapes: Iterable[str]) -> str:
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img">{"".join(shapes)}</svg></figure>\n'
    )


def _shortened(label: str) -> str:
    return label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"
