"""Parsers for the values of a column, for CSV cells, defaults in clinics.toml and corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.domain.codes import cdc, tables
from shared.domain.codes.diseases import observed
from shared.domain.model import Code
from shared.exports import values
from shared.exports.column import Column, ColumnKind
from shared.exports.values import Dates
from shared.replaced import replace

SEPARATOR: Final = ";"
"""Stands between the values of a column that repeats."""
Parser = Callable[[str], "str | tuple[Code, ...] | None"]
"""Takes a text without surrounding space, not empty; returns its value, or None if it cannot be read."""

_OTHER_REASON: Final = tables.REFUSAL_REASON.by_spelling["02"]


def parser(column: Column, dates: Dates) -> Parser | None:
    """Return the parser of a column's values, None if they are plain text.

    Args:
        column: The column.
        dates: Reads days in the formats of the source.
    """
    match column.kind:
        case ColumnKind.TEXT | ColumnKind.NOTE:
            return None
        case ColumnKind.CODE | ColumnKind.CVX | ColumnKind.MVX | ColumnKind.OBSERVED:
            return _codes(column)
        case ColumnKind.DATE:
            return _each(dates.day) if column.repeats else dates.day
        case ColumnKind.MONTH:
            return dates.day_or_month
    return _OF_TEXT[column.kind]


def _phone(raw: str) -> str | None:
    return raw if values.phone(raw) else None


_OF_TEXT: Final[dict[ColumnKind, Callable[[str], str | None]]] = {
    ColumnKind.NDC: cdc.ndc_11,
    ColumnKind.AMOUNT: values.amount,
    ColumnKind.COUNT: values.count,
    ColumnKind.NPI: values.npi,
    ColumnKind.PHONE: _phone,
    ColumnKind.EMAIL: values.email,
}


def _codes(column: Column) -> Parser:
    """A parser that reads one code, or several codes where the column repeats; None if one of them is unknown."""

    def code(raw: str) -> Code | None:
        if column.kind is ColumnKind.CVX:
            return tables.cvx(raw)
        if column.kind is ColumnKind.MVX:
            return tables.mvx(raw)
        if column.kind is ColumnKind.OBSERVED:
            return observed(raw)
        assert column.table is not None
        in_table = column.table.look_up(raw)
        # "Other" asks for a description (NIP002), and the export's own words are the best one.
        return replace(in_table, text=raw) if in_table is _OTHER_REASON and not raw.isdigit() else in_table

    def codes(raw: str) -> tuple[Code, ...] | None:
        pieces = [piece.strip() for piece in raw.split(SEPARATOR)] if column.repeats else [raw]
        read = [code(piece) for piece in pieces if piece]
        if None in read:
            return None
        return tuple(value for value in dict.fromkeys(read) if value)

    return codes


def _each(parse: Callable[[str], str | None]) -> Parser:
    """A parser that applies another one to each of several values."""

    def each(raw: str) -> str | None:
        read = [parse(piece.strip()) if piece.strip() else "" for piece in raw.split(SEPARATOR)]
        return None if None in read else SEPARATOR.join(value or "" for value in read)

    return each
