"""Builds a claimed message anew: under a changed configuration, or without doses that are outdated."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from shared.domain.clinics import Clinic, Configuration
from shared.domain.hl7.er7 import FIELD
from shared.domain.submission import Submission
from shared.replaced import replace


def is_outdated(submission: Submission, configuration: Configuration) -> bool:
    """Whether a submission was made under another configuration, and the IIS never had its message."""
    return submission.config_version != configuration.version and not submission.was_perhaps_received


def has_other_facility(submission: Submission, clinic: Clinic | None) -> bool:
    """Whether the message of a submission was built for another facility code (MSH-4) than its clinic has now."""
    from shared.domain.hl7.vxu import hd  # noqa: PLC0415 - as below

    sender = submission.vxu.split(FIELD, 4)[3:4]
    return clinic is not None and sender != [hd(clinic.sending_facility)]


def built_anew(
    submission: Submission, configuration: Configuration, now: datetime, *, without: Collection[str]
) -> tuple[Submission, bool]:
    """Build a submission's message anew, with the same MSH-10.

    Args:
        submission: The claimed submission.
        configuration: The configuration in force.
        now: The time of the message.
        without: Ids of the doses that newer submissions carry.

    Returns:
        The submission, and whether our checks hold it now.
    """
    # The checks and code tables take long to import, and few messages are built anew.
    from shared.usecases.prepare import prepare  # noqa: PLC0415

    source = configuration.sources.get(submission.source)
    visit = submission.visit
    if without:
        visit = replace(visit, doses=tuple(dose for dose in visit.doses if dose.id not in without))
    if source is None:
        return submission, False
    if not submission.was_perhaps_received and not submission.deletes:
        # The IIS knows a dose that it may have by the numbers that were sent.
        visit = replace(visit, numbering=source.numbering)
    clinic = configuration.clinic_for(source, visit.clinic)
    prepared = prepare(visit, msh_10=submission.msh_10, clinic=clinic, configuration=configuration, now=now)
    anew = replace(
        submission,
        visit=visit,
        vxu=prepared.vxu,
        findings=prepared.findings,
        clinic=clinic.key if clinic else submission.clinic,
        config_version=configuration.version,
    )
    return anew, prepared.is_held
