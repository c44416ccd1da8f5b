"""Remedies for the `vaxline remedy` command and the console's worklist: change clinics.toml, then resubmit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from console import audit_trail
from shared.adapters.configuration import edit
from shared.bootstrap import Application
from shared.domain.hl7 import er7
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Example, Remedy
from shared.usecases.correction.unmapped import unmapped

DEFAULT_PACE: Final = 20
"""Resubmissions per second."""


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """The changes of a remedy to clinics.toml. An empty attribute changes nothing.

    Attributes:
        meaning: the standard code for an unmapped one.
        facility: another HL7 facility code for the remedy's clinic.
        as_clinic: the clinic that gets the remedy's value as an export name.
        text: a whole other clinics.toml.
    """

    meaning: str = ""
    facility: str = ""
    as_clinic: str = ""
    text: str = ""


def changed_clinics_toml(
    application: Application, cause: str, clinic: str, value: str, change: ConfigurationChange
) -> str:
    """Return the changed clinics.toml, or the empty string where nothing changes.

    Raises:
        ValueError: the change needs an option that is missing; the text names it.
    """
    if change == ConfigurationChange():
        return ""
    text = change.text or application.configurations.text()
    if change.meaning:
        codes = [
            code
            for code in unmapped(application.ledger.submissions, application.ledger.worklist, clinic)
            if code.cause == cause
        ]
        if not codes:
            raise ValueError("--map is for a cause that `vaxline codes unmapped` lists")
        for code in codes:
            text = edit.add_code_mapping(text, code.source, code.table, code.code, change.meaning)
    if change.facility:
        if not clinic:
            raise ValueError("--facility needs --clinic")
        text = edit.set_facility_code(text, clinic, change.facility)
    if change.as_clinic:
        if not value:
            raise ValueError("--as-clinic needs --value, the name that exports use")
        text = edit.add_export_name(text, change.as_clinic, value)
    return text


def apply_remedy(
    application: Application, remedy: Remedy, members: Sequence[str], text: str, *, pace: int
) -> Iterator[Resubmitted | NotResubmitted]:
    """Put the changed clinics.toml in force, then resubmit one submission after the other.

    Everything is recorded in the audit trail before it is done.

    Args:
        application: the stage's application.
        remedy: the remedy.
        members: MSH-10s of the submissions.
        text: the changed clinics.toml; not used where the remedy does not change it.
        pace: most resubmissions per second.
    """
    if remedy.configuration is not None:
        audit_trail.record(application, "config push", [remedy.configuration.version], f"remedy of {remedy.cause}")
        application.configurations.push(text, remedy.configuration.version)
    names = changed_names(remedy)
    audit_trail.record(application, "remedy", [remedy.cause], f"{len(members)} submissions, {names}")
    audit_trail.record(application, "resubmit", members, names)
    started = time.monotonic()
    for number, result in enumerate(application.remedies.apply(remedy, members), 1):
        yield result
        time.sleep(max(0.0, started + number / pace - time.monotonic()))


def changed_names(remedy: Remedy) -> str:
    """Name the columns that a remedy changes, and clinics.toml where it does, without values."""
    return ", ".join((*sorted(remedy.changes), *(("clinics.toml",) if remedy.configuration else ())))


def segment_changes(example: Example) -> tuple[list[str], list[str]]:
    """Return the segments that a remedy removes from a message and those that it adds."""
    before, after = er7.segments(example.before), er7.segments(example.after)
    removed = [segment for segment in before if segment not in after]
    added = [segment for segment in after if segment not in before]
    return removed, added
