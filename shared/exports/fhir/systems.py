"""Coding systems and identifier systems, which exports write in several forms."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_OID: Final = re.compile(r"(?<![\d.])([0-2](?:\.(?:0|[1-9]\d*)){3,})(?![\d.])")
# By the end of its URL, and by its OID.
_BY_NAME: Final = {
    "cvx": ("sid/cvx", "2.16.840.1.113883.12.292", "2.16.840.1.113883.6.59"),
    "mvx": ("sid/mvx", "2.16.840.1.113883.12.227", "2.16.840.1.113883.6.60"),
    "ndc": ("sid/ndc", "2.16.840.1.113883.6.69"),
    "npi": ("sid/us-npi", "2.16.840.1.113883.4.6"),
}
_NAMES: Final = {form: name for name, forms in _BY_NAME.items() for form in forms}
_CDC_LIST: Final = re.compile(r"cdc\.gov/.*[?&]rpt=(cvx|mvx)\b")


@lru_cache(maxsize=1024)
def plain_system(system: str) -> str:
    """Return a system in the form in which systems are compared.

    An OID stands alone, whatever stands around it (`urn:oid:`, an address of PHIN VADS). A URL is in lower case,
    without scheme, `www.` and the slash at its end.
    """
    text = system.strip()
    oid = _OID.search(text)
    if oid:
        return oid[1]
    text = text.casefold().removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return text.rstrip("/")


@lru_cache(maxsize=1024)
def standard_system(system: str) -> str:
    """Return `cvx`, `mvx`, `ndc` or `npi` for one of these systems in any of its forms; empty for another one."""
    plain = plain_system(system)
    if plain in _BY_NAME:
        return plain
    listed = _CDC_LIST.search(plain)
    if listed:
        return listed[1]
    return _NAMES.get(plain, "") or _NAMES.get("/".join(plain.split("/")[-2:]), "")
