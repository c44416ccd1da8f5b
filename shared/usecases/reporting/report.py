"""Reports: answers of CT WiZ, traffic, facility codes, message profiles and data quality.

    outcomes of some days ──► tally ──► the sheets of a report ──► HTML, CSV, JSON (`pages`)

The command, the daily function, the console and docs/reports.md all follow the table `REPORTS`.
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
from shared.usecases.reporting.sheets import SheetInput
from shared.usecases.reporting.tally import DELAYS, Tally, totals


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """One report: its title, what it tells, and the functions that make its sheets."""

    title: str
    words: str
    sheets: tuple[Callable[[SheetInput], Sheet], ...]


REPORTS: Final[dict[str, ReportDefinition]] = {
    "acks": ReportDefinition(
        "ACK results",
        "what CT WiZ answered, by cause, severity, clinic and day, in plain words",
        (traffic.answers, traffic.trend, traffic.causes, traffic.errors, traffic.by_clinic),
    ),
    "activity": ReportDefinition(
        "HL7 activity",
        "messages by day, hour and clinic, answer times, attempts",
        (traffic.daily, traffic.hourly, traffic.clinic_traffic, traffic.seconds, traffic.attempts),
    ),
    "facilities": ReportDefinition(
        "Facility codes",
        "the codes that are configured, those in use, and those that CT WiZ does not know",
        (traffic.configured, traffic.used, traffic.unknown),
    ),
    "profiles": ReportDefinition(
        "Totals by message profile",
        "messages by profile and state, corrections, doses by kind",
        (traffic.profiles, traffic.kinds_of_message, traffic.kinds_of_dose),
    ),
    "quality": ReportDefinition(
        "Patient and vaccination data quality",
        "completeness, timeliness, vaccines, lots, eligibility by age, suspicious patterns",
        (
            quality.suspicious,
            quality.completeness,
            quality.banded("From dose to report", "delays", DELAYS, ("reported after", "doses")),
            traffic.kinds_of_dose,
            quality.vaccines,
            quality.lots,
            quality.eligibility,
        ),
    ),
}
"""Name → report."""


def build_report(
    name: str, counts: Tally, configuration: Configuration, since: date, until: date, clinic: str = ""
) -> Report:
    """Build a report from the tally of its days.

    Args:
        name: key of `REPORTS`.
        counts: the tally, for the clinic alone where one is named.
        configuration: the configuration in force.
        since: the first day, in the IIS's time zone.
        until: the last day.
        clinic: the clinic's key; empty for all clinics.
    """
    definition = REPORTS[name]
    data = SheetInput(counts, configuration, since, until)
    messages = totals(counts, "answers").total()
    sheets = tuple(make(data) for make in definition.sheets)
    zone = configuration.iis.time_zone
    return Report(name, definition.title, since, until, clinic, messages, sheets, zone)
