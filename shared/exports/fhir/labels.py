"""Labels of a resource that say that it is no record of a patient, or not a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.model import Finding
from shared.exports.fhir import model as fhir

# v3 ActReason HTEST (test health data) and v3 ObservationValue SUBSETTED.
_CODES: Final = {"HTEST": "TEST-DATA", "SUBSETTED": "RESOURCE-SUBSETTED"}


def labels(meta: fhir.Meta, kind: str, path: str, row: int = 0) -> Iterator[Finding]:
    """Yield a finding for each label of a resource that matters.

    Args:
        meta: Its metadata.
        kind: Its type.
        path: The HL7 segment that is made from it.
        row: The row of the dose, from 1.
    """
    for name, codings in (("security", meta.security), ("tag", meta.tag)):
        for coding in codings:
            if coding.code in _CODES:
                yield Finding(_CODES[coding.code], path, row, f"{kind}.meta.{name}", coding.code)
