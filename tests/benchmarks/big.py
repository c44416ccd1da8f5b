"""Converts a large export in invocations that run out of time or are killed, and checks that its counts add up.

    python -m tests.benchmarks big [--size 1GB] [--kind csv|fhir] [--seconds 240] [--seed 0]

Each invocation is a process with a limit of processor time. Half of them are killed by SIGKILL at a random point. Only the
ledger, a SQLite file, passes from one to the next. At the end every row of the file must be in one submission, every
submission's reference must be in the outbox, and the counts must add up; otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final, cast

from shared.adapters.clock import SystemClock
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.domain.chart import Chart
from shared.domain.lifecycle import State
from shared.domain.outcome import SearchTerm
from shared.domain.submission import BackfillLane, FileSummary, Submission
from shared.ports.ledger import QuotaUse
from shared.ports.objects import StoredObject
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import CONVERT_RESERVE
from shared.usecases.intake.arrival import Ignored
from shared.usecases.intake.convert import Convert, Unfinished
from tests.benchmarks import records
from tests.benchmarks.exports import NEWEST, Bucket, FhirBucket
from tests.benchmarks.stub import peak_mib
from tests.fakes.configurations import Fixed
from tests.places import ROOT

_UNITS: Final = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
_DOSES: Final = 3
_SAMPLE: Final = 600
_MOST: Final = 500
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS charts (key TEXT PRIMARY KEY, version INTEGER, body BLOB);
    CREATE TABLE IF NOT EXISTS doses (key TEXT PRIMARY KEY, chart TEXT);
    CREATE TABLE IF NOT EXISTS submissions
        (msh_10 TEXT PRIMARY KEY, file TEXT, clinic TEXT, state TEXT, row_count INTEGER, row_list TEXT, body BLOB);
    CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, body BLOB);
    CREATE TABLE IF NOT EXISTS sent (msh_10 TEXT PRIMARY KEY, times INTEGER);
"""


