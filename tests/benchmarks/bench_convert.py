"""The whole convert handler below the event: CPU of a row beside the floor and hl7apy, and peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from tests.benchmarks.measure import Row, at_most, faster, figure

FLOORS: Final = 150
"""The most that a row may cost, in multiples of the f-string floor of one dose."""
MANY: Final = 100_000
MORE: Final = 1_000_000


def rows() -> Iterator[Row]:
    for kind, doses in (("csv", 1), ("csv", 3), ("fhir", 1), ("fhir", 3)):
        # hl7apy builds messages of one dose beside it: the machine is as fast for both then.
        measured = _once(kind, MANY, doses, "boto3", *(["hl7apy"] if doses == 1 else []))
        unit = "rows" if kind == "csv" else "lines"
        name = f"convert {kind.upper()}, {doses} dose{'s' * (doses > 1)} a visit, with boto3"
        yield figure(name, measured["per_second"], f"{unit}/s")
        own = 1e3 / measured["per_second"]
        floor = measured["took"]["floor"]
        yield at_most(name, own * 1e3, "µs", peer="f-string floor of one dose", peer_value=floor, limit=FLOORS)
        if doses == 1:
            with_hl7apy = own + measured["took"]["hl7apy"] / 1e3
            yield faster(name, own, "ms", peer="with hl7apy building", peer_value=with_hl7apy, limit=35)
    for doses in (1, 3):
        alone = _once("csv", MANY, doses, "none")["per_second"]
        yield figure(f"convert CSV, {doses} dose{'s' * (doses > 1)} a visit, without boto3", alone, "rows/s")
    few, many = (_once("csv", count, 3, "none")["peak"] for count in (MANY, MORE))
    name = f"convert, peak memory of {MORE:,} rows"
    yield figure(name, many, "MiB", most=200)
    ratio = many / few
    yield Row(name, many, "MiB", f"{MANY:,} rows: {few:.0f} MiB", ratio, "≤ 1.1 x", ratio <= 1.1)


def _once(kind: str, count: int, doses: int, aws: str, *beside: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.convert_once", kind, str(count), str(doses), aws, *beside]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
