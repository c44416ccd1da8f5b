"""Every day: all reports of the day before and of the last four weeks, and readiness, written into the bucket.

    reports/<day>/<name>.html .csv .json     of that one day
    reports/<day>/4-weeks/<name>…            of the four weeks that end with it
    reports/<day>/readiness.html
    reports/tallies/<day>.json               what was counted of a day once it was over, and up to which late outcome

Made again, they are written over by the same; what is counted follows from the ledger. A kept tally holds as long as no
outcome was added to its day since: the ledger counts those that come late, and the tally names that count (ADR 0011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from shared.domain.report import Report
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Outcomes, Stops, Worklist
from shared.ports.objects import FileStore
from shared.usecases.reporting.pages import csv_text, readiness
from shared.usecases.reporting.pages import report as report_page
from shared.usecases.reporting.readiness import SHOWN, go_live, readiness_of_each
from shared.usecases.reporting.report import REPORTS, of_tally
from shared.usecases.reporting.tally import Tally, days, tally

SETTLED: Final = 1
"""So many whole days after its end a day is kept: no two clocks differ by that, so what comes later is marked."""

_HTML: Final = "text/html; charset=utf-8"
_CSV: Final = "text/csv; charset=utf-8"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Written:
    """The day that was reported, how many messages it had, and how many files were written."""

    day: date
    messages: int
    files: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A day's tally as it is kept: `late` is how many late outcomes were marked before it was counted."""

    late: int
    counts: list[tuple[tuple[str, ...], int]]


class DailyReports:
    """The use case with its ports."""

    def __init__(
        self,
        *,
        outcomes: Outcomes,
        worklist: Worklist,
        stops: Stops,
        configurations: Configurations,
        store: FileStore,
        clock: Clock,
        stage: str,
    ) -> None:
        self._outcomes = outcomes
        self._worklist = worklist
        self._stops = stops
        self._configurations = configurations
        self._store = store
        self._clock = clock
        self._stage = stage

    def __call__(self) -> Written:
        """Writes the reports of yesterday (UTC)."""
        now = self._clock.now()
        day = now.date() - timedelta(days=1)
        first = day - timedelta(days=SHOWN - 1)
        late = self._outcomes.late(first, day)
        by_day = {one: self._whole(one, now.date(), late.get(one, 0)) for one in days(first, day)}
        weeks: Tally = Counter()
        for counts in by_day.values():
            weeks.update(counts)
        one_day = list(self._reports(by_day[day], day, day))
        written = self._write(f"{day}/", one_day, now) + self._write(
            f"{day}/4-weeks/", list(self._reports(weeks, first, day)), now
        )
        self._store.put(f"{day}/readiness.html", self._readiness(now).encode(), _HTML)
        return Written(day, one_day[0].messages, written + 1)

    def counted(self, since: date, until: date, clinic: str = "") -> Tally:
        """The tally of some days (UTC, both included), of one clinic or of all: `tally_of`, but for its price.

        Of a day with a kept tally that still holds, that is read; of any other its outcomes. It writes nothing.
        """
        today = self._clock.now().date()
        late = self._outcomes.late(since, until)
        counts: Tally = Counter()
        for day in days(since, until):
            kept = self._kept(day, today, late.get(day, 0))
            if kept is None:
                counts.update(tally(self._outcomes.of_day(day, clinic)))
            else:
                counts.update({key: count for key, count in kept.items() if not clinic or key[1] == clinic})
        return counts

    def _reports(self, counts: Tally, since: date, until: date) -> Iterator[Report]:
        configuration = self._configurations.current()
        return (of_tally(name, counts, configuration, since, until) for name in REPORTS)

    def _write(self, folder: str, reports: list[Report], now: datetime) -> int:
        for report in reports:
            self._store.put(f"{folder}{report.name}.html", report_page.page([report], now).encode(), _HTML)
            # With a byte order mark, by which spreadsheets know UTF-8.
            self._store.put(f"{folder}{report.name}.csv", csv_text.of_report(report).encode("utf-8-sig"), _CSV)
            self._store.put(f"{folder}{report.name}.json", msgspec.json.encode(report), _JSON)
        return 3 * len(reports)

    def _readiness(self, now: datetime) -> str:
        configuration = self._configurations.current()
        each = readiness_of_each(self._outcomes, configuration, now.date())
        items = go_live(self._worklist, self._stops, each)
        return readiness.page(each, items, configuration.organization, self._stage, now)

    def _whole(self, day: date, today: date, late: int) -> Tally:
        """The day's tally of all clinics: the kept one that holds, else counted now, and kept once the day is settled.

        `late` was read before: an outcome that comes while the day is counted makes what is kept void.
        """
        counts = self._kept(day, today, late)
        if counts is None:
            counts = tally(self._outcomes.of_day(day))
            if _is_settled(day, today):
                kept = _Kept(late, sorted(counts.items()))
                self._store.put(_name(day), msgspec.json.encode(kept), _JSON)
        return counts

    def _kept(self, day: date, today: date, late: int) -> Tally | None:
        """What was kept of the day, if it was settled then and nothing was added since."""
        content = self._store.get(_name(day)) if _is_settled(day, today) else None
        if content is None:
            return None
        try:
            kept = msgspec.json.decode(content, type=_Kept)
        except msgspec.DecodeError:
            # Of a version that did not know what came late.
            return None
        return Counter(dict(kept.counts)) if kept.late == late else None


def _is_settled(day: date, today: date) -> bool:
    return day < today - timedelta(days=SETTLED)


def _name(day: date) -> str:
    return f"tallies/{day}.json"
