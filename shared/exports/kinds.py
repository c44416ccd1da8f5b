"""Recognizes a file that is of another kind than its source's format, by its first bytes.

A wrong file is one thing to do, about the file. Read as rows it would be as many failures as it has lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEAD: Final = 64 * 1024
"""Bytes of a file, uncompressed, that are looked at."""

TEXT: Final = "CSV or other text"
C_CDA: Final = "a C-CDA document"

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an Office document of the old format (.xls, .doc)"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"{\\rtf", "an RTF document"),
    (b"-----BEGIN PGP ", "a PGP-encrypted file"),
)
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
# First packet of an encrypted message (RFC 9580, 4.2 and 5.1): tag, length, and version 3 or 6 (public key), 4 to 6
# (password).
_PGP: Final = re.compile(
    rb"(?:\x84.|\x85..|\xc1(?:[\x00-\xbf]|[\xc0-\xdf].))[\x03\x06]|(?:\x8c.|\xc3.)[\x04-\x06]", re.DOTALL
)
_TAR: Final = (257, b"ustar")

_HTML: Final = re.compile(r"<(?:!doctype\s+html|html|head|body|title|script|center|h1|p)\b", re.IGNORECASE)
_CLINICAL_DOCUMENT: Final = re.compile(r"<(?:\w+:)?ClinicalDocument[\s>]")
_FHIR_XML: Final = re.compile(r"<[^>]*\bxmlns(?::\w+)?=[\"']http://hl7\.org/fhir[\"']")
_XML: Final = re.compile(r"<(?:\?xml\b|!--|!DOCTYPE\b|[A-Za-z_][\w:.-]*[\s/>])")
_HL7: Final = re.compile(r"(?:^|[\r\n\x0b])[ \t\ufeff]*(?:MSH|FHS|BHS)[^\w\s]")
_JSON: Final = re.compile(r"\{\s*[\"}]|\[\s*[\[{\]]")
_JSON_LINE: Final = re.compile(r"^[ \t\x1e]*\{", re.MULTILINE)
_SPREAD: Final = re.compile(r"\{$|\[\s*(?:\{|$)")
_BUNDLE: Final = re.compile(r'"resourceType"\s*:\s*"Bundle"')
# C0 controls that no text has: those of white space, MLLP and NDJSON sequences (RFC 7464) aside.
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1b\x1d\x1f\x7f]")
_MOST_CONTROLS: Final = 0.05
_LEADING: Final = "\ufeff\x0b\x1c\x1e \t\r\n"

_NAMES: Final[Mapping[str, str]] = {
    "csv": "CSV",
    "hl7": "HL7 v2",
    "fhir": "FHIR bulk data (NDJSON, one resource a line)",
    "fhir-bundle": "a FHIR Bundle in JSON",
}


def wrong_kind(format_name: str, head: bytes, encoding: str) -> str:
    """Return what a file is, if it is not of the format that its source has.

    Args:
        format_name: The source's format, of `FORMATS`.
        head: The first `HEAD` bytes of the file, uncompressed; all of it if it is shorter.
        encoding: The encoding that the file is read in.

    Returns:
        The kind in plain words (`an HTML page`); empty if the file may be of the format.
    """
    text = head.decode(encoding, "replace").lstrip(_LEADING)
    return (_foreign(head, text) or _of_other_format(format_name, text)) if text else ""


def sentence(kind: str, format_name: str) -> str:
    """Say that a file is of a kind, and not of the format that its source has."""
    more = " C-CDA documents are not read." if kind == C_CDA else ""
    return f"This is {kind}, not {_NAMES[format_name]}.{more}"


def _foreign(head: bytes, text: str) -> str:
    """Return the kind of a file that no format of vaxline reads, in words; empty if it may be one of them."""
    named = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    if named:
        return named
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        is_office = any(part in head for part in (b"[Content_Types].xml", b"xl/", b"word/"))
        return "an Office document (.xlsx, .docx)" if is_office else "a ZIP archive"
    if _PGP.match(head):
        return "a PGP-encrypted file"
    if head[_TAR[0] :].startswith(_TAR[1]):
        return "a tar archive"
    if text.startswith("<"):
        return _markup(text)
    return "binary data" if len(_CONTROLS.findall(text)) > _MOST_CONTROLS * len(text) else ""


def _markup(text: str) -> str:
    if _CLINICAL_DOCUMENT.search(text):
        return C_CDA
    if _HTML.match(text):
        return "an HTML page"
    if not _XML.match(text):
        return ""
    if _FHIR_XML.search(text):
        return "FHIR in XML"
    return "an HTML page" if re.search(r"<html\b", text, re.IGNORECASE) else "an XML document"


def _of_other_format(format_name: str, text: str) -> str:
    """Return the kind of a file that another format's reader would read; empty if it may be of this format."""
    is_hl7, is_json = _HL7.match(text) is not None, _JSON.match(text) is not None
    first_line = text.partition("\n")[0].strip()
    if format_name == "hl7":
        return "" if _HL7.search(text) else _json(text) if is_json else TEXT
    if is_hl7:
        return "HL7 v2"
    if format_name == "csv":
        return _json(text) if is_json else ""
    if not _JSON_LINE.search(text) and not is_json:
        return TEXT
    if format_name == "fhir" and is_json:
        is_spread = _SPREAD.match(first_line) is not None
        if is_spread:
            return "a FHIR Bundle" if _BUNDLE.search(text) else "JSON that is spread over lines"
    return ""


def _json(text: str) -> str:
    return "a FHIR Bundle" if _BUNDLE.search(text) else "FHIR in JSON" if '"resourceType"' in text else "JSON"
