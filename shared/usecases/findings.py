"""Every finding that a reader, a check or the second opinion can make, in one catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.domain import checks
from shared.domain.checks import Check, Severity
from shared.domain.codes import local
from shared.domain.model import Finding
from shared.domain.z22 import conformance
from shared.exports import findings as exports

OF_RECORDS: Final[dict[str, Check]] = {check.code: check for check in (*exports.TABLE, *checks.BY_CODE.values())}
"""The checks that readers make of an export, and those of a record."""

CHECKS: Final[dict[str, Check]] = OF_RECORDS | conformance.CHECKS
"""All of them, with what the profile Z22 asks of a message."""


def is_error(finding: Finding) -> bool:
    """Whether a finding holds its submission back whatever the source."""
    return CHECKS[finding.code].severity is Severity.ERROR


def holds(finding: Finding, *, is_strict: bool) -> bool:
    """Whether a finding holds its submission back, where the source is strict or not."""
    check = CHECKS[finding.code]
    return check.severity is Severity.ERROR or (is_strict and check.counts_in_strict)


def cause_of(finding: Finding) -> str:
    """Return the cause that groups findings in the worklist: the code, and for an unmapped code its value."""
    return local.cause(finding) if finding.code == local.UNMAPPED else finding.code


def causes_of_hold(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The causes for which a submission is held, each once: its errors; without one, what a strict source holds."""
    findings = tuple(findings)
    errors = [finding for finding in findings if is_error(finding)]
    return _causes(errors or (finding for finding in findings if holds(finding, is_strict=True)))


def _causes(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cause_of(finding) for finding in findings))
