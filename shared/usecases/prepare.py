"""Prepares a visit for sending: applies local codes, checks it, and builds its message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.domain import identity, visit_checks
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
    """A checked visit.

    Attributes:
        findings: The findings of the reader, of the checks and of the check of the message.
        vxu: The message; empty if an error was found before it was built.
        is_strict: Its source holds warnings too.
    """

    findings: tuple[Finding, ...]
    vxu: str
    is_strict: bool = False

    @property
    def is_held(self) -> bool:
        """Whether a finding holds it: an error before building or in the message; if strict, also a warning."""
        return self.vxu == "" or any(holds(finding, is_strict=self.is_strict) for finding in self.findings)


def prepare(
    visit: Visit, *, msh_10: str, clinic: Clinic | None, configuration: Configuration, now: datetime
) -> Prepared:
    """Apply the local codes to a visit, check it, build its message and check the message.

    A visit with errors of its reader is not checked further, and a visit with errors gets no message.

    Args:
        visit: The visit.
        msh_10: The MSH-10 of the message.
        clinic: Its clinic; None if the configuration does not know it, which is an error.
        configuration: The configuration in force.
        now: The time of the message.
    """
    source = configuration.sources.get(visit.source)
    local_codes = (clinic.local if clinic else None, source.local if source else None)
    visit = local.applied(visit, *filter(None, local_codes))
    findings = visit.findings
    if clinic is None:
        row = visit.rows[0][1] if visit.rows else 0
        findings += (Finding("CLINIC-UNKNOWN", "MSH-22", row, "clinic", visit.clinic),)
    own_names = source.columns if source else None
    if not any(is_error(finding) for finding in visit.findings):
        broken = visit_checks.check(visit, now.strftime("%Y%m%d"))
        findings += tuple(_with_column(finding, own_names) for finding in broken)
    if clinic is None or any(is_error(finding) for finding in findings):
        return Prepared(findings, "")
    message = vxu.build(visit, msh_10=msh_10, clinic=clinic, configuration=configuration, now=now)
    problems = conformance.check(message)
    if problems:
        findings += tuple(_with_column(problem, own_names, row) for problem, row in _placed(problems, visit))
    return Prepared(findings, message, is_strict=source is not None and source.strict)


def _placed(problems: Iterable[Finding], visit: Visit) -> Iterator[tuple[Finding, int]]:
    """Each problem of the visit's message with the dose's own id instead of ORC-3.1, and its row."""
    doses = {identity.orc_3(dose.id, visit.numbering.prefix): dose for dose in visit.doses}
    first = visit.rows[0][1] if visit.rows else 0
    for problem in problems:
        dose = doses.get(problem.dose_id)
        yield (replace(problem, dose_id=dose.id), dose.row) if dose else (problem, first)


def _with_column(finding: Finding, own_names: Mapping[str, str] | None, row: int | None = None) -> Finding:
    """The finding with the export's name for its field, if it has one, and with `row`, if that is given."""
    if finding.column and row is None:
        return finding
    column = finding.column or column_of(finding.path, own_names)
    return replace(finding, row=finding.row if row is None else row, column=column)
