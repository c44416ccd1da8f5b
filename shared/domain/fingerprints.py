"""Fingerprints: hashes by which vaxline recognizes that an export has something new about a dose.

A fingerprint covers the fields that this module lists, and no others. It covers codes and values and never display
texts, so new wording in a code table sends nothing again. A field that is added to the model is not covered until the
lists name it, so a release that reads one more field does not send a whole registry again. An empty field is left out
of the text that is hashed: listing a new field sends only those doses again that have a value in it.

The lists are part of the ledger's format: every fingerprint in it was made from them. Their test pins one
fingerprint, and requires that every field of the model is listed here or named there as left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

import msgspec

from shared.domain.model import Dose, Patient, Visit

VERSION: Final = 1
"""The version of the lists below, with which every fingerprint begins."""

LENGTH: Final = 24
"""Hexadecimal characters of a fingerprint: 96 bits."""

CODE: Final = ("code", "system", "alternate_code", "alternate_system")
NAME: Final = ("family", "given", "middle", "suffix", "type")
ADDRESS: Final = ("street", "other", "city", "state", "zip", "country", "type", "county")
TELECOM: Final = ("use", "equipment", "area", "local", "email")
PROVIDER: Final = ("id", "family", "given", "middle", "authority", "id_type")


def _within(field: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{field}.{name}" for name in fields)


VIS: Final = ("document", *_within("vaccine", CODE), "edition", "presented")
OBSERVATION: Final = ("code", *_within("value", CODE), "begins", "ends")
NEXT_OF_KIN: Final = (*_within("name", NAME), *_within("relationship", CODE), *_within("address", ADDRESS))

PATIENT: Final = (
    "mrn",
    *_within("name", NAME),
    "birth_date",
    "sex",
    "mothers_maiden_name",
    *_within("ethnicity", CODE),
    "multiple_birth",
    "birth_order",
    "death_date",
    "death_indicator",
    *_within("publicity", CODE),
    "publicity_date",
    "protection",
    "protection_date",
    "registry_status",
    "registry_status_date",
)
PATIENT_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "aliases": NAME,
    "races": CODE,
    "addresses": ADDRESS,
    "telecoms": TELECOM,
    "next_of_kin": NEXT_OF_KIN,
}
NEXT_OF_KIN_LISTS: Final[Mapping[str, tuple[str, ...]]] = {"telecoms": TELECOM}

DOSE: Final = (
    "id",
    "date",
    *_within("vaccine", CODE),
    "ndc",
    "completion",
    *_within("information_source", CODE),
    "action",
    "amount",
    *_within("units", CODE),
    "lot",
    "expiry",
    *_within("manufacturer", CODE),
    *_within("route", CODE),
    *_within("site", CODE),
    *_within("refusal_reason", CODE),
    *_within("eligibility", CODE),
    *_within("funding_source", CODE),
    "dose_number",
    "comment",
    *_within("administered_by", PROVIDER),
    *_within("ordered_by", PROVIDER),
    *_within("entered_by", PROVIDER),
    "placer_id",
)
DOSE_LISTS: Final[Mapping[str, tuple[str, ...]]] = {"vis": VIS, "observations": OBSERVATION}

_Reader = Callable[[object], object]
_encode: Final = msgspec.json.Encoder().encode


def _reader(fields: tuple[str, ...], lists: Mapping[str, tuple[str, ...]], inner: Mapping[str, _Reader]) -> _Reader:
    """A function from a struct to its listed values by name, without those that are empty."""
    scalars = attrgetter(*fields)
    repeated = [(name, attrgetter(name), inner.get(name) or _reader(of, {}, {})) for name, of in lists.items()]

    def read(value: object) -> object:
        listed: dict[str, object] = {
            name: scalar for name, scalar in zip(fields, scalars(value), strict=True) if scalar
        }
        for name, each, read_one in repeated:
            elements = [read_one(element) for element in each(value)]
            if elements:
                listed[name] = elements
        return listed

    return read


_patient: Final = _reader(PATIENT, PATIENT_LISTS, {"next_of_kin": _reader(NEXT_OF_KIN, NEXT_OF_KIN_LISTS, {})})
_dose: Final = _reader(DOSE, DOSE_LISTS, {})


def content(value: Patient | Dose) -> str:
    """Return the listed values of a patient or a dose as one text.

    Args:
        value: A patient or a dose. Its place in the export is not covered.

    Returns:
        Equal texts for equal values, different texts for different values.
    """
    listed = _dose(value) if isinstance(value, Dose) else _patient(value)
    try:
        return _encode(listed).decode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form; the standard library escapes it.
        return json.dumps(listed)


def dose_fingerprints(visit: Visit) -> dict[str, str]:
    """Return the fingerprint of every dose of a visit, of the content of the dose and of its patient.

    Args:
        visit: The visit as it was read.

    Returns:
        Dose id → fingerprint. A visit without doses has one, under the empty id, over its raw text.
    """
    patient = content(visit.patient)
    if not visit.doses:
        return {"": _fingerprint(patient, visit.raw)}
    return {dose.id: _fingerprint(patient, content(dose)) for dose in visit.doses}


def _fingerprint(*parts: str) -> str:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return f"{VERSION}:{hashlib.sha256(text).hexdigest()[:LENGTH]}"
