"""What of a visit the ledger can hold: DynamoDB takes items of 400 KB (AWS: DynamoDB quotas), a clinic's visit has 2.

Nothing is lost by it: the export stays in the bucket, its rows stay counted, the submission is held with its reason.
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
"""Bytes of a visit as JSON: its VXU is about as large, and both are stored compressed."""


def bounded(visit: Visit) -> Visit:
    """The visit with what its rows and findings quote cut; one that is still too large without its content, held."""
    if visit.findings or visit.raw:
        findings = tuple(replace(one, value=one.value[:_VALUE_KEPT]) for one in visit.findings[:_FINDINGS_KEPT])
        visit = replace(visit, raw=visit.raw[:_RAW_KEPT], findings=findings)
    try:
        if len(msgspec.json.encode(visit)) <= LARGEST:
            return visit
        content = msgspec.json.encode(replace(visit, rows=()))
    except UnicodeEncodeError:
        # Half a character: some encodings that a source may name decode to it, and no XML can carry it.
        return _without_content(visit, "ROW-ENCODING-UNREADABLE", repr(visit).encode("utf-8", "backslashreplace"))
    return visit if len(content) <= LARGEST else _without_content(visit, "VISIT-HUGE", content)


def _without_content(visit: Visit, code: str, content: bytes) -> Visit:
    row = visit.rows[0][1] if visit.rows else 0
    return replace(
        visit,
        patient=Patient(),
        doses=(),
        findings=(Finding(code, row=row, column="row"),),
        # Tells this content from another one, should the same patient's visit come again.
        raw=f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}",
    )
