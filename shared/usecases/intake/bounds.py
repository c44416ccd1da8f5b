"""Limits a visit to what the ledger can hold: DynamoDB takes items of 400 KB (AWS: DynamoDB quotas).

A usual visit has 2 KB. What is cut is still in the export in the bucket; its rows are counted, and its submission is
held with the reason.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from shared.domain.model import Finding, Patient, Visit
from shared.replaced import replace

_RAW_KEPT: Final = 20_000
_VALUE_KEPT: Final = 1_000
_FINDINGS_KEPT: Final = 200
LARGEST: Final = 256 * 1024
"""Bytes of a visit as JSON. Its VXU is about as large, and both are stored compressed."""


def bounded(visit: Visit) -> Visit:
    """Cut the text and the findings of a visit; empty it, with an error, if it is still too large for the ledger."""
    if visit.findings or visit.raw:
        findings = tuple(replace(kept, value=kept.value[:_VALUE_KEPT]) for kept in visit.findings[:_FINDINGS_KEPT])
        visit = replace(visit, raw=visit.raw[:_RAW_KEPT], findings=findings)
    try:
        if len(msgspec.json.encode(visit)) <= LARGEST:
            return visit
        content = msgspec.json.encode(replace(visit, rows=()))
    except UnicodeEncodeError:
        # A lone surrogate: some encodings that a source may name decode to it, and no XML can carry it.
        return _without_content(visit, "ROW-ENCODING-UNREADABLE", repr(visit).encode("utf-8", "backslashreplace"))
    return visit if len(content) <= LARGEST else _without_content(visit, "VISIT-HUGE", content)


def _without_content(visit: Visit, code: str, content: bytes) -> Visit:
    row = visit.rows[0][1] if visit.rows else 0
    return replace(
        visit,
        patient=Patient(),
        doses=(),
        findings=(Finding(code, row=row, column="row"),),
        # A later export of the same visit with other content has to differ.
        raw=f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}",
    )
