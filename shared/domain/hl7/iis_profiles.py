"""The differences between the answers of IISs, as data. `iis.profile` in clinics.toml names the row.

`default` follows the national rule (IG R1.5, chapter 3) and takes nothing as stored that the answer does not prove.
`ctwiz` is for WebIZ systems: they answer MSA-1 = AE to a message that they stored with remarks, go on after an ORDER
group that they drop with a text of their own in an ERR, and refuse a facility with AE and a `WEBIZ-AUTH-…` code.

A new profile is a row here; the readers of answers know no profile by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from shared.domain.lifecycle import Event

ERROR, WARNING, INFORMATION = "E", "W", "I"
"""ERR-4 (HL7 table 0516)."""

COMMIT_ACK: Final = "COMMIT-ACK"
"""The fault of an answer that says that the message arrived, and nothing about its content."""


class Verdict(msgspec.Struct, frozen=True):
    """The meaning of one value of MSA-1.

    Attributes:
        gravity: Of several answers to one message the gravest counts.
        accepts: The IIS says that it took the message; without severity an ERR is a warning then.
        bare: The outcome without any ERR: an event, or the code of a fault.
        remarked: The outcome with warnings or information only.
        refuses_all: An error refuses the whole message, wherever it is located.
    """

    gravity: int
    accepts: bool
    bare: Event | str
    remarked: Event | str
    refuses_all: bool = False


_REFUSED: Final = Verdict(3, False, Event.REFUSE, Event.REFUSE, refuses_all=True)
VERDICTS: Final[Mapping[str, Verdict]] = MappingProxyType(
    {
        "AA": Verdict(1, True, Event.ACCEPT, Event.ACCEPT_WITH_WARNINGS),
        "AE": Verdict(2, False, Event.REFUSE, Event.ACCEPT_WITH_WARNINGS),
        "AR": _REFUSED,
        # Enhanced mode: the message arrived; the IIS says nothing about its content (v2.5.1, section 2.9.3.2).
        "CA": Verdict(0, True, COMMIT_ACK, COMMIT_ACK),
        "CE": _REFUSED,
        "CR": _REFUSED,
    }
)
"""MSA-1 (HL7 table 0008) by the national rule."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_REJECTED: Final = r"(?:was |were |is |are |has been |had been |have been )?(?:rejected|ignored|discarded)\b"
_NOT_TAKEN: Final = r"(?:was |is |has been )?not (?:been )?(?:processed|accepted|stored|saved)\b"
_MESSAGE: Final = r"\b(?:message|record|transaction|vxu|patient)s? "
_GROUP: Final = r"\b(?:segment[- ]group|order(?: group)?|vaccination|immunization|dose|(?:orc|rxa)(?: segment)?)s? "


class IisProfile(msgspec.Struct, frozen=True, eq=False):
    """One kind of IIS, equal only to itself.

    The texts are searched in MSA-3 and in the codes, diagnostics and texts of an ERR, not in its locations.

    Attributes:
        name: Its name in clinics.toml.
        verdicts: The values of MSA-1 that it uses; an answer with another one is no acknowledgment.
        message_types: MSH-9.1 of its answers to a VXU.
        own_code: Finds the IIS's own error codes.
        security_code: How those own codes begin that refuse a facility, password or account.
        internal_codes: ERR-3 (HL7 table 0357) of a failure of the IIS itself.
        internal_text: Finds the words for a failure of the IIS itself.
        rejecting_text: Finds the words for a message of which nothing was stored, whatever the severity.
        dropping_text: Finds the words for an ORDER group that was not stored, whatever the severity.
        duplicate_text: Finds the words for content that the IIS has already, which is no rejection.
        optional_segments: Segments that it leaves out in case of an error, and keeps the rest (IG R1.5, table 3-1).
        goes_on: After an error in one ORDER group it stores the others. Where it is not known to, they are unproven.
        trace_segments: Segments with the IIS's log ids in field 2.
        files_patients_by_sender: It files patients under the facility of MSH-4, whatever authority PID-3.4 names.
    """

    name: str
    verdicts: Mapping[str, Verdict] = VERDICTS
    message_types: frozenset[str] = frozenset({"ACK", ""})
    own_code: re.Pattern[str] | None = None
    security_code: str = ""
    internal_codes: frozenset[str] = frozenset({"206", "207"})
    internal_text: re.Pattern[str] = _any_of(
        # WebIZ's "Internal Parser Error" is about the message, not about the IIS.
        r"\binternal (?!parser)(?:[a-z]+ )?(?:error|failure|exception|fault)\b",
        r"\b(?:unexpected|unhandled|database|server|(?<!coding )system) (?:error|failure|exception|fault)\b",
        r"\bmessage failed to execute\b",
        r"\b(?:database|service|system) (?:is )?(?:temporarily )?unavailable\b",
    )
    rejecting_text: re.Pattern[str] = _any_of(
        _MESSAGE + _REJECTED, _MESSAGE + _NOT_TAKEN, r"\binterface does not save\b"
    )
    dropping_text: re.Pattern[str] = _any_of(
        _GROUP + _REJECTED, _GROUP + _NOT_TAKEN, r"\bnot processing order group\b", r"^\W*ignored\W*$"
    )
    duplicate_text: re.Pattern[str] = _any_of(r"\bduplicate", r"\balready (?:exists|recorded|reported|on file)\b")
    optional_segments: frozenset[str] = frozenset({"SFT", "PD1", "NK1", "PV1", "PV2", "GT1", "IN1", "IN2", "IN3"})
    goes_on: bool = False
    trace_segments: frozenset[str] = frozenset()
    files_patients_by_sender: bool = False


DEFAULT: Final = IisProfile("default")

CTWIZ: Final = IisProfile(
    "ctwiz",
    verdicts=MappingProxyType(
        {**VERDICTS, "AE": Verdict(2, False, Event.ACCEPT_WITH_WARNINGS, Event.ACCEPT_WITH_WARNINGS)}
    ),
    own_code=re.compile(r"WEBIZ-(?:[A-Z]+-)?[0-9]+"),
    security_code="WEBIZ-AUTH-",
    goes_on=True,
    trace_segments=frozenset({"ZSA"}),
    files_patients_by_sender=True,
)

PROFILES: Final[Mapping[str, IisProfile]] = MappingProxyType({profile.name: profile for profile in (CTWIZ, DEFAULT)})
