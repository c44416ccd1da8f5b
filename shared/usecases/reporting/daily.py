"""Daily reports: all reports of yesterday and of the last four weeks, and readiness, written into the bucket.

    reports/<day>/<name>.html .csv .json     of that one day
    reports/<day>/4-weeks/<name>…            of the four weeks that end with it
    reports/<day>/readiness.html
    reports/tallies/<day>.json               `day_tallies`

Running it again writes the same files, since all counts come from the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from shared.domain.clinics import Configuration
from shared.domain.report import Report
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Stops, Worklist
from shared.ports.objects import FileStore
from shared.usecases.reporting.day_tallies import DayTallies
from shared.usecases.reporting.pages import csv_text, readiness
from shared.usecases.reporting.pages import report as report_page
from shared.usecases.reporting.readiness import DAYS_SHOWN, go_live_checklist, readiness_of_each
from shared.usecases.reporting.report import REPORTS, build_report
from shared.usecases.reporting.tally import Tally

_HTML: Final = "text/html; charset=utf-8"
_CSV: Final = "text/csv; charset=utf-8"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class WrittenReports:
    """The day that was reported, its number of messages, and the number of files written."""

    day: date
    messages: int
    files: int


class DailyReports:
    """Writes the reports of yesterday, in the IIS's time zone."""

    def __init__(
        self,
        *,
        tallies: DayTallies,
        worklist: Worklist,
        stops: Stops,
        configurations: Configurations,
        store: FileStore,
        clock: Clock,
        stage: str,
    ) -> None:
        self._tallies = tallies
        self._worklist = worklist
        self._stops = stops
        self._configurations = configurations
        self._store = store
        self._clock = clock
        self._stage = stage

    def __call__(self) -> WrittenReports:
        configuration = self._configurations.current()
        now = self._clock.now().astimezone(ZoneInfo(configuration.iis.time_zone))
        day = now.date() - timedelta(days=1)
        first = day - timedelta(days=DAYS_SHOWN - 1)
        by_day = self._tallies.count_each(first, day, store=True)
        four_weeks: Tally = Counter()
        for counts in by_day.values():
            four_weeks.update(counts)
        reports = [build_report(name, by_day[day], configuration, day, day) for name in REPORTS]
        written = self._write(f"{day}/", reports, now)
        of_four_weeks = (build_report(name, four_weeks, configuration, first, day) for name in REPORTS)
        written += self._write(f"{day}/4-weeks/", of_four_weeks, now)
        self._store.put(f"{day}/readiness.html", self._readiness_page(configuration, now).encode(), _HTML)
        return WrittenReports(day, reports[0].messages, written + 1)

    def _write(self, folder: str, reports: Iterable[Report], now: datetime) -> int:
        """Write each report in three formats; return the number of files."""
        written = 0
        for report in reports:
            self._store.put(f"{folder}{report.name}.html", report_page.page([report], now).encode(), _HTML)
            # Spreadsheets recognize UTF-8 by the byte order mark.
            self._store.put(f"{folder}{report.name}.csv", csv_text.of_report(report).encode("utf-8-sig"), _CSV)
            self._store.put(f"{folder}{report.name}.json", msgspec.json.encode(report), _JSON)
            written += 3
        return written

    def _readiness_page(self, configuration: Configuration, now: datetime) -> str:
        each = readiness_of_each(self._tallies, configuration, now.date())
        checklist = go_live_checklist(self._worklist, self._stops, configuration, each)
        return readiness.page(each, checklist, configuration, self._stage, now)
