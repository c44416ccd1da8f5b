"""Entries of the audit trail: one per message read and per action of a person."""

from __future__ import annotations

from datetime import datetime

import msgspec


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry. It contains no value of a message.

    Attributes:
        when: the time.
        who: the caller's AWS identity (STS ARN); at the local stage the user of the machine.
        action: the command.
        subject: what it was about: an MSH-10, a facility, a clinic, a version of clinics.toml.
        detail: the names of changed columns or search fields.
    """

    when: datetime
    who: str
    action: str
    subject: str
    detail: str = ""
