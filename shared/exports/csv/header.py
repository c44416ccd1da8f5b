"""The header of a CSV file, matched with vaxline's columns.

Names are compared without case and punctuation: `Lot Number` is `lot_number`. A source's `columns` map vaxline's names
to the file's, and its `defaults` give values to columns that the file lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.codes.table import normalized
from shared.domain.model import Finding
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
        problems: Findings about the header.
        is_readable: Rows can be read by it. Otherwise it is of another layout, or no header.
    """

    names: tuple[str, ...]
    places: tuple[tuple[Column, int, str], ...]
    problems: tuple[Finding, ...]
    is_readable: bool = True

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
    problems: list[Finding] = []
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
                problems.append(Finding("COLUMN-UNKNOWN", column=own.strip()))
        elif name in indexes:
            problems.append(Finding("COLUMN-TWICE", column=own.strip()))
        else:
            indexes[name] = index
    unusable = _unusable(names, indexes, problems, source)
    places = tuple(
        (column, indexes.get(column.name, -1), source.defaults.get(column.name, ""))
        for column in COLUMNS
        if column.name in indexes or source.defaults.get(column.name)
    )
    own_names = tuple(name.strip() for name in names)
    if unusable is not None:
        return Header(own_names, places, (unusable,), is_readable=False)
    return Header(own_names, places, tuple(problems))


def _unusable(
    names: Sequence[str], indexes: Mapping[str, int], problems: Iterable[Finding], source: Source
) -> Finding | None:
    """Why no row can be read by a header; None if they can."""
    if not indexes:
        return Finding("FILE-HEADER-UNKNOWN", column="file", value=", ".join(names)[:_SHOWN])
    defaults = source.defaults
    if "dose_id" in indexes and ("action" in indexes or defaults.get("action")):
        # Deletions may name nothing but their dose.
        return None
    missing = [
        column.name
        for column in COLUMNS
        if column.required
        and column.name not in indexes
        and not defaults.get(column.name)
        # A package code can stand for the vaccine code.
        and not (column.name == "cvx" and "ndc" in indexes)
    ]
    if not missing:
        return None
    unknown = [problem.column for problem in problems if problem.code == "COLUMN-UNKNOWN"]
    value = ", ".join(missing) + (f"; not known: {', '.join(unknown)}" if unknown else "")
    return Finding("COLUMN-MISSING", column="file", value=value[:_SHOWN])
