"""Ids that vaxline makes: always derived, never random, so that a re-run makes the same ones.

WebIZ cuts MSH-10 and ORC-3 at 20 characters and warns about a PID-3.1 above 15: 20 base32 characters carry 100 bits of
a hash, 15 carry 75. Ids of the EHR that fit stay as they are, so that an analyst recognises them.
"""

from __future__ import annotations

import hashlib
from typing import Final

from shared.domain.fingerprints import content
from shared.domain.model import Visit

MSH_10_LENGTH: Final = 20
ORC_3_LENGTH: Final = 20
PID_3_LENGTH: Final = 15
RECORD_LENGTH: Final = 32
_GROUP_BYTES: Final = 16
_MARK_BYTES: Final = 8
_FILE_LENGTH: Final = 16
NO_ORDER: Final = "9999"

_SEPARATOR: Final = "\x1f"


def _hash(parts: tuple[str, ...]) -> hashlib._Hash:
    return hashlib.sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass"))


def _digest(length: int, *parts: str) -> str:
    """A mark for messages, where characters are few: five bits in each."""
    return _base32(_hash(parts).digest(), length)


def _hex(length: int, *parts: str) -> str:
    """A mark for the ledger alone: four bits in each character, made at once."""
    return _hash(parts).hexdigest()[:length]


def _keyed(key: bytes, size: int, *parts: str) -> str:
    """A keyed hash of so many bytes (BLAKE2b, RFC 7693 section 2.9), in hexadecimal."""
    said = _SEPARATOR.join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, key=key, digest_size=size).hexdigest()


# Each ten bits as two characters (RFC 4648, table 3).
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_TENS: Final = tuple(range(150, -1, -10))


def _base32(mark: bytes, length: int) -> str:
    """The first characters of a hash, 32 at most. Every row has several, and `base64.b32encode` takes longer."""
    bits = int.from_bytes(mark[:20], "big")
    return "".join([_PAIRS[bits >> at & 1023] for at in _TENS[: length + 1 >> 1]])[:length]


def shortened(identifier: str, length: int) -> str:
    """The identifier itself where it fits, else `length` base32 characters of its hash."""
    return identifier if len(identifier) <= length else _digest(length, identifier)


def pid_3(mrn: str) -> str:
    """PID-3.1 for a medical record number."""
    return shortened(mrn, PID_3_LENGTH)


def orc_3(dose_id: str) -> str:
    """ORC-3.1 for a dose's own id; the IIS finds the dose by it when it is corrected or deleted.

    An EHR's own `9999` is replaced too: there it would say that nothing was given (IZ-45).
    """
    return _digest(ORC_3_LENGTH, dose_id) if dose_id == NO_ORDER else shortened(dose_id, ORC_3_LENGTH)


def derived_dose_id(source: str, mrn: str, date: str, vaccine: str, ordinal: int) -> str:
    """A dose id for exports that name none: the same patient, day, vaccine and place in the day give the same id."""
    return _digest(ORC_3_LENGTH, "dose", source, mrn, date, vaccine, str(ordinal))


def record_key(visit: Visit) -> str:
    """The record that a visit is a version of: (source, patient id, clinic, visit day).

    A visit that names no patient or no day is a record of its own: what its rows say is then the only identity. The key
    is a hash, so that a record number of any length fits the ledger's key and none stands in it.
    """
    if visit.patient.mrn and visit.date:
        return f"{visit.source}#{_hex(RECORD_LENGTH, 'record', visit.patient.mrn, visit.clinic, visit.date)}"
    said = (content(visit.patient), *map(content, visit.doses), *(f"{f.code}={f.value}" for f in visit.findings))
    return f"{visit.source}#{_hex(RECORD_LENGTH, 'row', visit.raw, visit.clinic, visit.date, *said)}"


def msh_10(record: str, fingerprints: dict[str, str], revision: int) -> str:
    """The message control id, from the record, what it says, and how often it was said anew."""
    said = _SEPARATOR.join(f"{dose}={mark}" for dose, mark in sorted(fingerprints.items()))
    return _digest(MSH_10_LENGTH, "MSH-10", record, said, str(revision))


def patient_group(key: bytes, source: str, mrn: str) -> str:
    """The FIFO message group of a patient: keyed, because a plain hash of a record number can be guessed back."""
    return _keyed(key, _GROUP_BYTES, source, mrn)


def search_mark(key: bytes, kind: str, value: str) -> str:
    """What stands in the ledger for a value that people search by: keyed, so that no value can be guessed back."""
    return _keyed(key, _MARK_BYTES, "find", kind, value)


def file_id(bucket: str, key: str, version: str) -> str:
    """One arrival of one export: the same object stored again is another arrival."""
    return _digest(_FILE_LENGTH, "file", bucket, key, version)
