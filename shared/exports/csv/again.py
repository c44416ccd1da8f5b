"""Reads rows again that wait for a decision about an unknown column, once clinics.toml says what the column is.

Such a row is kept with its visit as its own CSV: the header of its file, and the row. So it is read by the same code as
in its file, under the configuration that is in force now, and the export need not arrive again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

from shared.domain.clinics import Source
from shared.domain.model import Action, Visit
from shared.exports.csv.rows import KEPT_DELIMITER, CsvFile, as_csv
from shared.ports.objects import StoredObject
from shared.replaced import replace

UNDECIDED: Final = "COLUMN-UNDECIDED"
_NAME: Final = "again.csv"
_STORE_AGAIN: Final = "store the file again"


@dataclass(frozen=True, slots=True)
class _Text:
    """Port `Objects` with one object."""

    content: bytes

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:  # noqa: ARG002 - it has one version
        return StoredObject(key, "1", len(self.content))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield StoredObject(prefix + _NAME, "1", len(self.content))

    def open(self, item: StoredObject) -> IO[bytes]:  # noqa: ARG002 - it has one object
        return io.BytesIO(self.content)


def read_again(visit: Visit, source: Source) -> Visit | str:
    """Return a visit as its rows are read now.

    Args:
        visit: A visit as it was read before.
        source: Its feed, under the configuration in force.

    Returns:
        The same visit, if it does not wait for a decision about a column. A text, if its rows cannot be sent from here:
        why, and what to do.
    """
    if source.format != "csv" or not any(finding.code == UNDECIDED for finding in visit.findings):
        return visit
    records = [record for record in csv.reader(io.StringIO(visit.raw), delimiter=KEPT_DELIMITER) if record]
    headers, rows = records[::2], records[1::2]
    if len(rows) != len(visit.rows) or not rows or any(header != headers[0] for header in headers):
        return f"its rows were not kept with their header; {_STORE_AGAIN}"
    own = replace(source, delimiter=KEPT_DELIMITER, encoding="utf-8")
    text = "\n".join(as_csv(record, KEPT_DELIMITER) for record in (headers[0], *rows))
    read = list(CsvFile(StoredObject(_NAME, "1", len(text)), own, _Text(text.encode())).visits())
    visits = [one for one in read if one.rows]
    if not visits:
        said = ", ".join(dict.fromkeys(finding.code for one in read for finding in one.findings))
        return f"its rows report no dose now ({said or 'nothing'}); close it, or correct clinics.toml"
    if len(visits) > 1:
        return f"its rows are several visits now; {_STORE_AGAIN}"
    if any(dose.action is Action.DELETE for dose in visits[0].doses):
        return (
            f"its rows delete doses now; close it if the doses were never reported, else {_STORE_AGAIN}: "
            "that deletes them at the IIS"
        )
    return _placed(visits[0], dict(enumerate(visit.rows, 2)), source)


def _placed(visit: Visit, rows: Mapping[int, tuple[str, int]], source: Source) -> Visit:
    """The visit with the places that its rows have in the export."""
    return replace(
        visit,
        source=source.name,
        doses=tuple(replace(dose, part=rows[dose.row][0], row=rows[dose.row][1]) for dose in visit.doses),
        rows=tuple(rows[row] for _, row in visit.rows),
        findings=tuple(
            replace(finding, row=rows[finding.row][1]) if finding.row in rows else finding for finding in visit.findings
        ),
    )
