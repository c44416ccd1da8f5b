"""The differences between the answers of IISs, as data. `iis.profile` in clinics.toml names the row.

`default` follows the national rule (IG R1.5, chapter 3). `ctwiz` is for WebIZ systems: they answer MSA-1 = AE to a
message that they stored with remarks, drop an ORDER group with a text of their own in an ERR, and refuse a facility
with AE and a `WEBIZ-AUTH-…` code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from shared.domain.lifecycle import Event


class IisProfile(msgspec.Struct, frozen=True, eq=False):
    """One kind of IIS, equal only to itself. Texts are lower case and may stand anywhere in an ERR or trace segment.

    Attributes:
        name: Its name in clinics.toml.
        own_code: Finds the IIS's own error codes.
        security_code: How those own codes begin that refuse a facility, password or account.
        internal_codes: ERR-3 (HL7 table 0357) of a failure of the IIS itself.
        internal_texts: Texts of a failure of the IIS itself.
        dropping_texts: Texts that say that an ORDER group was not stored, whatever the severity.
        bare_error: The outcome of MSA-1 = AE without any ERR.
        remarked_error: The outcome of MSA-1 = AE with warnings or information only.
        trace_segments: Segments with the IIS's log ids in field 2.
        files_patients_by_sender: It files patients under the facility of MSH-4, whatever authority PID-3.4 names.
    """

    name: str
    own_code: re.Pattern[str] | None = None
    security_code: str = ""
    internal_codes: frozenset[str] = frozenset({"206", "207"})
    internal_texts: tuple[str, ...] = ("application internal error",)
    dropping_texts: tuple[str, ...] = ()
    bare_error: Event = Event.REFUSE
    remarked_error: Event = Event.ACCEPT_WITH_WARNINGS
    trace_segments: frozenset[str] = frozenset()
    files_patients_by_sender: bool = False


DEFAULT: Final = IisProfile("default")

CTWIZ: Final = IisProfile(
    "ctwiz",
    own_code=re.compile(r"WEBIZ-(?:[A-Z]+-)?[0-9]+"),
    security_code="WEBIZ-AUTH-",
    internal_texts=("application internal error", "message failed to execute"),
    dropping_texts=("not processing order group",),
    bare_error=Event.ACCEPT_WITH_WARNINGS,
    trace_segments=frozenset({"ZSA"}),
    files_patients_by_sender=True,
)

PROFILES: Final[Mapping[str, IisProfile]] = MappingProxyType({profile.name: profile for profile in (CTWIZ, DEFAULT)})
