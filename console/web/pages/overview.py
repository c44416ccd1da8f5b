"""Overview: what was sent and answered by day and clinic, how fast, what waits, and what does not come."""

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
from shared.domain.valve import MEANING, Valve
from shared.ports.ledger import NO_CLINIC
from shared.usecases.delivery.backfill import all_waiting
from shared.usecases.reporting.by_clinic import expected_of
from shared.usecases.reporting.expectations import Expected
from shared.usecases.reporting.sheets import FAILED, OUTCOMES, share
from shared.usecases.reporting.tally import SECONDS, Tally, by, days

DAYS: Final = 14
_MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows: the tally of its days, and the state of things as of now. Counts stop at 10,000."""

    since: date
    until: date
    counts: Tally
    waiting: int
    to_do: dict[str, int]
    valve: Valve
    expected: Expected
    clinics: tuple[str, ...]


def seen(application: Application, clinic: str) -> Seen:
    """Reads it; of days that are over what the nightly reports counted, where that still holds.

    Of one clinic: its messages, what waits of them, its facility's stop, and its own sources.
    """
    configuration, ledger = application.configurations.current(), application.ledger
    until = application.clock.now().date()
    since = until - timedelta(days=DAYS - 1)
    to_do: dict[str, int] = {}
    for entry in islice(ledger.worklist(clinic=clinic), _MANY):
        to_do[entry.clinic] = to_do.get(entry.clinic, 0) + 1
    found = application.expected()
    if clinic:
        found = expected_of(found, configuration, clinic)
    return Seen(
        since,
        until,
        application.report.counted(since, until, clinic),
        sum(1 for _ in islice(all_waiting(ledger, _MANY, clinic), _MANY)),
        to_do,
        ledger.stops().valve,
        found,
        (clinic,) if clinic else tuple(configuration.clinics),
    )


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page of the interface, or of one clinic."""
    async with loading():
        found = await session.ask(lambda application: seen(application, clinic))
        await session.note("overview", [clinic or "all clinics"])
        _now(found)
        if not found.counts:
            with card():
                empty("Nothing was sent in the last 14 days.", "Put an export into a source's folder of the inbox.")
            return
        with card(f"Outcomes by day, {found.since} to {found.until} (UTC)"):
            ui.echart(_by_day(found)).classes("w-full h-56").props('aria-label="Outcomes by day"')
        with ui.element("div").classes("halves"):
            with card("By clinic"):
                table(("clinic", "messages", "failed", "refusal rate", "held", "to do"), _clinics(found))
            with card("Time until CT WiZ answered"):
                ui.echart(_seconds(found)).classes("w-full h-52").props('aria-label="Answer times"')
        _sources(found)


def _now(found: Seen) -> None:
    valve, stopped = found.valve, found.expected.stopped
    states = by(found.counts, "answers", 2)
    answered = sum(states[(state,)] for state in OUTCOMES if state is not State.HELD)
    failed = sum(states[(state,)] for state in FAILED)
    late = [one.source for one in found.expected.sources if one.late]
    to_do = sum(found.to_do.values())
    tiles(
        (
            ("messages answered in 14 days", answered),
            ("of them not, or not wholly, stored", share(failed, answered) or "none"),
            ("need a person", Link(f"{to_do:,}", address("worklist"))),
            ("wait for delivery", found.waiting),
            ("delivery", "open" if valve.is_open and not stopped else "stopped"),
            ("sources that are late", len(late)),
        )
    )
    if valve.closed_by is not None:
        with card("Delivery is stopped", "failed"):
            text(" ".join(MEANING[valve.closed_by]))
            text(f"Since {valve.since:%Y-%m-%d %H:%M} UTC: {valve.reason}", "p", "dim")
    if stopped:
        with card("Stopped facilities", "failed"):
            table(("facility", "fault"), sorted(stopped.items()))
            text("When the cause is mended: vaxline valve open FACILITY.", "p", "dim")


def _by_day(found: Seen) -> dict[str, Any]:
    counts = by(found.counts, "answers", 1, 2)
    names = [day.isoformat() for day in days(found.since, found.until)]
    series = {state: [counts[name, state] for name in names] for state in OUTCOMES}
    return charts.stacked(names, {state: values for state, values in series.items() if any(values)})


def _seconds(found: Seen) -> dict[str, Any]:
    counts = by(found.counts, "seconds", 1)
    return charts.columns(SECONDS, [counts[(band,)] for band in SECONDS])


def _clinics(found: Seen) -> list[tuple[Cell, ...]]:
    counts = by(found.counts, "answers", 0, 2)
    names = dict.fromkeys((*found.clinics, *(clinic for clinic, _ in counts), *found.to_do))
    names.pop(NO_CLINIC, None)
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        sent = sum(counts[name, state] for state in OUTCOMES if state is not State.HELD)
        failed = sum(counts[name, state] for state in FAILED)
        to_do = found.to_do.get(name or NO_CLINIC, 0)
        waits = Link(f"{to_do:,}", address("worklist", clinic=name)) if to_do else 0
        rows.append((name or "(no clinic)", sent, failed, share(failed, sent), counts[name, State.HELD], waits))
    return rows


def _sources(found: Seen) -> None:
    if not found.expected.sources and not found.expected.credentials:
        return
    with card("What should come"):
        table(
            ("source", "last heard of (UTC)", "next file due (UTC)", ""),
            (
                (
                    one.source,
                    f"{one.quiet_since:%Y-%m-%d %H:%M}",
                    f"{one.due:%Y-%m-%d %H:%M}",
                    "LATE" if one.late else "",
                )
                for one in found.expected.sources
            ),
        )
        for one in found.expected.credentials:
            text(f"The password of {one.facility} expires on {one.expire}, in {one.days} days.", "p", "dim")
