"""The report of `vaxline check` as one HTML page: nothing to load, ready to print, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from shared.usecases.intake.check import Cause, Checked, Report

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5dae0; vertical-align: top; }
th { font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td { overflow-wrap: anywhere; }
section { border-left: 4px solid #b7791f; padding: .1rem 0 .1rem 1rem; margin: 1.2rem 0; break-inside: avoid; }
section.error { border-color: #b42318; }
h3 { font-size: 1rem; margin: .3rem 0; } p { margin: .3rem 0; }
code { font-size: .92em; }
.kind { font-weight: 600; } .error .kind { color: #b42318; } .warning .kind { color: #8a5a10; }
.private { background: #fff4e5; padding: .5rem .8rem; border-radius: 4px; }
tfoot td { font-weight: 600; }
@page { margin: 15mm; }
@media print { body { font-size: 10pt; margin: 0; max-width: none; } thead { display: table-header-group; } }
"""


def page(report: Report) -> str:
    """The whole page."""
    verdict = "Something would be held" if report.has_errors else "Everything would be sent"
    total = report.total
    errors = [cause for cause in report.causes if cause.holds]
    warnings = [cause for cause in report.causes if not cause.holds]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>vaxline check: {verdict.lower()}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{verdict}</h1>\n"
        f"<p>{total.visits} visits in {total.rows} rows: {total.visits_sent} would be sent, {total.visits_held} held. "
        f"Configuration {escape(report.configuration)}.</p>\n"
        '<p class="private">This page quotes the export: it holds patient data. Keep it as you keep the export.</p>\n'
        f"{_exports(report)}"
        f"{_causes('Errors: what holds a visit', errors)}{_causes('Warnings: sent all the same', warnings)}"
        "</body>\n</html>\n"
    )


def _exports(report: Report) -> str:
    heads = ("file", "source", "rows", "visits", "would be sent", "would be held", "rows held")
    body = "".join(_row(_cells(one)) for one in report.exports)
    foot = f"<tfoot>{_row(_cells(report.total))}</tfoot>" if len(report.exports) > 1 else ""
    return f"<h2>Exports</h2>\n<table>\n{_heads(heads, frozenset(heads[2:]))}<tbody>{body}</tbody>{foot}\n</table>\n"


def _cells(one: Checked) -> tuple[str | int, ...]:
    return one.name, one.source, one.rows, one.visits, one.visits_sent, one.visits_held, one.rows_held


def _causes(title: str, causes: Iterable[Cause]) -> str:
    sections = "".join(_cause(cause) for cause in causes)
    return f"<h2>{title}</h2>\n{sections}" if sections else ""


def _cause(cause: Cause) -> str:
    kind = cause.severity.value
    field = " ".join(filter(None, (cause.column, f"({cause.path})" if cause.path else "")))
    values = ", ".join(f"<code>{escape(value)}</code> ({_times(count)})" for value, count in cause.values)
    examples = "".join(
        _row((example.file, example.row or "", example.column, example.value)) for example in cause.examples
    )
    return (
        f'<section class="{kind}">\n<h3><span class="kind">{kind}, found {_times(cause.count)}</span> '
        f"<code>{escape(cause.code)}</code> {escape(field)}</h3>\n"
        f"<p>{escape(cause.words)}</p>\n<p><b>Fix</b> ({escape(cause.who.value)}): {escape(cause.fix)}</p>\n"
        + (f"<p>Values: {values}</p>\n" if values else "")
        + f"<table>{_heads(('file', 'row', 'column', 'value'))}<tbody>{examples}</tbody></table>\n</section>\n"
    )


def _heads(names: Iterable[str], numbers: frozenset[str] = frozenset({"row"})) -> str:
    """Heads; those of `numbers` stand to the right, as their cells do."""
    cells = "".join(f'<th class="n">{name}</th>' if name in numbers else f"<th>{name}</th>" for name in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _row(cells: Iterable[str | int]) -> str:
    """One row; numbers stand to the right."""
    return (
        "<tr>"
        + "".join(
            f'<td class="n">{cell}</td>' if isinstance(cell, int) else f"<td>{escape(cell)}</td>" for cell in cells
        )
        + "</tr>\n"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
