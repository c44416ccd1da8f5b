"""Entries of the audit trail for the `vaxline` command and the web console, with the caller's identity."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

import boto3

from shared.bootstrap import Application
from shared.domain.audit import AuditEntry
from shared.settings import LOCAL_STAGE


def record(application: Application, action: str, subjects: Iterable[str], detail: str = "") -> None:
    """Write one entry per subject. Call it before the action: nothing is done that cannot be recorded.

    Args:
        application: the stage's application.
        action: the command, such as `show` or `valve open`.
        subjects: what it is about: MSH-10s, a facility, a clinic, a version of clinics.toml.
        detail: names of changed columns or search fields, never their values.
    """
    who = _caller(application)
    for subject in subjects:
        application.audit.note(AuditEntry(application.clock.now(), who, action, subject, detail))


def _caller(application: Application) -> str:
    """Return the STS ARN of the caller; at the local stage the user of the machine."""
    if application.runtime.stage == LOCAL_STAGE:
        return getpass.getuser()
    return str(boto3.client("sts", region_name=application.runtime.region).get_caller_identity()["Arn"])
