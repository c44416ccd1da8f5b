"""Notices: what an e-mail to the operators may say about a cause, and the value that asks for one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

OTHER: Final = "OTHER"
"""Headline of a cause that may not be shown in an e-mail. The worklist shows the cause itself."""

# Codes of an IIS: HL7 tables 0357 and 0533, MSA-1 (table 0008), and the IIS's own numbered codes (`WEBIZ-501`).
_IIS_CODE: Final = re.compile(r"(?:\d{1,3}|A[AER]|C[AER]|[A-Z]{2,8}(?:-[A-Z]{2,8})?-\d{1,5})")
_FIELD: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?:-\d{1,2}(?:\.\d{1,2})?)?")


def headline(cause: str, own_codes: frozenset[str]) -> str:
    """Return the part of a cause that an e-mail may show: its code, and the HL7 field that an IIS named.

    Text that an export or an IIS chose could hold PHI, so it never gets into an e-mail.

    Args:
        cause: A cause as the worklist groups it, such as `103 PID-8` or `LOT-MISSING`.
        own_codes: The codes of vaxline's own checks and faults.

    Returns:
        The headline, or `OTHER` where the code is neither one of `own_codes` nor in the form of an IIS's code.
    """
    code, _, field = cause.partition(" ")
    if code in own_codes:
        return code
    if not _IIS_CODE.fullmatch(code):
        return OTHER
    return f"{code} {field}" if _FIELD.fullmatch(field) else code


class PendingNotice(msgspec.Struct, frozen=True):
    """A notice to send: submissions of a clinic need a person for one cause.

    `hour` is the beginning of the hour in which they entered the worklist; `cause` is a headline.
    """

    hour: datetime
    clinic: str
    cause: str
