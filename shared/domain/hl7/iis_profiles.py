"""How an IIS's acknowledgments are read, as data: one row per kind of IIS (`iis.profile` in clinics.toml names it).

The national rule (IG R1.5, chapter 3 and table of MSA-1) stands in `default`. `ctwiz` is what WebIZ systems do: MSA-1
= AE is their normal answer to a message that they stored with remarks, an order group is dropped with a sentence of
its own, and a refused facility comes as AE with a `WEBIZ-AUTH-…` code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from shared.domain.lifecycle import Event


class IisProfile(msgspec.Struct, frozen=True, eq=False):
    """One row, equal only to itself. Texts are compared in lower case, anywhere in an ERR or in a trace segment.

    `own_code` finds the IIS's own error codes; those that start with `security_code` are a refused facility, password
    or account. `internal_codes` (ERR-3, table 0357) and `internal_texts` are failures of the IIS itself;
    `dropping_texts` say that an order group was not stored, whatever the severity. `bare_error` is what MSA-1 = AE
    means when no ERR gives a severity, `remarked_error` what it means when the worst ERR is a warning or a remark.
    `trace_segments` hold the IIS's log ids in their second field. With `files_patients_by_sender` the IIS files
    patients under the facility of MSH-4, whatever assigning authority PID-3.4 names.
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