class _Base:
    """A SQLite file, which outlives the process that is killed: each write is one transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
        # Data handed to the kernel survives a killed process.
        self._base.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _TABLES)

    def close(self) -> None:
        self._base.close()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._base.execute(statement, values).fetchall()

    def changes(self, statement: str, *values: Any) -> bool:
        with self._lock:
            return self._base.execute(statement, values).rowcount == 1


class _Charts:
    """Port `Charts`, as far as convert asks."""

    def __init__(self, base: _Base) -> None:
        self._base = base

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        found = self._base.rows(f"SELECT key, body FROM charts WHERE key IN ({marks})", *wanted)
        return {key: pickle.loads(body) for key, body in found}

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        return [self.save(chart) for chart in charts]

    def save(self, chart: Chart) -> bool:
        body = pickle.dumps(chart)
        if chart.version == 1:
            return self._base.changes("INSERT OR IGNORE INTO charts VALUES (?, ?, ?)", chart.key, 1, body)
        change = "UPDATE charts SET version = ?, body = ? WHERE key = ? AND version = ?"
        return self._base.changes(change, chart.version, body, chart.key, chart.version - 1)


class _DoseIndex:
    """Port `DoseIndex`."""

    def __init__(self, base: _Base) -> None:
        self._base = base

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        return dict(self._base.rows(f"SELECT key, chart FROM doses WHERE key IN ({marks})", *wanted))

    def add(self, charts: Mapping[str, str]) -> dict[str, str]:
        for key, chart in charts.items():
            self._base.rows("INSERT OR IGNORE INTO doses VALUES (?, ?)", key, chart)
        return {key: found for key, found in self.find(charts).items() if found != charts[key]}


class _Submissions:
    """Port `Submissions`, as far as convert asks."""

    def __init__(self, base: _Base) -> None:
        self._base = base

    def patient_key(self) -> bytes:
        return b"synthetic"

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        return (found for found in map(self.get, msh_10s) if found is not None)

    def add_all(self, submissions: Sequence[Submission]) -> None:
        for submission in submissions:
            self._add(submission)

    def _add(self, submission: Submission) -> None:
        # The messages of a million doses need not be kept; redelivery compares visits.
        body = pickle.dumps(replace(submission, vxu=""))
        rows = json.dumps(submission.visit.rows)
        row = (submission.msh_10, submission.file_id, submission.clinic, submission.state.value, submission.row_count)
        self._base.changes("INSERT OR IGNORE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?)", *row, rows, body)

    def get(self, msh_10: str) -> Submission | None:
        for (body,) in self._base.rows("SELECT body FROM submissions WHERE msh_10 = ?", msh_10):
            return cast(Submission, pickle.loads(body))
        return None


class _Files:
    """Port `Files`, as far as convert asks."""

    def __init__(self, base: _Base) -> None:
        self._base = base

    def begin(self, summary: FileSummary) -> bool:
        return self._base.changes("INSERT OR IGNORE INTO files VALUES (?, ?)", summary.file_id, pickle.dumps(summary))

    def save(self, summary: FileSummary) -> None:
        self._base.rows("INSERT OR REPLACE INTO files VALUES (?, ?)", summary.file_id, pickle.dumps(summary))

    def only(self) -> FileSummary | None:
        """The one file of this ledger; None before its first invocation wrote it down."""
        for (body,) in self._base.rows("SELECT body FROM files"):
            return self._counted(pickle.loads(body))
        return None

    def summary(self, file_id: str) -> FileSummary | None:
        for (body,) in self._base.rows("SELECT body FROM files WHERE id = ?", file_id):
            return cast(FileSummary, pickle.loads(body))
        return None

    def get(self, file_id: str) -> FileSummary | None:
        summary = self.summary(file_id)
        return self._counted(summary) if summary else None

    def _counted(self, summary: FileSummary) -> FileSummary:
        query = "SELECT clinic, state, sum(row_count) FROM submissions WHERE file = ? GROUP BY clinic, state"
        counts = self._base.rows(query, summary.file_id)
        return replace(summary, places=tuple((clinic, State(state), rows) for clinic, state, rows in counts))


class _SearchKeys:
    def add(self, values: Sequence[SearchTerm]) -> None:
        pass


class _Backfills:
    def take_from_quota(self, lane: BackfillLane, day: date, count: int) -> QuotaUse:
        return QuotaUse(count)

    def take_from_pace(self, minute: datetime, count: int) -> int:
        return count


class KeptLedger:
    """Ledger and queues in a SQLite file."""

    def __init__(self, path: Path) -> None:
        self._base = _Base(path)
        self.charts, self.submissions, self.files = _Charts(self._base), _Submissions(self._base), _Files(self._base)
        self.dose_index, self.states = _DoseIndex(self._base), None
        self.search_keys, self.backfills = _SearchKeys(), _Backfills()

    def close(self) -> None:
        self._base.close()

    def depth(self) -> int:
        return 0

    def send(self, messages: Sequence[OutboxMessage | str]) -> None:
        for message in messages:
            msh_10 = message if isinstance(message, str) else message.msh_10
            more = "INSERT INTO sent VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1"
            self._base.rows(more, msh_10)

    def faults(self, rows: int) -> Iterator[str]:
        """Yield what is wrong with the result."""
        one = self._base.rows("SELECT count(*), sum(row_count) FROM submissions")[0]
        if one[1] != rows:
            yield f"the submissions have {one[1]} rows and the file {rows}"
        seen = [
            tuple(row) for (text,) in self._base.rows("SELECT row_list FROM submissions") for row in json.loads(text)
        ]
        if len(set(seen)) != rows or len(seen) != rows:
            yield f"{len(seen)} rows stand in submissions, {len(set(seen))} different ones"
        made = self._base.rows("SELECT body FROM charts")
        drafted = sum(len(work.made) for (body,) in made for work in pickle.loads(body).works)
        if drafted != one[0]:
            yield f"the charts name {drafted} submissions and there are {one[0]}"
        lost = self._base.rows("SELECT count(*) FROM submissions WHERE msh_10 NOT IN (SELECT msh_10 FROM sent)")[0][0]
        if lost:
            yield f"{lost} submissions were never queued"

    def sent(self) -> tuple[int, int]:
        """Return the number of different references that were queued, and of all; the outbox drops duplicates."""
        return cast(tuple[int, int], self._base.rows("SELECT count(*), sum(times) FROM sent")[0])


def _bucket(kind: str, rows: int) -> Bucket:
    return FhirBucket(rows, _DOSES) if kind == "fhir" else Bucket(rows, _DOSES)


def _bytes(kind: str, rows: int) -> int:
    bucket = _bucket(kind, rows)
    items = [StoredObject(bucket.key, "v1", 1, NEWEST)] if kind == "csv" else list(bucket.list(""))
    return sum(_length(bucket.open(item)) for item in items)


def _length(stream: IO[bytes]) -> int:
    return sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b""))


# one invocation -------------------------------------------------------------------------------------------------------


def invocation(base: Path, kind: str, rows: int, seconds: float) -> dict[str, Any]:
    """Calls convert once with `seconds` of processor time; returns how far it came."""
    bucket = _bucket(kind, rows)
    with closing(KeptLedger(base)) as ledger:
        return _converted(ledger, bucket, seconds)


def _converted(ledger: Any, bucket: Bucket, seconds: float) -> dict[str, Any]:
    # Processor time, so that other work on this machine does not shorten an invocation.
    began = time.process_time()
    configurations: Any = Fixed(records.CONFIGURATION)
    convert = Convert(
        submissions=ledger.submissions,
        charts=ledger.charts,
        dose_index=ledger.dose_index,
        states=ledger.states,
        files=ledger.files,
        search_keys=ledger.search_keys,
        backfills=ledger.backfills,
        outbox=ledger,
        resubmission=ledger,
        objects=bucket,
        configurations=configurations,
        clock=SystemClock(),
        second_opinion=Hl7apyOpinion(),
        bucket="bench",
    )
    done = convert(bucket.key, "", lambda: CONVERT_RESERVE + seconds - (time.process_time() - began))
    if isinstance(done, Ignored):
        # The invocation before had finished, but was killed before it could print its result.
        done = ledger.files.only()
    assert isinstance(done, FileSummary | Unfinished), done
    whole = isinstance(done, FileSummary) and done.adds_up and done.complete
    return {"rows": done.rows, "done": isinstance(done, FileSummary), "adds_up": whole, "peak": peak_mib()}


# all of them ----------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Generate and convert the export; return 0 if everything adds up."""
    given = _arguments(arguments)
    if given.base is not None:
        print(json.dumps(invocation(given.base, given.kind, given.rows, given.seconds)))  # noqa: T201 - its purpose
        return 0
    number, unit = re.fullmatch(r"(\d+)([kMG]B)", given.size).groups()  # type: ignore[union-attr]
    rows = int(number) * _UNITS[unit] * _SAMPLE // _bytes(given.kind, _SAMPLE)
    _say(f"{given.kind}, {rows:,} rows, {given.size}; {given.seconds} s an invocation, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="vaxline-big-") as folder:
        return _run(Path(folder) / "ledger.sqlite", given, rows)


@dataclass(slots=True)
class _Course:
    """The invocations of a file, one after the other."""

    base: Path
    given: argparse.Namespace
    rows: int
    turns: int = 0
    killed: int = 0
    peak: float = 0.0
    adds_up: bool = False

    def run(self) -> bool:
        """Run the invocations; return whether the file is complete."""
        given = self.given
        chance = random.Random(given.seed)
        longest = float(given.seconds)
        for turn in range(1, _MOST):
            start = time.monotonic()
            # The killed ones may be killed at any point, also while they read.
            until = chance.uniform(0, longest) if chance.random() < given.kills else None
            said = _invoke(self, until)
            took = time.monotonic() - start
            self.turns = turn
            if said is None:
                self.killed += 1
                _say(f"  {turn}: killed after {took:.0f} s")
                continue
            self.peak, longest = max(self.peak, said["peak"]), max(took, 1.0)
            _say(f"  {turn}: {said['rows']:,} rows after {took:.0f} s, peak {said['peak']:.0f} MiB")
            self.adds_up = said["adds_up"]
            if said["done"]:
                return True
        _say(f"not done after {_MOST} invocations")
        return False


def _run(base: Path, given: argparse.Namespace, rows: int) -> int:
    began = time.monotonic()
    course = _Course(base, given, rows)
    return _end(course, time.monotonic() - began) if course.run() else 1


def _invoke(course: _Course, until: float | None) -> dict[str, Any] | None:
    """The result of an invocation; None if it was killed."""
    given = course.given
    own = [
        "--base",
        str(course.base),
        "--rows",
        str(course.rows),
        "--kind",
        given.kind,
        "--seconds",
        str(given.seconds),
    ]
    command = [sys.executable, "-m", "tests.benchmarks", "big", *own]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            out, _ = process.communicate(timeout=until)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    if process.returncode:
        raise RuntimeError(f"an invocation ended with {process.returncode}")
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said


def _end(course: _Course, seconds: float) -> int:
    with closing(KeptLedger(course.base)) as ledger:
        faults = list(ledger.faults(course.rows))
        different, times = ledger.sent()
        file = ledger.files.only()
    if not course.adds_up:
        faults.append("the counts of the last invocation do not add up")
    if file is None or not (file.complete and file.adds_up and file.rows == course.rows):
        faults.append(f"the file's counts do not add up: {file}")
    _say(
        f"{course.turns} invocations, {course.killed} killed, {seconds:.0f} s; peak {course.peak:.0f} MiB; "
        f"{different:,} references queued, {times - different:,} of them again"
    )
    _say("the counts add up" if not faults else "\n".join(faults))
    return 1 if faults else 0


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks big", description=__doc__)
    parser.add_argument("--size", default="1GB", help="of the export: 500kB, 20MB, 1GB …")
    parser.add_argument("--kind", choices=("csv", "fhir"), default="fhir")
    parser.add_argument(
        "--seconds", type=float, default=240, help="of processor time that an invocation has, instead of 840"
    )
    parser.add_argument("--kills", type=float, default=0.5, help="fraction of the invocations that are killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its purpose
