"""Query files: asks about the patients of a file, paced and off-peak, over many invocations (ADR 0015).

A query file is a CSV under `queries/`, or under `queries/<clinic>/` in that clinic's name. Beside it, under its name
with `.answers/`, are its answers (JSON lines, one per row, in parts) and `summary.json`, the checkpoint. A part is
named by its first row and written before the summary that names it. If the function is stopped in between, it asks
about those rows again and overwrites the part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.domain import faults
from shared.domain.clinics import Configuration
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp_model import MEANING, Match
from shared.domain.query_file import FAULT, UNREADABLE, QueryRow, Summary, rows_of
from shared.domain.submission import Strategy
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.objects import FileStore, Objects, StoredObject
from shared.settings import QUERY_FILES_PREFIX
from shared.usecases.delivery.stops import Stop
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.registry.query import COLUMNS, Asked, is_batch_time, patient_of

ANSWERS: Final = ".answers/"
TRIES: Final = 3
"""How often a row is tried that ends in a fault; then the fault is its outcome."""

PART_ROWS: Final = 20
"""Rows per part of the answers."""

OFF_HOURS: Final = "outside iis.query_hours"

_SUMMARY: Final = "summary.json"
_STOPS: Final = frozenset(stop.value for stop in Stop)
# The columns of the fields that `qbp.missing` names.
_COLUMN_OF: Final = {"QPD-4.1": "last_name", "QPD-4.2": "first_name", "QPD-6": "birth_date"}


@dataclass(frozen=True, slots=True)
class Answered:
    """One line of the answers.

    Attributes:
        row: The number of the row as a spreadsheet shows it.
        clinic: The key of the clinic that asked.
        outcome: A match, `FAULT` or `ROW_UNREADABLE`.
        fields: The columns that make the row unreadable.
        fix: What to do; empty if nothing is.
        asked: The query and its answer; None if nothing was sent.
    """

    row: int
    clinic: str
    outcome: str
    fields: tuple[str, ...] = ()
    fix: str = ""
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one invocation: rows done, queries sent, and files that are not done yet."""

    rows: int = 0
    sent: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Ports:
    files: FileStore
    objects: Objects
    configurations: Configurations
    ask: Callable[[Request, str], Asked]
    clock: Clock
    retry_scale: float


class QueryFiles:
    """Asks about the patients of query files.

    Args:
        files: Where the answers are stored.
        objects: The bucket with the query files.
        configurations: The clinics.toml in force.
        ask: The use case `Query`.
        clock: The current time.
        retry_scale: Factor on the pause between queries; below 1 in the local run and in tests.
    """

    def __init__(
        self,
        *,
        files: FileStore,
        objects: Objects,
        configurations: Configurations,
        ask: Callable[[Request, str], Asked],
        clock: Clock,
        retry_scale: float = 1.0,
    ) -> None:
        self._ports = _Ports(files, objects, configurations, ask, clock, retry_scale)

    def __call__(self, until: datetime) -> Run:
        """Ask about the next rows of every file that is not done, the oldest first.

        Args:
            until: When to stop; a query that was sent before is still waited for.
        """
        rows = sent = waiting = 0
        for item, summary in self._items():
            if summary.is_over:
                continue
            file = _File(self._ports, item, summary, until)
            file.go_on()
            rows += file.summary.done - summary.done
            sent += file.sent
            waiting += not file.summary.is_over
        return Run(rows, sent, waiting)

    def put(self, name: str, content: bytes) -> None:
        """Store a query file. The function asks about it at its next run."""
        self._ports.files.put(name, content, "text/csv")

    def summaries(self) -> list[Summary]:
        """Return the summaries of all query files, the oldest first."""
        return [summary for _, summary in self._items()]

    def answers(self, summary: Summary) -> Iterator[bytes]:
        """Yield the answers of a file so far: JSON lines in the order of its rows."""
        for first in summary.parts:
            content = self._ports.files.get(_part(summary.name, first))
            yield from (content or b"").splitlines()

    def _items(self) -> Iterator[tuple[StoredObject, Summary]]:
        items = [item for item in self._ports.objects.list(QUERY_FILES_PREFIX) if ANSWERS not in item.key]
        for item in sorted(items, key=lambda item: (item.modified, item.key)):
            if not item.key.endswith("/"):
                yield item, self._summary(item)

    def _summary(self, item: StoredObject) -> Summary:
        """Return the stored summary, or a new one if there is none or the file's content (its ETag) has changed."""
        name, version = item.key.removeprefix(QUERY_FILES_PREFIX), item.version.partition("@")[0]
        stored = self._ports.files.get(f"{name}{ANSWERS}{_SUMMARY}")
        if stored is not None:
            summary = msgspec.json.decode(stored, type=Summary)
            if summary.version == version:
                return summary
        return Summary(name, version, item.modified.astimezone(UTC).isoformat(timespec="seconds"))


