"""docs/exports.md has the tables of the code."""

from __future__ import annotations

import pytest

from shared.domain.codes import tables
from shared.domain.codes.diseases import DISEASE
from shared.domain.codes.statuses import EVENT_STATUS, EXTRACT_TYPE
from shared.domain.codes.table import Table, normalized
from shared.exports import columns
from shared.exports.column import Column
from shared.exports.formats import FORMATS
from shared.exports.readers import READERS
from tests.places import ROOT

PAGE = (ROOT / "docs" / "exports.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_reader_and_is_documented(name: str) -> None:
    assert name in READERS
    assert f"`{name}`" in next(line for line in CONFIGURATION.splitlines() if "`sources.<name>.format`" in line)


def test_there_is_no_reader_without_a_format() -> None:
    assert READERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("column", columns.COLUMNS, ids=lambda column: column.name)
def test_every_column_is_documented_as_it_is_read(column: Column) -> None:
    form = (column.table.name if column.table else column.kind.value) + (
        "; several, separated by `;`" if column.repeats else ""
    )
    words = column.words + (" (**required**)" if column.required else "")
    if column.aliases:
        words += "; also read from " + ", ".join(f"`{alias}`" for alias in column.aliases)
    assert f"| `{column.name}` | {column.path} | {form} | {words} |\n" in PAGE


@pytest.mark.parametrize("table", [*tables.TABLES, DISEASE, EVENT_STATUS, EXTRACT_TYPE], ids=lambda table: table.name)
def test_every_code_is_documented(table: Table) -> None:
    values = ", ".join(f"`{code}` {text}" for code, text, _ in table.rows if code)
    assert f"| {table.name} | {values} |\n" in PAGE


def test_no_two_columns_answer_to_one_name() -> None:
    spellings = [normalized(name) for column in columns.COLUMNS for name in (column.name, *column.aliases)]
    assert len(spellings) == len(set(spellings))
