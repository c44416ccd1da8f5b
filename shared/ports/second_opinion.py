"""Another implementation of HL7 that checks the messages we build (ADR 0002)."""

from __future__ import annotations

from typing import Protocol


class SecondOpinion(Protocol):
    """A check of built messages by another implementation."""

    def objection(self, vxu: str) -> str:
        """Return the kind of the objection, without PHI; empty if there is none."""
        ...
