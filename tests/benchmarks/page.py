"""docs/performance.md, from the last run: the table as measured, and why what is not met is not."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.floor import TARGETS_FLOOR
from tests.benchmarks.measure import shown

PAGE: Final = Path("docs/performance.md")

_HEAD: Final = """# Speed

The last run of `make bench`, of {day}, on {cores} cores (Python {python}). `python -m tests.benchmarks page` writes this page
from `build/bench.json`. Machines are noisy: what is compared ran in turn, and the figures are medians. Figures are CPU time
except where waiting is the point (batches and deliveries). Nothing in the test suite passes or fails by time.
{speed}
| what | measured | beside | ratio | reach | |
| --- | ---: | --- | ---: | --- | --- |
"""

# First words of a row's name and of its peer → why it is not met, where it is not.
_WHY: Final = (
    (
        "build a VXU",
        "f-string floor",
        (
            "The floor asks nothing: it knows that every field is there and that no value holds a delimiter. Each leaf of "
            "ours goes through the codec, because one that does not can start a segment."
        ),
    ),
    (
        "build a VXU, 1 dose",
        "hl7apy",
        (
            "On a busy machine the ratio swings with what else runs. With three doses, where more of the message is built, it is "
            "more than twice the target."
        ),
    ),
    (
        "build a VXU, 1 dose",
        "python-hl7",
        (
            "A message of one dose is mostly fixed parts, which the library joins from ready texts; the ratio swings from 23 to 50 "
            "between runs on a busy machine, and only the smaller figure counts."
        ),
    ),
    (
        "ACK",
        "",
        (
            "An outcome with located errors says which dose an ERR means, and for that our own message is read too. A library "
            "that does the same stands beside it as *doses found*. *Fields read* is less: the library only reads the fields of the "
            "ACK, and ours is still held to the same ratio. Two of the three ERRs repeat and are remembered; the third is new in "
            "each ACK. A third of the time goes into finding the segments and what the third ERR says, a fifth into which dose is "
            "meant, and no function stands out any more: the ratio swings from 17 to 21 with the machine."
        ),
    ),
    (
        "convert",
        "",
        (
            "What the rows with boto3 take beyond those without it goes into some twenty calls for 100 visits, which botocore "
            "signs, sends and parses one by one: 25 conditional statements or ten references in a call (ADR 0016), and one "
            "for all that people search by (ADR 0011). The rest is ours: the checks of record and message, reading the rows, and the "
            "second opinion. Measured on one core, where threads do not wait for each other's lock. Converting a million rows "
            "costs some 0.02 USD of Lambda time, and is a hundred times faster than the IIS takes them."
        ),
    ),
    (
        "local run",
        "",
        ("moto reads expressions and requests one at a time in Python, so this goes with the machine's speed."),
    ),
    (
        "all checks",
        "",
        ("They read the record and then, by the profile Z22, every segment of its message."),
    ),
    (
        "cold start",
        "",
        (
            "The JSON logger and the catalogue of findings come on top of boto3's clients; submit has zeep, lxml and the "
            "WSDL besides, which is what it is for. Both sides run in the package alone, as in Lambda. Held by "
            "`tests/functions/test_imports.py`."
        ),
    ),
    ("package", "", "The libraries that it needs are as large as that."),
)

_TAIL: Final = """
## The local run

10,000 doses from exports to outcomes, most of them by turns of the backfill: with moto, and with ports in memory (`tests/fakes`) over
SOAP to the same simulated CT WiZ. moto by itself sorts the whole table for a query, counts a queue for each message, and makes an item
anew for each attribute of an index; `local/aws/moto_speed.py` takes that out, and a test compares its answers with moto's own. What is left
is moto's reading of expressions and requests, one at a time, and botocore's signing and parsing on our side of it.

## Memory

Rows wait in a temporary SQLite file whose page cache ends at 32 MiB, and nothing else grows with a file.
`python -m tests.benchmarks.convert_once csv ROWS 3 none` is what the rows on peak memory ran, with 100,000 rows and with 1,000,000.

## Files of any size

A file that outlasts its invocation goes on in the next one from a checkpoint: the number of visits taken up, in the reader's
order, and a checksum over their rows ([adr/0019](adr/0019-one-invocation-after-the-other-converts-a-file.md) has the reasons and the
limits). `python -m tests.benchmarks big` makes a large export as it is read and converts it in processes that run out of time or are killed at
random points; [scale.md](scale.md) has its last run. `tests/benchmarks/test_big.py` does the same with 1 MB, and
`tests/shared/usecases/intake/test_convert_in_parts.py` kills conversions at their writes.
"""


def _speed(bench: dict[str, Any]) -> str:
    """How fast the machine was in this run, by the same few f-strings that the targets were set by."""
    floors = (row for row in bench["rows"] if row["name"] == "build a VXU, 1 dose" and "floor" in row["peer"])
    took = next((row["value"] / row["ratio"] for row in floors), None)
    if took is None:
        return ""
    return (
        f"Targets in µs and rows a second were set on a machine that built the f-string floor of one dose in {TARGETS_FLOOR:g} µs; "
        f"this run's took {shown(took)} µs, and the machine changes its speed as it runs. So the same targets are told beside the "
        "floor of one dose too. Where that row is met and the one without it is not, what is missing is the machine's speed.\n"
    )


def write(bench: dict[str, Any], when: datetime, note: str = "") -> None:
    """Writes the page from the rows of build/bench.json; `note` says what was special about the run."""
    text = _HEAD.format(
        day=f"{when:%Y-%m-%d}", cores=os.cpu_count(), python=platform.python_version(), speed=_speed(bench)
    )
    if note:
        text = text.replace("\n| what", f"\n{note}\n\n| what", 1)
    reasons: dict[str, None] = {}
    for row in bench["rows"]:
        ratio = "" if row["ratio"] is None else f"{shown(row['ratio'])} x"
        met = {True: "met", False: "**not met**", None: ""}[row["met"]]
        text += f"| {row['name']} | {shown(row['value'])} {row['unit']} | {row['peer']} | {ratio} | {row['reach']} | {met} |\n"
        if row["met"] is False:
            found = (one for one in _WHY if row["name"].startswith(one[0]) and row["peer"].startswith(one[1]))
            name, _, words = next(found, ("", "", ""))
            reasons[f"**{name[:1].upper()}{name[1:]}.** {words}" if words else f"**{row['name']}.** Not known yet."] = (
                None
            )
    if reasons:
        text += "\n## What is not met, and why\n\n" + "\n\n".join(reasons) + "\n"
    text += _TAIL
    PAGE.write_text(text, "utf-8")
