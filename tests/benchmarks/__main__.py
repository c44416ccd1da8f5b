"""Runs every benchmark, prints one table with the peers beside us, writes build/bench.json.

    python -m tests.benchmarks [GROUP …]    groups: messages, convert, delivery, start, local
    python -m tests.benchmarks page [NOTE]  docs/performance.md from the last run
    python -m tests.benchmarks big          a file of 1 GB through conversions that are killed: big.py

Nothing passes or fails by time. A group that is run alone replaces its own rows and keeps the others'.
"""

import importlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import big, page
from tests.benchmarks.measure import Row, shown

GROUPS = ("messages", "convert", "delivery", "start", "local")
OUT = Path("build/bench.json")
PARTS = Path("build/bench")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["big"]:
        sys.exit(big.main(arguments[1:]))
    if arguments[:1] == ["page"]:
        when = datetime.fromtimestamp(OUT.stat().st_mtime, UTC)
        page.write(json.loads(OUT.read_text("utf-8")), when, " ".join(arguments[1:]))
        return
    PARTS.mkdir(parents=True, exist_ok=True)
    for group in arguments or GROUPS:
        began = time.monotonic()
        rows = [asdict(row) for row in _printed(importlib.import_module(f"tests.benchmarks.bench_{group}").rows())]
        (PARTS / f"{group}.json").write_text(json.dumps(rows), "utf-8")
        print(f"  ({group}: {time.monotonic() - began:.0f} s)", file=sys.stderr)  # noqa: T201 - its purpose
    parts = [PARTS / f"{group}.json" for group in GROUPS]
    rows = [row for part in parts if part.exists() for row in json.loads(part.read_text("utf-8"))]
    OUT.write_text(json.dumps({"rows": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _printed(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        ratio = "" if row.ratio is None else f"{shown(row.ratio)} x"
        met = {True: "met", False: "NOT MET", None: ""}[row.met]
        value = f"{shown(row.value)} {row.unit}"
        print(f"{row.name:<52} {value:>15}  {row.peer:<38} {ratio:>9}  {row.reach:<16} {met}", flush=True)  # noqa: T201
        yield row


if __name__ == "__main__":
    main(sys.argv[1:])
