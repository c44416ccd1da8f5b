"""One conversion in its own process, to measure its peak memory; prints one line of JSON.

python -m tests.benchmarks.convert_once csv|fhir ROWS DOSES_PER_VISIT boto3|none [hl7apy]

With `hl7apy`, that library builds messages of one dose beside it, now and then.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.bootstrap import CLIENT_OPTIONS
from shared.domain.chart import Chart
from shared.domain.outcome import SearchTerm
from shared.domain.submission import BackfillLane, FileSummary, Submission
from shared.ports.ledger import QuotaUse
from shared.usecases.intake.convert import Convert
from tests.benchmarks import records
from tests.benchmarks.by_hl7apy import tree_of, with_hl7apy
from tests.benchmarks.exports import Bucket, FhirBucket, OnDisk
from tests.benchmarks.floor import Speed
from tests.benchmarks.stub import Stub, peak_mib
from tests.fakes.configurations import Fixed


class _Submissions:
    def patient_key(self) -> bytes:
        return b"synthetic"

    def add_all(self, submissions: Sequence[Submission]) -> None:
        pass

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        return iter(())


class _Charts:
    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        return {}

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        return [True] * len(charts)


class _DoseIndex:
    def find(self, keys: Iterable[str]) -> dict[str, str]:
        return {}

    def add(self, charts: Mapping[str, str]) -> dict[str, str]:
        return {}


class _Files:
    def summary(self, file_id: str) -> FileSummary | None:
        return None

    get = summary

    def begin(self, summary: FileSummary) -> bool:
        return True

    def save(self, summary: FileSummary) -> None:
        pass


class _SearchKeys:
    def add(self, values: Sequence[SearchTerm]) -> None:
        pass


class _Backfills:
    def take_from_quota(self, lane: BackfillLane, day: date, count: int) -> QuotaUse:
        return QuotaUse(count)

    def take_from_pace(self, minute: datetime, count: int) -> int:
        return count


class Forgetful:
    """Ledger and queues that keep nothing, so that only the memory of convert is measured."""

    def __init__(self) -> None:
        self.submissions, self.charts, self.files = _Submissions(), _Charts(), _Files()
        self.dose_index, self.states = _DoseIndex(), None
        self.search_keys, self.backfills = _SearchKeys(), _Backfills()

    def depth(self) -> int:
        return 0

    def send(self, messages: Sequence[object]) -> None:
        pass


class NothingHeld:
    """The resubmission queue. It must stay empty, because a held row costs less than one that is sent."""

    def send(self, msh_10s: Sequence[str]) -> None:
        assert not msh_10s, f"{len(msh_10s)} rows of a chunk are held"


def main(kind: str, rows: int, doses: int, aws: str, beside: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Bucket(rows, doses) if kind == "csv" else FhirBucket(rows, doses)
        _convert(OnDisk(made, Path(folder)), rows, aws, beside)


def _convert(export: OnDisk, rows: int, aws: str, beside: str) -> None:
    stub = Stub(**CLIENT_OPTIONS)
    nothing: Any = Forgetful()
    is_stubbed = aws == "boto3"
    ledger = stub.ledger() if is_stubbed else nothing
    objects: Any = export
    configurations = Fixed(records.CONFIGURATION)
    convert = Convert(
        submissions=ledger.submissions,
        charts=ledger.charts,
        dose_index=ledger.dose_index,
        states=ledger.states,
        files=ledger.files,
        search_keys=ledger.search_keys,
        backfills=ledger.backfills,
        outbox=stub.outbox() if is_stubbed else nothing,
        resubmission=NothingHeld(),
        objects=objects,
        configurations=configurations,
        clock=SystemClock(),
        second_opinion=Hl7apyOpinion(),
        bucket="bench",
    )
    if hasattr(os, "sched_setaffinity"):
        # Rows per core: on two, threads that wait for each other's lock cost CPU time that no function of one has.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    speed = Speed()
    if beside:
        trees = [tree_of(message) for message in records.messages(1)]
        speed.also(beside, lambda number: with_hl7apy(trees[number]), 1)

    def remaining() -> float:
        # It is asked once a chunk.
        speed.ask(every=max(rows // 3_000, 1))
        return 900.0

    start = time.process_time()
    done = convert(export.key, "", remaining)
    seconds = time.process_time() - start - speed.spent
    assert isinstance(done, FileSummary)
    assert done.rows == rows, done
    said = {"per_second": rows / seconds, "took": speed.took, "peak": peak_mib(), "calls": dict(stub.calls)}
    print(json.dumps(said))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
