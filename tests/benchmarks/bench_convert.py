"""The whole convert handler below the event: rows per second of CPU, peak memory, and hl7apy in its place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from tests.benchmarks import bench_messages, records
from tests.benchmarks.floor import at_that_speed
from tests.benchmarks.measure import Row, each, faster, figure, in_turn

PER_SECOND: Final = 2_500
MANY: Final = 100_000
MORE: Final = 1_000_000


def rows() -> Iterator[Row]:
    tree = [bench_messages._tree(message) for message in records.messages(1)]
    slow = in_turn({"hl7apy": each(lambda number: bench_messages.with_hl7apy(tree[number]), 10)}, rounds=3)
    of_hl7apy = slow["hl7apy"] / 10
    for kind, doses in (("csv", 1), ("csv", 3), ("fhir", 1), ("fhir", 3)):
        measured = _once(kind, MANY, doses, "boto3")
        unit = "rows" if kind == "csv" else "lines"
        name = f"convert {kind.upper()}, {doses} dose{'s' * (doses > 1)} a visit, with boto3"
        yield figure(name, measured["per_second"], f"{unit}/s", least=PER_SECOND)
        own = 1e3 / measured["per_second"]
        yield at_that_speed(name, own * 1e3, most=1e6 / PER_SECOND, floor_took=measured["floor"])
        if doses == 1:
            yield faster(name, own, "ms", peer="with hl7apy building", peer_value=own + of_hl7apy * 1e3, limit=60)
    for doses in (1, 3):
        alone = _once("csv", MANY, doses, "none")["per_second"]
        yield figure(
            f"convert CSV, {doses} dose{'s' * (doses > 1)} a visit, without boto3", alone, "rows/s", least=PER_SECOND
        )
    few, many = (_once("csv", count, 3, "none")["peak"] for count in (MANY, MORE))
    name = f"convert, peak memory of {MORE:,} rows"
    yield figure(name, many, "MiB", most=200)
    ratio = many / few
    yield Row(name, many, "MiB", f"{MANY:,} rows: {few:.0f} MiB", ratio, "≤ 1.1 x", ratio <= 1.1)


def _once(kind: str, count: int, doses: int, aws: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.convert_once", kind, str(count), str(doses), aws]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
