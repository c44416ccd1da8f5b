"""Coding systems (HL7 table 0396) that a message may name, and what others become."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

LOCAL: Final = "L"
_KNOWN: Final = """
    C4 CDCPHINVS CDCREC CVX FDAUNII HCPCS I10 I10C I10P I9 I9CDX ISO+ ISO3166_1 L LN MCD MCR MVX NCIT NDC NIP001 NIP002
    NPI RXNORM SCT UCUM UPC cdcgs1vis 99zzz
"""
KNOWN: Final = frozenset(_KNOWN.split())
"""The coding systems that profile Z22 names."""
_OTHER_NAMES: Final = {
    "CPT": "C4",
    "CPT4": "C4",
    "CPT-4": "C4",
    "ICD10": "I10C",
    "ICD-10": "I10C",
    "ICD10CM": "I10C",
    "ICD-10-CM": "I10C",
    "ICD9": "I9CDX",
    "ICD-9": "I9CDX",
    "RXCUI": "RXNORM",
    "SNOMED": "SCT",
    "SNOMED-CT": "SCT",
    "SNM": "SCT",
}


def is_numbered(name: str) -> bool:
    """`HL7nnnn` (an HL7 table) or `99zzz` (a local system)."""
    if name.startswith("HL7"):
        return len(name) == 7 and name.isascii() and name[3:].isdigit()
    return len(name) == 5 and name.startswith("99") and name.isascii() and name.isalnum()


# Cached: an export names few systems.
@lru_cache(maxsize=1024)
def alternate(name: str) -> str:
    """Return the coding system under which an alternate code is sent: its own, or the local one if nobody knows it."""
    if name in KNOWN or is_numbered(name):
        return name
    return _OTHER_NAMES.get(name.upper(), LOCAL)
