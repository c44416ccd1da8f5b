"""From a visit to what may be sent: checked, and built where no error holds it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from shared.domain import checks, identity
from shared.domain.clinics import Clinic, Configuration
from shared.domain.codes import local
from shared.domain.hl7 import vxu
from shared.domain.model import Finding, Visit
from shared.domain.z22 import conformance
from shared.exports.columns import column_of
from shared.replaced import replace
from shared.usecases.findings import holds, is_error


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found in a visit, and its VXU; no VXU where an error stands before building."""

    findings: tuple[Finding, ...]
    vxu: str
    is_strict: bool = False

    @property
    def is_held(self) -> bool:
        """Whether a finding holds it back: an error, before building or in the message itself; if strict, a warning."""
        return self.vxu == "" or any(holds(finding, is_strict=self.is_strict) for finding in self.findings)


def prepare(
    visit: Visit, *, msh_10: str, clinic: Clinic | None, configuration: Configuration, now: datetime
) -> Prepared:
    """Reads a visit by the local codes, checks it, builds its message and checks that.

    A visit that could not be read is not checked further.
    """
    source = configuration.sources.get(visit.source)
    books = (clinic.local if clinic else None, source.local if source else None)
    visit = local.applied(visit, *filter(None, books))
    findings = visit.findings
    if clinic is None:
        row = visit.rows[0][1] if visit.rows else 0
        findings += (Finding("CLINIC-UNKNOWN", "MSH-22", row, "clinic", visit.clinic),)
    own = source.columns if source else None
    if not any(is_error(finding) for finding in visit.findings):
        found = checks.check(visit, _context(now.date()))
        findings += tuple(_with_column(finding, own) for finding in found)
    if clinic is None or any(is_error(finding) for finding in findings):
        return Prepared(findings, "")
    message = vxu.build(visit, msh_10=msh_10, clinic=clinic, configuration=configuration, now=now)
    problems = conformance.check(message)
    if problems:
        rows = {identity.orc_3(dose.id): dose.row for dose in visit.doses}
        first = visit.rows[0][1] if visit.rows else 0
        findings += tuple(_with_column(problem, own, rows.get(problem.dose_id, first)) for problem in problems)
    return Prepared(findings, message, is_strict=source is not None and source.strict)


@lru_cache(maxsize=4)
def _context(today: date) -> checks.Context:
    return checks.Context(today.strftime("%Y%m%d"))


def _with_column(finding: Finding, own: Mapping[str, str] | None, row: int | None = None) -> Finding:
    """The finding with its row, where it is told here, and with the export's name for its field, if it has one."""
    if finding.column and row is None:
        return finding
    column = finding.column or column_of(finding.path, own)
    return replace(finding, row=finding.row if row is None else row, column=column)
