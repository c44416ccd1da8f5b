"""Rows that cannot be read without a decision: an unknown column that may change them, or two columns for one field."""

from __future__ import annotations

from shared.domain.model import Finding
from shared.exports.csv.header import Header, Place
from shared.exports.parsers import SEPARATOR


class Doubts:
    """The reasons against reading the rows of one file."""

    def __init__(self, header: Header) -> None:
        self._undecided = [(index, header.names[index]) for index in header.undecided]
        several = [place for place in header.places if place.others]
        self._joined = [place for place in several if place.column.repeats]
        self._twice = [
            (place, " / ".join(header.names[index] for index in (place.index, *place.others)))
            for place in several
            if not place.column.repeats
        ]

    def of(self, cells: list[str], row: int) -> list[Finding]:
        """Return a finding for each doubt about a row.

        Args:
            cells: The row's cells. Those of several columns for one field are brought together in the first of them.
            row: The row's number.
        """
        findings = [Finding("COLUMN-UNDECIDED", "", row, name, cells[index].strip()) for index, name in self._undecided]
        for place in self._joined:
            values = [cells[index].strip() for index in (place.index, *place.others)]
            cells[place.index] = SEPARATOR.join(values).rstrip(SEPARATOR)
        for place, names in self._twice:
            findings += _of_two_columns(place, names, cells, row)
        return findings


def _of_two_columns(place: Place, names: str, cells: list[str], row: int) -> list[Finding]:
    """Takes the value on which all cells agree. The order of the columns decides nothing."""
    column = place.column
    values = [cells[index].strip() for index in (place.index, *place.others)]
    is_needed = column.matters or column.identifies
    # Where one cell is empty, nobody can tell whether a number of one kind may stand for one of the other.
    different = list(dict.fromkeys(values if is_needed else filter(None, values)))
    if len(different) < 2:
        cells[place.index] = different[0] if different else ""
        return []
    if is_needed:
        return [Finding("CELLS-DIFFER", column.path, row, names, " / ".join(values))]
    cells[place.index] = ""
    return [Finding("CELLS-DIFFER-LEFT-OUT", column.path, row, names, " / ".join(values))]
