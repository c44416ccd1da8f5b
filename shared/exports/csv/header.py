"""The header of a CSV file, matched with vaxline's columns.

Names are compared without case and punctuation: `Lot Number` is `lot_number`. A source's `columns` map vaxline's names
to the file's, and its `defaults` give values to columns that the file lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.codes.table import normalized
from shared.exports.columns import BY_NAME, COLUMNS, Column

_BY_SPELLING: Final = {normalized(alias): column.name for column in COLUMNS for alias in column.aliases} | {
    normalized(name): name for name in BY_NAME
}
_SHOWN: Final = 200


class Header(msgspec.Struct, frozen=True):
    """A file's header, matched with the columns.

    Attributes:
        names: The file's names in their order.
        places: (column, index of its cell or -1, default) of every column that can have a value.
        problems: (finding code, name of the column).
    """

    names: tuple[str, ...]
    places: tuple[tuple[Column, int, str], ...]
    problems: tuple[tuple[str, str], ...]

    @property
    def width(self) -> int:
        """The number of cells that a row must have."""
        return len(self.names)

    def own_name(self, column: str) -> str:
        """Return the file's name of a column, or vaxline's if the file does not have it."""
        index = self.index(column)
        return self.names[index] if index >= 0 else column

    def index(self, column: str) -> int:
        """Return the index of a column's cell, -1 if the file does not have it."""
        return next((index for placed, index, _ in self.places if placed.name == column), -1)

    def default(self, column: str) -> str:
        """Return the source's default for a column, empty if it has none."""
        return next((default for placed, _, default in self.places if placed.name == column), "")


def match(names: Sequence[str], source: Source) -> Header:
    """Match the names in a file's header with the columns: by the source's mapping, then by name and alias."""
    mapped = {normalized(own): name for name, own in source.columns.items()}
    indexes: dict[str, int] = {}
    problems: list[tuple[str, str]] = []
    for index, own in enumerate(names):
        spelling = normalized(own)
        name = mapped.get(spelling)
        if name is None:
            name = _BY_SPELLING.get(spelling)
            # A column that the mapping reads elsewhere is not read again under vaxline's own name.
            if name in source.columns:
                name = None
        if name is None:
            if own.strip():
                problems.append(("COLUMN-UNKNOWN", own.strip()))
        elif name in indexes:
            problems.append(("COLUMN-TWICE", own.strip()))
        else:
            indexes[name] = index
    if not indexes:
        problems = [("FILE-HEADER-UNKNOWN", ", ".join(names)[:_SHOWN])]
    problems += _missing(indexes, source.defaults)
    places = tuple(
        (column, indexes.get(column.name, -1), source.defaults.get(column.name, ""))
        for column in COLUMNS
        if column.name in indexes or source.defaults.get(column.name)
    )
    return Header(tuple(name.strip() for name in names), places, tuple(problems))


def _missing(indexes: Mapping[str, int], defaults: Mapping[str, str]) -> list[tuple[str, str]]:
    if not indexes:
        return []
    return [
        ("COLUMN-MISSING", column.name)
        for column in COLUMNS
        if column.required
        and column.name not in indexes
        and not defaults.get(column.name)
        # A package code can stand for the vaccine code.
        and not (column.name == "cvx" and "ndc" in indexes)
    ]
