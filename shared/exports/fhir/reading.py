"""Collects the findings of one Immunization while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.domain.codes import local
from shared.domain.codes.table import Table
from shared.domain.model import NO_CODE, Code, Finding
from shared.exports.fhir import model as fhir

FindActor = Callable[[fhir.Reference], fhir.Actor | None]
"""Resolves a reference to a Practitioner, PractitionerRole, Organization or Location; None if the export has it not."""


class Reading:
    """The findings of one Immunization.

    Attributes:
        row: Its row, from 1.
        findings: The findings so far.
    """

    def __init__(self, row: int) -> None:
        self.row = row
        self.findings: list[Finding] = []

    def note(self, code: str, path: str, element: str, value: str) -> None:
        """Add a finding about an element of Immunization."""
        self.findings.append(Finding(code, path, self.row, f"Immunization.{element}", value))

    def code(self, table: Table, concept: fhir.Concept, path: str, element: str, *, matters: bool) -> Code:
        """Read the first coding or text that the table has.

        If the table has none of them, keep the first as a local code and note it: as an error if the value
        `matters`, otherwise as a value that is left out.
        """
        first = ""
        for spelling in spellings(concept):
            code = table.look_up(spelling)
            if code is not None:
                return code
            first = first or spelling
        if not first:
            return NO_CODE
        self.note("CODE-UNKNOWN" if matters else "CODE-LEFT-OUT", path, element, first)
        return local.unread(first, concept.text)


def spellings(concept: fhir.Concept) -> Iterator[str]:
    """Yield the codes of a concept, then its texts."""
    for coding in concept.coding:
        if coding.code:
            yield coding.code
    yield from (text for text in (concept.text, *(coding.display for coding in concept.coding)) if text)
