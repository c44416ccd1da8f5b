"""Every day: all reports of the day before and of the last four weeks, and readiness, written into the bucket.

    reports/<day>/<name>.html .csv .json     of that one day
    reports/<day>/4-weeks/<name>…            of the four weeks that end with it
    reports/<day>/readiness.html
    reports/tallies/<day>.json               what was counted of a day, kept once nothing is added to it any more

Made again, they are written over by the same; what is counted follows from the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from shared.pages import csv_text, readiness_page, report_page
from shared.ports import Clock, Configurations, Files, Ledger
from shared.usecases.readiness import SHOWN, go_live, readiness_of_each
from shared.usecases.report import REPORTS, Report, of_tally
from shared.usecases.tally import Tally, days, tally

SETTLED: Final = 3
"""After so many days a day's outcomes are complete: what waits longer is in the worklist or in a dead-letter queue."""

_HTML: Final = "text/html; charset=utf-8"
_CSV: Final = "text/csv; charset=utf-8"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Written:
    """The day that was reported, how many messages it had, and how many files were written."""

    day: date
    messages: int
    files: int


class DailyReports:
    """The use case with its ports."""

    def __init__(
        self, *, ledger: Ledger, configurations: Configurations, files: Files, clock: Clock, stage: str
    ) -> None:
        self._ledger = ledger
        self._configurations = configurations
        self._files = files
        self._clock = clock
        self._stage = stage

    def __call__(self) -> Written:
        """Writes the reports of yesterday (UTC)."""
        now = self._clock.now()
        day = now.date() - timedelta(days=1)
        first = day - timedelta(days=SHOWN - 1)
        by_day = {one: self._tally(one, now.date()) for one in days(first, day)}
        weeks: Tally = Counter()
        for counts in by_day.values():
            weeks.update(counts)
        one_day = list(self._reports(by_day[day], day, day))
        written = self._write(f"{day}/", one_day, now) + self._write(
            f"{day}/4-weeks/", list(self._reports(weeks, first, day)), now
        )
        self._files.put(f"{day}/readiness.html", self._readiness(now).encode(), _HTML)
        return Written(day, one_day[0].messages, written + 1)

    def counted(self, since: date, until: date) -> Tally:
        """The tally of some days (UTC, both included): of settled days the kept one, else what is there by now.

        For a look at many days; it writes nothing.
        """
        today = self._clock.now().date()
        counts: Tally = Counter()
        for day in days(since, until):
            counts.update(self._tally(day, today, keep=False))
        return counts

    def _reports(self, counts: Tally, since: date, until: date) -> Iterator[Report]:
        configuration = self._configurations.current()
        return (of_tally(name, counts, configuration, since, until) for name in REPORTS)

    def _write(self, folder: str, reports: list[Report], now: datetime) -> int:
        for report in reports:
            self._files.put(f"{folder}{report.name}.html", report_page.page([report], now).encode(), _HTML)
            # With a byte order mark, by which spreadsheets know UTF-8.
            self._files.put(f"{folder}{report.name}.csv", csv_text.of_report(report).encode("utf-8-sig"), _CSV)
            self._files.put(f"{folder}{report.name}.json", msgspec.json.encode(report), _JSON)
        return 3 * len(reports)

    def _readiness(self, now: datetime) -> str:
        configuration = self._configurations.current()
        each = readiness_of_each(self._ledger, configuration, now.date())
        items = go_live(self._ledger, each)
        return readiness_page.page(each, items, configuration.organization, self._stage, now)

    def _tally(self, day: date, today: date, *, keep: bool = True) -> Tally:
        """The day's tally: the kept one of a settled day, else counted now."""
        settled = day < today - timedelta(days=SETTLED)
        name = f"tallies/{day}.json"
        kept = self._files.get(name) if settled else None
        if kept is not None:
            return Counter(dict(msgspec.json.decode(kept, type=list[tuple[tuple[str, ...], int]])))
        counts = tally(self._ledger.outcomes(day))
        if settled and keep:
            self._files.put(name, msgspec.json.encode(sorted(counts.items())), _JSON)
        return counts
