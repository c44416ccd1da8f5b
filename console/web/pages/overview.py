"""Overview: messages and answers by day and clinic, answer times, what waits, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

from nicegui import ui

from console.web import charts
from console.web.parts import Cell, Link, address, card, empty, loading, table, text, tiles
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.lifecycle import State
from shared.domain.local_days import days_between
from shared.domain.report import percentage
from shared.domain.valve import MEANING, Valve
from shared.ports.ledger import NO_CLINIC
from shared.usecases.delivery.backfill import all_waiting
from shared.usecases.reporting.by_clinic import expectations_of
from shared.usecases.reporting.expectations import Expectations
from shared.usecases.reporting.sheets import FAILED, OUTCOME_STATES
from shared.usecases.reporting.tally import SECONDS, Tally, totals

DAYS: Final = 14
_MAX_COUNTED: Final = 10_000
"""Counts of waiting submissions stop here."""


@dataclass(frozen=True, slots=True)
class _PageData:
    """The content of the page.

    Attributes:
        since: the first day.
        until: the last day, today.
        counts: the tally of these days.
        waiting: submissions that wait for delivery.
        to_do: clinic → submissions that need a person.
        valve: the valve of the IIS.
        expected: due files, expiring credentials and stopped facilities.
        clinics: the clinics shown.
        time_zone: IANA name of the zone of the days.
    """

    since: date
    until: date
    counts: Tally
    waiting: int
    to_do: dict[str, int]
    valve: Valve
    expected: Expectations
    clinics: tuple[str, ...]
    time_zone: str


def _read(application: Application, clinic: str) -> _PageData:
    """Read the page's data. For one clinic: its messages, its facility's stop, and its own sources."""
    configuration, ledger = application.configurations.current(), application.ledger
    until = application.local_now().date()
    since = until - timedelta(days=DAYS - 1)
    to_do: dict[str, int] = {}
    for entry in islice(ledger.worklist.entries(clinic=clinic), _MAX_COUNTED):
        to_do[entry.clinic] = to_do.get(entry.clinic, 0) + 1
    expected = application.expected()
    if clinic:
        expected = expectations_of(expected, configuration, clinic)
    return _PageData(
        since,
        until,
        application.tallies.count(since, until, clinic),
        sum(1 for _ in islice(all_waiting(ledger.backlog, ledger.backfills, _MAX_COUNTED, clinic), _MAX_COUNTED)),
        to_do,
        ledger.stops.current().valve,
        expected,
        (clinic,) if clinic else tuple(configuration.clinics),
        configuration.iis.time_zone,
    )


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for all clinics or for one."""
    async with loading():
        data = await session.run(lambda application: _read(application, clinic))
        await session.record("overview", [clinic or "all clinics"])
        _summary(data)
        _stops(data)
        if not data.counts:
            with card():
                empty(
                    f"Nothing was sent in the last {DAYS} days.", "Put an export into a source's folder of the inbox."
                )
            return
        with card(f"Outcomes by day, {data.since} to {data.until} ({data.time_zone})"):
            ui.echart(_outcomes_by_day(data)).classes("w-full h-56").props('aria-label="Outcomes by day"')
        with ui.element("div").classes("halves"):
            with card("By clinic"):
                table(("clinic", "messages", "failed", "refusal rate", "held", "to do"), _clinic_rows(data))
            with card("Time until CT WiZ answered"):
                ui.echart(_answer_times(data)).classes("w-full h-52").props('aria-label="Answer times"')
        _due(data)


def _summary(data: _PageData) -> None:
    states = totals(data.counts, "answers", 2)
    answered = sum(states[(state,)] for state in OUTCOME_STATES if state is not State.HELD)
    failed = sum(states[(state,)] for state in FAILED)
    late = [source for source in data.expected.sources if source.late]
    tiles(
        (
            (f"messages answered in {DAYS} days", answered),
            ("of them not, or not wholly, stored", percentage(failed, answered) or "none"),
            ("need a person", Link(f"{sum(data.to_do.values()):,}", address("worklist"))),
            ("wait for delivery", data.waiting),
            ("delivery", "open" if data.valve.is_open and not data.expected.stopped else "stopped"),
            ("sources that are late", len(late)),
        )
    )


def _stops(data: _PageData) -> None:
    """Say what stops delivery, to the IIS as a whole and of single facilities."""
    if data.valve.closed_by is not None:
        with card("Delivery is stopped", "failed"):
            text(" ".join(MEANING[data.valve.closed_by]))
            text(f"Since {data.valve.since:%Y-%m-%d %H:%M} UTC: {data.valve.reason}", "p", "dim")
    if data.expected.stopped:
        with card("Stopped facilities", "failed"):
            table(("facility", "fault"), sorted(data.expected.stopped.items()))
            text("When the cause is fixed: vaxline valve open FACILITY.", "p", "dim")


def _outcomes_by_day(data: _PageData) -> dict[str, Any]:
    counts = totals(data.counts, "answers", 1, 2)
    names = [day.isoformat() for day in days_between(data.since, data.until)]
    series = {state: [counts[name, state] for name in names] for state in OUTCOME_STATES}
    return charts.stacked(names, {state: values for state, values in series.items() if any(values)})


def _answer_times(data: _PageData) -> dict[str, Any]:
    counts = totals(data.counts, "seconds", 1)
    return charts.columns(SECONDS, [counts[(band,)] for band in SECONDS])


def _clinic_rows(data: _PageData) -> list[tuple[Cell, ...]]:
    """Return a row per clinic: the configured ones, then those that only have messages or open submissions."""
    counts = totals(data.counts, "answers", 0, 2)
    names = dict.fromkeys((*data.clinics, *(clinic for clinic, _ in counts), *data.to_do))
    names.pop(NO_CLINIC, None)
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        sent = sum(counts[name, state] for state in OUTCOME_STATES if state is not State.HELD)
        failed = sum(counts[name, state] for state in FAILED)
        to_do = data.to_do.get(name or NO_CLINIC, 0)
        link = Link(f"{to_do:,}", address("worklist", clinic=name)) if to_do else 0
        rows.append((name or "(no clinic)", sent, failed, percentage(failed, sent), counts[name, State.HELD], link))
    return rows


def _due(data: _PageData) -> None:
    if not data.expected.sources and not data.expected.credentials:
        return
    with card("Due files and credentials"):
        table(
            ("source", "last file (UTC)", "next file due (UTC)", ""),
            (
                (
                    source.source,
                    f"{source.quiet_since:%Y-%m-%d %H:%M}",
                    f"{source.due:%Y-%m-%d %H:%M}",
                    "LATE" if source.late else "",
                )
                for source in data.expected.sources
            ),
        )
        for credentials in data.expected.credentials:
            text(
                f"The password of {credentials.facility} expires on {credentials.expire}, in {credentials.days} days.",
                "p",
                "dim",
            )
