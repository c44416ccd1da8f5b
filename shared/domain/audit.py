"""Who read or changed what: one entry per message read and per action of a person."""

from __future__ import annotations

from datetime import datetime

import msgspec


class AuditEntry(msgspec.Struct, frozen=True):
    """`who` is the caller's AWS identity (STS ARN), on the local stage the user of the machine.

    `action` is the command, `subject` what it was about (an MSH-10, a facility, a configuration's version), `detail`
    what was changed by name. No value of a message stands in an entry.
    """

    when: datetime
    who: str
    action: str
    subject: str
    detail: str = ""
