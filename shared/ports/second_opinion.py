"""Another implementation of HL7 beside our own."""

from __future__ import annotations

from typing import Protocol


class SecondOpinion(Protocol):
    """Another implementation of HL7 that judges what we built."""

    def objection(self, vxu: str) -> str:
        """Empty where it agrees, else the kind of its objection (no PHI)."""
        ...
