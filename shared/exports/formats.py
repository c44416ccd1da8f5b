"""The formats of exports: one row of `FORMATS` for each. Their readers are in `readers.READERS`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import IO, Final

import msgspec

from shared.exports.text import GZIP

_HEAD_BYTES: Final = 4096
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LEADING: Final = b"\x0b\x1c \t\r\n"
_HL7_SEGMENTS: Final = frozenset({b"MSH", b"FHS", b"BHS"})
# The type of a Bundle stands before its first entry; NDJSON of single resources is a bulk export.
_BUNDLE: Final = re.compile(rb'"resourceType"\s*:\s*"Bundle"|^\{[^{]*"entry"\s*:\s*\[')
_COLUMN_KEYS: Final = ("columns", "delimiter")
_TEXT_KEYS: Final = ("date_formats", "encoding")
_FHIR_KEYS: Final = ("clinic_by", "mrn_system")


class ExportFormat(msgspec.Struct, frozen=True):
    """One format of exports.

    Attributes:
        name: The value of `sources.<name>.format` in clinics.toml.
        matches: Judges the first bytes of a file, without byte order mark and leading white space.
        unused_keys: Keys of a source that have no meaning for this format.
        is_set: An export is a folder of files. Otherwise each file is an export.
        has_columns: Values stand in columns, which clinics.toml may name and give defaults.
    """

    name: str
    matches: Callable[[bytes], bool]
    unused_keys: tuple[str, ...]
    is_set: bool = False
    has_columns: bool = False


def _is_hl7(head: bytes) -> bool:
    return head[:3] in _HL7_SEGMENTS and not head[3:4].isalnum()


def _is_json(head: bytes) -> bool:
    return head.startswith((b"{", b"["))


def _is_bundle(head: bytes) -> bool:
    return _is_json(head) and _BUNDLE.search(head) is not None


_ROWS: Final = (
    ExportFormat("hl7", _is_hl7, (*_COLUMN_KEYS, "ignore", *_FHIR_KEYS)),
    ExportFormat("fhir-bundle", _is_bundle, (*_COLUMN_KEYS, *_TEXT_KEYS)),
    ExportFormat("fhir", _is_json, (*_COLUMN_KEYS, *_TEXT_KEYS), is_set=True),
    ExportFormat("csv", lambda _: True, _FHIR_KEYS, has_columns=True),
)
FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every format by its name, in the order in which a file is tried for them."""


def looks_like(stream: IO[bytes]) -> str:
    """Return the name of the first format that the beginning of a file, plain or gzipped, matches."""
    head = stream.read(_HEAD_BYTES)
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
        except zlib.error:
            head = b""
    head = head.removeprefix(_BYTE_ORDER_MARK).lstrip(_LEADING)
    return next(row.name for row in FORMATS.values() if row.matches(head))
