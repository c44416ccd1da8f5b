"""Names of resources, as references write them, and the order of versions of a resource."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from shared.exports.fhir import model as fhir

_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?$")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?identifier=(.*)$")
_DIGITS: Final = 20


def name_of(reference: fhir.Reference, kind: str = "") -> str:
    """Return the name by which the spool finds the target of a reference.

    Args:
        reference: The reference.
        kind: The type of its target, for a logical reference that does not say it.

    Returns:
        `Type/id`, `Type?system|value` or `urn:…`; empty if the reference has none of these forms.
    """
    text = reference.reference
    if not text:
        identifier, kind = reference.identifier, reference.type or kind
        return f"{kind}?{identifier.system}|{identifier.value}" if kind and identifier.value else ""
    if text.startswith("urn:"):
        return text
    match = _CONDITIONAL.search(text)
    if match:
        return f"{match[1]}?{unquote(match[2])}"
    match = _RELATIVE.search(text)
    return f"{match[1]}/{match[2]}" if match else ""


def names_by_identifier(kind: str, identifiers: tuple[fhir.Identifier, ...]) -> list[str]:
    """Return the names that a resource has by its identifiers, with and without their systems."""
    values = [identifier for identifier in identifiers if identifier.value]
    names = [f"{kind}?{identifier.system}|{identifier.value}" for identifier in values]
    return names + [f"{kind}?{identifier.value}" for identifier in values]


def version(last_updated: str, version_id: str) -> str:
    """Return a text that is greater for a newer version of a resource.

    Args:
        last_updated: `meta.lastUpdated`, a FHIR instant.
        version_id: `meta.versionId`; servers count it up.
    """
    # A version id that is no number tells no order.
    number = version_id.rjust(_DIGITS, "0") if version_id.isascii() and version_id.isdigit() else ""
    time = _in_utc(last_updated) if last_updated else ""
    return f"{time} {number}" if time or number else ""


def _in_utc(instant: str) -> str:
    try:
        time = datetime.fromisoformat(instant)
        return time.astimezone(UTC).isoformat(timespec="microseconds") if time.tzinfo else instant
    except (ValueError, OverflowError):
        return ""
