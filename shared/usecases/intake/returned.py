"""A clinic's own CSV file with columns behind that say what would become of each row, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.model import Finding, Visit
from shared.exports.csv.opening import opened
from shared.exports.text import Bad, Text, repaired
from shared.ports.objects import Objects
from shared.usecases.findings import CHECKS, is_error
from shared.usecases.intake.export_sets import ExportSet

ADDED: Final = ("vaxline: what becomes of it", "vaxline: what is wrong", "vaxline: what to do")
HELD: Final = "would be held"
SENT: Final = "would be sent"
NO_DOSE: Final = "reports no dose"
_EMPTY: Final = "-EMPTY"


@dataclass(slots=True)
class Verdict:
    """The result of a check of one row."""

    is_held: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def cells(self) -> tuple[str, str, str]:
        """The row's cells of the added columns, errors first. Empty fields that may be empty are left to the report."""
        told = [finding for finding in self.findings if is_error(finding) or not finding.code.endswith(_EMPTY)]
        findings = sorted(told, key=lambda finding: not is_error(finding))
        wrong = "; ".join(dict.fromkeys(map(_wrong, findings)))
        fixes = " ".join(dict.fromkeys(CHECKS[finding.code].fix for finding in findings))
        return HELD if self.is_held else SENT, wrong, fixes


def _wrong(finding: Finding) -> str:
    check = CHECKS[finding.code]
    kind = "" if is_error(finding) else " (warning)"
    about = f"{finding.column}: " if finding.column else ""
    value = f" [{finding.value}]" if finding.value else ""
    return f"{about}{check.words}{value}{kind}"


class Verdicts:
    """The verdicts of one export by row, as the check comes to them."""

    def __init__(self) -> None:
        self.by_row: dict[int, Verdict] = {}

    def add(self, visit: Visit, findings: Sequence[Finding], *, is_held: bool) -> None:
        """Note what a check found about a visit: its findings at their rows, those of a patient at each of them."""
        rows = [row for _, row in visit.rows]
        for row in rows:
            verdict = self.by_row.setdefault(row, Verdict())
            verdict.is_held = verdict.is_held or is_held
            verdict.findings += [one for one in findings if one.row == row or one.row not in rows]


def rows(export: ExportSet, objects: Objects, verdicts: Mapping[int, Verdict]) -> Iterator[Sequence[str]]:
    """Yield the rows of an export's file as they stand, with the added cells.

    Args:
        export: An export of one CSV file.
        objects: Reads it.
        verdicts: What the check found, by row.

    Yields:
        The lines above the header, the header, and every record; none if the file has no header that can be read.
    """
    with objects.open(export.parts[0]) as stream:
        file = opened(Text(stream, export.source.encoding), export.source)
        if file.header is None:
            return
        yield from ([repaired(line)[0].strip()] for line in file.above)
        yield (*file.header.names, *ADDED)
        for row, record in enumerate(file.records, file.row + 1):
            cells = [record.text.strip()] if isinstance(record, Bad) else record
            whole = [repaired(cell)[0] for cell in cells]
            if not any(cell.strip() for cell in whole):
                yield whole
                continue
            verdict = verdicts.get(row)
            # A row with fewer cells than the header gets its verdict below the added columns too.
            whole += [""] * (file.header.width - len(whole))
            yield (*whole, *(verdict.cells if verdict else (NO_DOSE, "", "")))
