"""Explains a code: its meaning, the fix and who can make it. Covers findings, faults and answers of an IIS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain import faults, guidance
from shared.domain.codes import local
from shared.usecases.findings import CHECKS


@dataclass(frozen=True, slots=True)
class Explanation:
    """`words` say what is wrong, `fix` what to do, `who` can do it (of a fault: its strategy)."""

    words: str
    fix: str
    who: str


UNEXPLAINED: Final = Explanation("", "", "")


def explanation(code: str) -> Explanation | None:
    """Of a check, a fault, or a cause that an IIS named (`103 PID-8`, `WEBIZ-501`); else None."""
    check = CHECKS.get(local.UNMAPPED if code.startswith(f"{local.CAUSE} ") else code)
    if check is not None:
        return Explanation(check.words, check.fix, str(check.who))
    fault = faults.BY_CODE.get(code)
    if fault is not None:
        return Explanation(fault.words, fault.fix, str(fault.strategy))
    guide = guidance.guide_cause(code)
    return Explanation(guide.words, guide.fix, str(guide.who)) if guide else None
