"""What `vaxline remedy` and the console's worklist share: the clinics.toml to come, and doing it at a pace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.commands.audit import noted
from shared.adapters.configuration import edit
from shared.bootstrap import Application
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Remedy
from shared.usecases.correction.unmapped import unmapped


@dataclass(frozen=True, slots=True)
class Change:
    """What of clinics.toml a remedy changes; empty is "not that". `text` is a whole other clinics.toml.

    `meaning` is the standard code for an unmapped one, `facility` another HL7 facility code of the remedy's clinic,
    `as_clinic` the clinic that the remedy's value is a name of.
    """

    meaning: str = ""
    facility: str = ""
    as_clinic: str = ""
    text: str = ""


def changed_text(application: Application, cause: str, clinic: str, value: str, change: Change) -> str:
    """The clinics.toml to come, or empty where it stays as it is.

    Raises:
        ValueError: the change needs something that was not said; the text says what.
    """
    if change == Change():
        return ""
    text = change.text or application.configurations.text()
    if change.meaning:
        codes = [one for one in unmapped(application.ledger, clinic) if one.cause == cause]
        if not codes:
            raise ValueError("--map is for a cause that `vaxline codes unmapped` lists")
        for one in codes:
            text = edit.with_code(text, one.source, one.table, one.code, change.meaning)
    if change.facility:
        if not clinic:
            raise ValueError("--facility needs --clinic")
        text = edit.with_facility(text, clinic, change.facility)
    if change.as_clinic:
        if not value:
            raise ValueError("--as-clinic needs --value, the name that exports use")
        text = edit.with_export_name(text, change.as_clinic, value)
    return text


def applied(
    application: Application, wanted: Remedy, members: Sequence[str], text: str, *, pace: int
) -> Iterator[Resubmitted | NotResubmitted]:
    """Puts the changed clinics.toml in force, then resubmits one after the other, no faster than `pace` a second.

    Each is written down in the audit trail before it is done.
    """
    if wanted.configuration is not None:
        noted(application, "config push", [wanted.configuration.version], f"remedy of {wanted.cause}")
        application.configurations.push(text, wanted.configuration.version)
    names = named(wanted)
    noted(application, "remedy", [wanted.cause], f"{len(members)} submissions, {names}")
    noted(application, "resubmit", members, names)
    started = time.monotonic()
    for number, result in enumerate(application.remedies.apply(wanted, members), 1):
        yield result
        time.sleep(max(0.0, started + number / pace - time.monotonic()))


def named(wanted: Remedy) -> str:
    """The columns that a remedy changes, and clinics.toml where it does; no values."""
    return ", ".join((*sorted(wanted.changes), *(("clinics.toml",) if wanted.configuration else ())))
