"""The file format of code tables: a line about the table, a line of columns, then tab-separated rows.

The text of a table depends only on its rows, so the same files of CDC give the same bytes on any day.
"""

from __future__ import annotations

from typing import Final

import msgspec

_SEPARATOR: Final = " | "


class BrokenTableError(Exception):
    """The text of a table is not in the format of this version; the message names the table and the problem."""


class Form(msgspec.Struct, frozen=True):
    """The format of one table: its source, its columns, and how many of the first columns are its key."""

    source: str
    columns: tuple[str, ...]
    key: int = 1


FORMS: Final[dict[str, Form]] = {
    "cvx": Form("CDC, vaccines administered (CVX)", ("code", "name", "status", "kind", "unspecified", "updated")),
    "mvx": Form("CDC, manufacturers of vaccines (MVX)", ("code", "name", "status", "updated")),
    "products": Form("CDC, product names by CVX and MVX", ("cvx", "mvx", "name", "active", "updated"), key=3),
    "ndc": Form(
        "CDC, NDC unit of use, unit of sale and their linker",
        ("code", "cvx", "mvx", "unit", "start", "end", "name", "inner"),
    ),
    "groups": Form("CDC, vaccine groups by CVX", ("cvx", "group", "name"), key=2),
    "vis": Form(
        "CDC, VIS barcodes and VIS by CVX",
        ("document", "edition", "current", "updated", "name", "cvx"),
    ),
    "vis_url": Form("CDC, addresses of current VIS", ("document_type", "html", "pdf")),
    "cpt": Form("the user's own copy of CDC's CPT by CVX", ("code", "cvx")),
}
SHIPPED: Final = tuple(name for name in FORMS if name != "cpt")
"""The tables in the package. CPT is not among them, because it is copyright of the AMA; a user makes their own."""


class Table(msgspec.Struct, frozen=True):
    """The rows of a table, with the day of its newest change (`YYYYMMDD`)."""

    name: str
    date: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def form(self) -> Form:
        """Its format."""
        return FORMS[self.name]

    def by_key(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Return the rows by their keys."""
        width = self.form.key
        return {row[:width]: row for row in self.rows}


def encode(table: Table) -> str:
    """Return the text of a table."""
    head = (f"# {table.name}", f"date {table.date}", f"{len(table.rows)} rows", table.form.source)
    lines = [_SEPARATOR.join(head), "\t".join(table.form.columns)]
    lines += ["\t".join(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def decode(name: str, text: str) -> Table:
    """Read a table that `encode` wrote.

    Raises:
        BrokenTableError: It is another table, has other columns, or lacks rows.
    """
    lines = text.split("\n")
    form = FORMS[name]
    head = lines[0].split(_SEPARATOR)
    if len(lines) < 3 or len(head) != 4 or head[0] != f"# {name}" or lines[1] != "\t".join(form.columns):
        raise BrokenTableError(f"table {name}: its first two lines are not those of this version")
    rows = tuple([tuple(line.split("\t")) for line in lines[2:-1]])
    if lines[-1] or f"{len(rows)} rows" != head[2] or any(len(row) != len(form.columns) for row in rows):
        raise BrokenTableError(f"table {name}: rows are missing or cut off")
    return Table(name, head[1].removeprefix("date "), rows)
