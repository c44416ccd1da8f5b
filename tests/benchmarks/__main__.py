"""Runs every benchmark, prints one table with the peers beside us, writes build/bench.json.

    python -m tests.benchmarks [GROUP …]

Nothing passes or fails by time. Groups: messages, convert, delivery, start.
"""

import importlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.measure import Row, shown

GROUPS = ("messages", "convert", "delivery", "start")
OUT = Path("build/bench.json")


def main(groups: list[str]) -> None:
    rows: list[Row] = []
    for group in groups or GROUPS:
        began = time.monotonic()
        rows += _printed(importlib.import_module(f"tests.benchmarks.bench_{group}").rows())
        print(f"  ({group}: {time.monotonic() - began:.0f} s)", file=sys.stderr)  # noqa: T201 - its purpose
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False) + "\n")


def _printed(rows: object) -> list[Row]:
    made = []
    for row in rows:  # type: ignore[attr-defined]
        made.append(row)
        ratio = "" if row.ratio is None else f"{shown(row.ratio)} x"
        met = {True: "met", False: "NOT MET", None: ""}[row.met]
        value = f"{shown(row.value)} {row.unit}"
        print(f"{row.name:<52} {value:>14}  {row.peer:<34} {ratio:>9}  {row.reach:<16} {met}", flush=True)  # noqa: T201
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