class _File:
    """One query file in one invocation. `sent` counts the queries that went to the IIS."""

    def __init__(self, ports: _Ports, item: StoredObject, summary: Summary, until: datetime) -> None:
        self._ports = ports
        self._item = item
        self._until = until
        self._answered: list[Answered] = []
        self.summary = summary
        self.sent = 0

    def go_on(self) -> None:
        """Ask about the next rows until the file is done, has to wait, or the time is up."""
        with self._ports.objects.open(self._item) as stream:
            rows = rows_of(self.summary.name, stream.read())
        if isinstance(rows, str):
            self.summary = replace(self.summary, problem=rows)
        else:
            self.summary = replace(self.summary, rows=len(rows), waits="")
            for row in rows[self.summary.done :]:
                if not self._work_on(row):
                    break
                if len(self._answered) == PART_ROWS:
                    self._save()
        self._save()

    def _work_on(self, row: QueryRow) -> bool:
        """Work on a row. Return False if the file has to go on another time."""
        configuration = self._ports.configurations.current()
        request, clinic = _request(row, self.summary.name, configuration)
        if isinstance(request, Answered):
            return self._add(request)
        while True:
            waits = self._off_hours(configuration)
            if waits or self._ports.clock.now() >= self._until:
                self.summary = replace(self.summary, waits=waits)
                return False
            answered = self._ask(row.number, request, clinic)
            if answered is not None:
                return self._add(answered)
            if self.summary.waits:
                return False

    def _off_hours(self, configuration: Configuration) -> str:
        return "" if is_batch_time(configuration.iis, self._ports.clock.now()) else OFF_HOURS

    def _ask(self, number: int, request: Request, clinic: str) -> Answered | None:
        """Ask about a row. Return None if it has to be asked again, or if the file has to wait."""
        asked = self._ports.ask(request, clinic)
        if asked.msh_10:
            self.sent += 1
            pause = self._ports.configurations.current().iis.query_pause
            time.sleep(pause * self._ports.retry_scale)
        if asked.not_asked in _STOPS:
            self.summary = replace(self.summary, waits=asked.not_asked)
            return None
        if asked.fault:
            return self._after_fault(number, asked, clinic)
        if asked.response is None:
            fields = tuple(_COLUMN_OF.get(path, path) for path in asked.missing) or ("clinic",)
            return Answered(number, clinic, UNREADABLE, fields, f"{asked.not_asked}: {', '.join(fields)}", asked)
        match = asked.response.match
        return Answered(number, clinic, match, (), "" if match is Match.FOUND else MEANING[match], asked)

    def _after_fault(self, number: int, asked: Asked, clinic: str) -> Answered | None:
        """Return the outcome of a row that met a fault, or None if it is tried again.

        A set-up fault waits for a person, and a fault that may pass is tried a few times. Others are the row's outcome.
        """
        fault = faults.BY_CODE.get(asked.fault)
        strategy = fault.strategy if fault else Strategy.CORRECT
        if strategy is Strategy.CHECK_SETUP:
            self.summary = replace(self.summary, waits=asked.fault)
            return None
        tries = self.summary.tries + 1
        if strategy is not Strategy.CORRECT and tries < TRIES:
            # The IIS gets time to recover until the next invocation.
            waits = asked.fault if strategy is Strategy.CHECK_IIS else ""
            self.summary = replace(self.summary, tries=tries, waits=waits)
            return None
        explained = explanation(asked.fault) or UNEXPLAINED
        return Answered(number, clinic, FAULT, (), f"{explained.words} {explained.fix}".strip(), asked)

    def _add(self, answered: Answered) -> bool:
        self.summary = self.summary.with_row(answered.row, answered.outcome, answered.fields)
        self._answered.append(answered)
        return True

    def _save(self) -> None:
        """Write the part of the answers, then the checkpoint that names it."""
        files, name = self._ports.files, self.summary.name
        if self._answered:
            first = self._answered[0].row
            lines = b"".join(msgspec.json.encode(answered) + b"\n" for answered in self._answered)
            files.put(_part(name, first), lines, "application/x-ndjson")
            self.summary = replace(self.summary, parts=(*self.summary.parts, first))
            self._answered.clear()
        now = self._ports.clock.now().astimezone(UTC).isoformat(timespec="seconds")
        self.summary = replace(self.summary, updated=now)
        content = msgspec.json.format(msgspec.json.encode(self.summary)) + b"\n"
        files.put(f"{name}{ANSWERS}{_SUMMARY}", content, "application/json")


def _part(name: str, first: int) -> str:
    return f"{name}{ANSWERS}{first:06d}.jsonl"


def _request(query_row: QueryRow, name: str, configuration: Configuration) -> tuple[Request | Answered, str]:
    """Return the request of a row, or its outcome if it is unreadable; and the clinic that asks."""
    folder, _, _ = name.rpartition("/")
    number, row = query_row
    if row is None:
        return Answered(number, "", UNREADABLE, ("cells",), "more or fewer cells than the header"), ""
    only = next(iter(configuration.clinics)) if len(configuration.clinics) == 1 else ""
    clinic = (row.get("clinic") or "").strip() or folder or only
    values = {column: row.get(column, "") for column in COLUMNS}
    fields = [column for column, value in values.items() if isinstance(patient_of({column: value}), str)]
    profile = (row.get("profile") or "").strip().upper() or Profile.FORECAST.value
    fields += ["profile"] if profile not in list(Profile) else []
    fields += ["clinic"] if clinic not in configuration.clinics else []
    patient = patient_of(values)
    if fields or isinstance(patient, str):
        return Answered(number, clinic, UNREADABLE, tuple(fields), f"cannot be read: {', '.join(fields)}"), clinic
    return Request(patient, Profile(profile), (row.get("source") or "").strip()), clinic
