"""Finds the codes by which an IIS refuses a facility, password or account, such as `WEBIZ-AUTH-609`.

They count in the fields of ERR and MSA that hold codes, and never in a text, which may quote a comment of our message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.message import Segment

_CODE_FIELDS: Final = {"ERR": (1, 3, 5), "MSA": (6,)}
"""Fields with error codes (HL7 v2.5.1, chapter 2): ERR-1 of older versions, ERR-3, ERR-5 and MSA-6."""


def is_account_code(code: str, profile: IisProfile) -> bool:
    """Return whether a code refuses an account. An IIS without such codes has an empty `security_code`."""
    return profile.security_code != "" and code.startswith(profile.security_code)


def refuses_account(segment: Segment, profile: IisProfile) -> bool:
    """Return whether a segment of an answer refuses our facility, password or account."""
    if not profile.security_code or profile.security_code not in segment.line:
        return False
    return any(is_account_code(code, profile) for code in _codes(segment))


def _codes(segment: Segment) -> Iterator[str]:
    """Every subcomponent of the fields with codes."""
    syntax = segment.syntax
    for number in _CODE_FIELDS.get(segment.name, ()):
        field = segment.raw(number)
        for delimiter in (syntax.component, syntax.subcomponent):
            field = field.replace(delimiter, syntax.repetition)
        yield from (part.strip() for part in field.split(syntax.repetition))
