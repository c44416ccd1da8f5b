"""Every finding that a reader, a check or the second opinion can make, in one catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.domain import checks, conformance
from shared.domain.checks import Check, Severity
from shared.domain.model import Finding
from shared.exports import findings as exports

OF_RECORDS: Final[dict[str, Check]] = {check.code: check for check in (*exports.TABLE, *checks.BY_CODE.values())}
"""What readers find in an export and checks in a record."""

CHECKS: Final[dict[str, Check]] = OF_RECORDS | conformance.CHECKS
"""All of them, with what the profile Z22 asks of a message."""


def is_error(finding: Finding) -> bool:
    """Whether a finding holds its submission back."""
    return CHECKS[finding.code].severity is Severity.ERROR


def error_codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes of the errors among findings, each once."""
    return tuple(dict.fromkeys(finding.code for finding in findings if is_error(finding)))
