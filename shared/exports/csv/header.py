"""The header of a CSV file, matched with vaxline's columns.

Names are compared without case, punctuation and space: `Lot Number` and `LotNumber` are `lot_number`. A source's
`columns` map vaxline's names to the file's, `ignore` names columns that are not read, `preset` stands for a layout,
and `defaults` give values to columns that the file lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.model import Finding
from shared.exports.column import Becomes, Column
from shared.exports.columns import BY_NAME, COLUMNS, spelling
from shared.exports.csv.unknown import may_change_meaning
from shared.exports.presets import PRESETS, Preset

_SHOWN: Final = 200
_NO_PRESET: Final = Preset("csv", "")
# race_1, race_2, …: columns that together hold the values of one column.
_NUMBERS: Final = range(1, 10)


def _spellings() -> dict[str, str]:
    known: dict[str, str] = {}
    for column in COLUMNS:
        for name in (column.name, *column.aliases):
            known[spelling(name)] = column.name
            if column.repeats:
                known |= {f"{spelling(name).removesuffix('1')}{number}": column.name for number in _NUMBERS}
    return known


_BY_SPELLING: Final = _spellings()


class Place(msgspec.Struct, frozen=True):
    """Where the values of a column stand in a file.

    Attributes:
        column: The column.
        index: The index of its cell, -1 if the file does not have it.
        default: The source's default for it.
        others: The indexes of further cells that the file has for it.
    """

    column: Column
    index: int
    default: str = ""
    others: tuple[int, ...] = ()


class Header(msgspec.Struct, frozen=True):
    """A file's header, matched with the columns.

    Attributes:
        names: The file's names in their order.
        places: Every column that can have a value.
        problems: Findings about the header.
        undecided: The indexes of unknown columns that may change what a row means.
        not_known: Values that mean "not known" in this layout, in lower case.
        is_readable: Rows can be read by it. Otherwise it is of another layout, or no header.
    """

    names: tuple[str, ...]
    places: tuple[Place, ...]
    problems: tuple[Finding, ...]
    undecided: tuple[int, ...] = ()
    not_known: frozenset[str] = frozenset()
    is_readable: bool = True

    @property
    def width(self) -> int:
        """The number of cells that a row must have."""
        return len(self.names)

    @property
    def known(self) -> int:
        """How many of vaxline's columns the file has."""
        return sum(place.index >= 0 for place in self.places)

    def own_name(self, column: str) -> str:
        """Return the file's name of a column, or vaxline's if the file does not have it."""
        index = self.index(column)
        return self.names[index] if index >= 0 else column

    def index(self, column: str) -> int:
        """Return the index of a column's cell, -1 if the file does not have it."""
        return next((place.index for place in self.places if place.column.name == column), -1)

    def default(self, column: str) -> str:
        """Return the source's default for a column, empty if it has none."""
        return next((place.default for place in self.places if place.column.name == column), "")


def match(names: Sequence[str], source: Source) -> Header:
    """Match the names in a file's header with the columns: by the source's mapping, its preset, name and alias."""
    preset = PRESETS.get(source.preset, _NO_PRESET)
    mapped = {spelling(own): name for name, own in source.columns.items()}
    by_preset = {spelling(own): name for name, own in preset.columns.items() if name not in source.columns}
    left_out = {spelling(own) for own in (*source.ignore, *preset.left_out)} - mapped.keys()
    indexes: dict[str, list[int]] = {}
    problems: list[Finding] = []
    undecided: list[int] = []
    for index, own in enumerate(names):
        key = spelling(own)
        name = mapped.get(key) or by_preset.get(key)
        if name is None:
            name = _BY_SPELLING.get(key)
            # A column that the mapping reads elsewhere is not read again under vaxline's own name.
            if name in source.columns:
                name = None
        if not own.strip() or key in left_out:
            continue
        if name is not None:
            indexes.setdefault(name, []).append(index)
        elif may_change_meaning(own):
            undecided.append(index)
            problems.append(Finding("COLUMN-UNDECIDED", column=own.strip()))
        else:
            problems.append(Finding("COLUMN-UNKNOWN", column=own.strip()))
    problems += _twice(names, indexes)
    problems += _absent(names, source)
    own_names = tuple(name.strip() for name in names)
    places = tuple(_places(indexes, source))
    unusable = _unusable(names, indexes, problems, source)
    if unusable is not None:
        return Header(own_names, places, (unusable,), is_readable=False)
    not_known = frozenset(map(str.casefold, preset.not_known))
    return Header(own_names, places, tuple(problems), tuple(undecided), not_known)


def _places(indexes: Mapping[str, Sequence[int]], source: Source) -> Iterable[Place]:
    for column in COLUMNS:
        default = source.defaults.get(column.name, "")
        if column.name in indexes:
            first, *others = indexes[column.name]
            yield Place(column, first, default, tuple(others))
        elif default:
            yield Place(column, -1, default)


def _twice(names: Sequence[str], indexes: Mapping[str, Sequence[int]]) -> Iterable[Finding]:
    """The columns for which a file has several, apart from those that may have several values."""
    for name, several in indexes.items():
        if len(several) > 1 and not BY_NAME[name].repeats:
            own = ", ".join(names[index].strip() for index in several)
            yield Finding("COLUMN-TWICE", column=own, value=name)


def _absent(names: Sequence[str], source: Source) -> Iterable[Finding]:
    """The columns that clinics.toml maps to a name that the file does not have."""
    there = set(map(spelling, names))
    for name, own in source.columns.items():
        if spelling(own) not in there:
            yield Finding("COLUMN-ABSENT", column=own, value=name)


def _unusable(
    names: Sequence[str], indexes: Mapping[str, Sequence[int]], problems: Iterable[Finding], source: Source
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
        if (column.required or (column.becomes is Becomes.DECIDES and column.name in source.columns))
        and column.name not in indexes
        and not defaults.get(column.name)
        # A package code can stand for the vaccine code.
        and not (column.name == "cvx" and "ndc" in indexes)
    ]
    if not missing:
        return None
    unknown = [problem.column for problem in problems if problem.code in ("COLUMN-UNKNOWN", "COLUMN-UNDECIDED")]
    value = ", ".join(missing) + (f"; not known: {', '.join(unknown)}" if unknown else "")
    return Finding("COLUMN-MISSING", column="file", value=value[:_SHOWN])
