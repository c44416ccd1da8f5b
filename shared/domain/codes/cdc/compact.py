"""The form in which code tables are kept: a line about the table, a line of columns, then tab-separated rows.

The text of a table depends on its rows alone, so that the same files of CDC give the same bytes on any day.
"""

from __future__ import annotations

from typing import Final

import msgspec

_SEPARATOR: Final = " | "


class BrokenTableError(Exception):
    """A kept table is not in the form that this version writes; the text names the table and what is wrong."""


class Form(msgspec.Struct, frozen=True):
    """How one table is kept: its source in words, its columns, and how many of them tell one row from another."""

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
"""The tables in the package. CPT is copyright of the AMA: that table is the user's own and stays outside."""


class Table(msgspec.Struct, frozen=True):
    """A table's rows as they are kept, with the date that it states (`YYYYMMDD`)."""

    name: str
    date: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def form(self) -> Form:
        return FORMS[self.name]

    def by_key(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Rows by the columns that tell them apart."""
        width = self.form.key
        return {row[:width]: row for row in self.rows}


def encode(table: Table) -> str:
    """The text of a table; `decode` gives the table back."""
    head = (f"# {table.name}", f"date {table.date}", f"{len(table.rows)} rows", table.form.source)
    lines = [_SEPARATOR.join(head), "\t".join(table.form.columns)]
    lines += ["\t".join(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def decode(name: str, text: str) -> Table:
    """Reads a table that `encode` wrote.

    Raises:
        BrokenTableError: it is another table, has other columns, or lost rows.
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
