"""Reports: what CT WiZ answered, what was sent, under which facility codes, in which profile, and how good the data is.

outcomes of some days ──► tally ──► the sheets of a report ──► HTML, CSV, JSON (`shared/pages`)

`REPORTS` is the table that the command, the daily function, the console and docs/reports.md follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.report import Report, Sheet
from shared.usecases.reporting import data_quality as quality
from shared.usecases.reporting import traffic
from shared.usecases.reporting.sheets import Asked
from shared.usecases.reporting.tally import DELAYS, Tally, by


def of_tally(
    name: str, counts: Tally, configuration: Configuration, since: date, until: date, clinic: str = ""
) -> Report:
    """The report of that name (a key of `REPORTS`), of what was counted of its days."""
    made = REPORTS[name]
    asked = Asked(counts, configuration, since, until)
    messages = by(counts, "answers").total()
    return Report(name, made.title, since, until, clinic, messages, tuple(make(asked) for make in made.sheets))


# the table of reports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """One report: its title, what it is for, and the makers of its sheets."""

    title: str
    words: str
    sheets: tuple[Callable[[Asked], Sheet], ...]


REPORTS: Final[dict[str, Kind]] = {
    "acks": Kind(
        "ACK results",
        "what CT WiZ answered, by cause, severity, clinic and day, in plain words",
        (traffic.answers, traffic.trend, traffic.causes, traffic.errors, traffic.by_clinic),
    ),
    "activity": Kind(
        "HL7 activity",
        "messages by day, hour and clinic, answer times, attempts",
        (traffic.daily, traffic.hourly, traffic.clinic_traffic, traffic.seconds, traffic.attempts),
    ),
    "facilities": Kind(
        "Facility codes",
        "the codes that are configured, those in use, and those that CT WiZ does not know",
        (traffic.configured, traffic.used, traffic.unknown),
    ),
    "profiles": Kind(
        "Totals by message profile",
        "messages by profile and state, corrections, doses by kind",
        (traffic.profiles, traffic.kinds_of_message, traffic.kinds),
    ),
    "quality": Kind(
        "Patient and vaccination data quality",
        "completeness, timeliness, vaccines, lots, eligibility by age, suspicious patterns",
        (
            quality.suspicious,
            quality.completeness,
            quality.banded("From dose to report", "delays", DELAYS, ("reported after", "doses")),
            traffic.kinds,
            quality.vaccines,
            quality.lots,
            quality.eligibility,
        ),
    ),
}
