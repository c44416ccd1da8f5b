"""The versions of a record (one patient, clinic and day across exports) after an export or a correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.domain.lifecycle import State
from shared.domain.model import Visit
from shared.domain.submission import Record, Submission
from shared.replaced import replace

_HISTORY: Final = 20
"""Submissions that a record names."""


def news(record: Record, visit: Visit, fingerprints: Mapping[str, str], as_of: str) -> Visit | None:
    """Return the part of a visit that has to be sent, None if the record has all of it.

    A visit that says something new is sent as a whole, with all its doses. If the export arrived before the one that
    the record was last written from, only doses that the record lacks are sent.

    Args:
        record: The record as the ledger has it.
        visit: The visit of the export.
        fingerprints: The fingerprint of each dose of the visit, by dose id.
        as_of: When the export arrived, ISO 8601 in UTC.
    """
    recorded = {dose: fingerprint for dose, fingerprint, _ in record.doses}
    changed = [dose for dose, fingerprint in fingerprints.items() if recorded.get(dose) != fingerprint]
    if as_of >= record.as_of:
        return visit if changed else None
    added = [dose for dose in changed if dose not in recorded]
    if not added:
        return None
    return replace(visit, doses=tuple(dose for dose in visit.doses if dose.id in added))


def covers_current(record: Record, fingerprints: Mapping[str, str]) -> bool:
    """Tell whether these doses include all doses of the newest submission, so that a new one can replace it."""
    return record.current != "" and all(
        dose in fingerprints for dose, _, msh_10 in record.doses if msh_10 == record.current
    )


def after_export(record: Record, submission: Submission, fingerprints: Mapping[str, str], as_of: str) -> Record:
    """Return the next version of a record, with a submission made from an export.

    Args:
        record: The record that the submission was made from.
        submission: The new submission.
        fingerprints: The fingerprint of each dose that it sends, by dose id.
        as_of: When the export arrived, ISO 8601 in UTC.
    """
    doses = {dose: (fingerprint, msh_10) for dose, fingerprint, msh_10 in record.doses}
    doses |= {dose: (fingerprint, submission.msh_10) for dose, fingerprint in fingerprints.items()}
    entry = (submission.file_id, submission.msh_10, submission.replaces)
    return Record(
        key=record.key,
        version=record.version + 1,
        revision=record.revision + 1,
        current=submission.msh_10,
        held=submission.state is State.HELD,
        as_of=max(as_of, record.as_of),
        history=(*record.history[-_HISTORY + 1 :], entry),
        doses=tuple((dose, fingerprint, msh_10) for dose, (fingerprint, msh_10) in doses.items()),
    )


def after_correction(record: Record, corrected: Submission) -> Record:
    """Return the next version of a record, with a submission that a person made in place of `corrected.replaces`.

    The fingerprints stay those of the export, so that the same export says nothing new.
    """
    replaced = corrected.replaces
    is_current = record.current == replaced
    return replace(
        record,
        version=record.version + 1,
        revision=corrected.revision + 1,
        current=corrected.msh_10 if is_current else record.current,
        held=corrected.state is State.HELD if is_current else record.held,
        doses=tuple(
            (dose, fingerprint, corrected.msh_10 if msh_10 == replaced else msh_10)
            for dose, fingerprint, msh_10 in record.doses
        ),
    )
