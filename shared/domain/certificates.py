"""When X.509 certificates in PEM text expire (RFC 7468; RFC 5280, section 4.1): the standard library cannot say."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Final

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_BEFORE_VALIDITY: Final = 3
"""Fields between the version and the validity: serial number, signature, issuer."""
_FORMATS: Final = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


def expiry(pem: str) -> datetime | None:
    """Return when the first of the certificates in a PEM text expires (UTC), or None if no certificate can be read."""
    ends = [end for match in _CERTIFICATE.finditer(pem) if (end := _not_after(match[1])) is not None]
    return min(ends, default=None)


def _not_after(text: str) -> datetime | None:
    try:
        certificate = _content(base64.b64decode("".join(text.split()), validate=True), _SEQUENCE)
        fields = _elements(_content(certificate, _SEQUENCE))
        tag, _ = fields[0]
        _, validity = fields[_BEFORE_VALIDITY + (tag == _VERSION)]
        tag, end = _elements(validity)[1]
        return datetime.strptime(end.decode("ascii"), _FORMATS[tag]).replace(tzinfo=UTC)
    except (binascii.Error, ValueError, IndexError, KeyError):
        return None


def _content(der: bytes, tag: int) -> bytes:
    """The content of the first element, which has this tag."""
    found, content, _ = _element(der, 0)
    if found != tag:
        raise ValueError(found)
    return content


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of the elements that stand one after the other."""
    elements, position = [], 0
    while position < len(der):
        tag, content, position = _element(der, position)
        elements.append((tag, content))
    return elements


def _element(der: bytes, position: int) -> tuple[int, bytes, int]:
    """Tag, content and end of the element at a position (X.690, section 8.1)."""
    tag, length = der[position], der[position + 1]
    start = position + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[start : start + count], "big")
        start += count
    if start + length > len(der):
        raise ValueError(length)
    return tag, der[start : start + length], start + length
