"""Ids that vaxline makes: derived by a hash, never random, so that a re-run makes the same ids.

WebIZ cuts MSH-10 and ORC-3 at 20 characters and warns about a PID-3.1 longer than 15. One base32 character (RFC 4648)
carries 5 bits of the hash: 100 bits in 20 characters, 75 in 15. An id of the EHR that fits stays as it is, so that an
analyst recognizes it.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.fingerprints import content
from shared.domain.model import Visit

MSH_10_LENGTH: Final = 20
ORC_3_LENGTH: Final = 20
PID_3_LENGTH: Final = 15
CHART_LENGTH: Final = 32

NO_ORDER: Final = "9999"
"""ORC-3.1 of a refusal or of a dose that was not administered (IZ-45)."""

_FILE_LENGTH: Final = 16
_GROUP_BYTES: Final = 16
_SEARCH_KEY_BYTES: Final = 8
_SEPARATOR: Final = "\x1f"
_INVISIBLE: Final = frozenset({"Cc", "Cf"})


def normalized_id(text: str) -> str:
    """Return a record number or dose id of the EHR in the one spelling in which ids are compared, kept and sent.

    The text is in Unicode NFC, without blanks at its ends, with one space for blanks within it (tabs, line ends and
    no-break spaces among them), and without control and format characters, which nobody sees (a zero-width space, a
    soft hyphen). NUL stays, because it says that the text was damaged. Case stays: the ids of some EHRs, and those of
    FHIR resources, differ in case only.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    visible = "".join(
        character
        for character in text
        if character.isspace() or character == "\x00" or unicodedata.category(character) not in _INVISIBLE
    )
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def _sha256(parts: tuple[str, ...]) -> hashlib._Hash:
    return hashlib.sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass"))


def _base32(length: int, *parts: str) -> str:
    """The first `length` (at most 24) base32 characters of a hash, for ids in messages, where space is short."""
    return base64.b32encode(_sha256(parts).digest()[:15]).decode()[:length]


def _hex(length: int, *parts: str) -> str:
    """The first `length` hexadecimal characters of a hash, for keys that only the ledger sees."""
    return _sha256(parts).hexdigest()[:length]


def _keyed(key: bytes, size: int, *parts: str) -> str:
    """A keyed hash of `size` bytes in hexadecimal (BLAKE2b, RFC 7693 section 2.9)."""
    text = _SEPARATOR.join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=key, digest_size=size).hexdigest()


def shortened(identifier: str, length: int) -> str:
    """Return the identifier if it fits, else `length` base32 characters of its hash."""
    return identifier if len(identifier) <= length else _base32(length, identifier)


def pid_3(mrn: str, prefix: str) -> str:
    """Return PID-3.1 for a medical record number under the prefix of its numbering."""
    return shortened(prefix + mrn, PID_3_LENGTH)


def orc_3(dose_id: str, prefix: str) -> str:
    """Return ORC-3.1 for a dose id under the prefix of its numbering.

    The IIS finds the dose by it when the dose is corrected or deleted. A text `9999` of the EHR's own is hashed too,
    because in ORC-3 it means that nothing was given (`NO_ORDER`).
    """
    number = prefix + dose_id
    return _base32(ORC_3_LENGTH, number) if number == NO_ORDER else shortened(number, ORC_3_LENGTH)


def derived_dose_id(space: str, mrn: str, date: str, vaccine: str, ordinal: int) -> str:
    """Return a dose id for an export that has none.

    Args:
        space: The number space of the source (`clinics.number_space`).
        mrn: Medical record number of the patient.
        date: Day of the dose, `YYYYMMDD`.
        vaccine: Code of the vaccine.
        ordinal: Position among the patient's doses of that vaccine and day, from 1.
    """
    return _base32(ORC_3_LENGTH, "dose", space, mrn, date, vaccine, str(ordinal))


def chart_key(space: str, mrn: str) -> str:
    """Return the key of a patient's chart.

    The hash makes a record number of any length fit the ledger's key, and keeps it out of the key.

    Args:
        space: The number space of the source (`clinics.number_space`).
        mrn: Medical record number of the patient.
    """
    return f"{space}#{_hex(CHART_LENGTH, 'chart', mrn)}"


def chart_key_of_rows(visit: Visit) -> str:
    """Return the key of the chart of a visit without record number: one of its own, by the content of its rows."""
    rows = (content(visit.patient), *map(content, visit.doses), *(f"{f.code}={f.value}" for f in visit.findings))
    return f"{visit.source}#{_hex(CHART_LENGTH, 'row', visit.raw, visit.clinic, visit.date, *rows)}"


def dose_key(space: str, dose_id: str) -> str:
    """Return the key by which the ledger finds the chart of a dose.

    Args:
        space: The number space of the source (`clinics.number_space`).
        dose_id: The EHR's id of the dose.
    """
    return f"{space}#{_hex(CHART_LENGTH, 'dose', dose_id)}"


def msh_10(chart: str, fingerprints: Mapping[str, str], revision: int) -> str:
    """Return the message control id of a submission.

    Args:
        chart: Key of the patient's chart.
        fingerprints: Fingerprint of each dose, by dose id.
        revision: How many submissions the chart had before.
    """
    doses = _SEPARATOR.join(f"{dose}={fingerprint}" for dose, fingerprint in sorted(fingerprints.items()))
    return _base32(MSH_10_LENGTH, "MSH-10", chart, doses, str(revision))


def digest(visit: Visit) -> str:
    """Return a hash of everything that a visit says."""
    return hashlib.sha256(msgspec.json.encode(visit)).hexdigest()


def patient_group(key: bytes, space: str, mrn: str) -> str:
    """Return the FIFO message group of a patient, keyed because a plain hash of a record number can be guessed."""
    return _keyed(key, _GROUP_BYTES, space, mrn)


def search_key(key: bytes, kind: str, value: str) -> str:
    """Return the ledger's key for a value that people search by (record number, dose id, lot)."""
    return _keyed(key, _SEARCH_KEY_BYTES, "find", kind, value)


def file_id(bucket: str, key: str, version: str) -> str:
    """Return the id of one arrival of one export; the same object stored again is another arrival."""
    return _base32(_FILE_LENGTH, "file", bucket, key, version)
