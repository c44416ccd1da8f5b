"""docs/performance.md, from the last run: the table as measured, and why what is not met is not."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.measure import shown

PAGE: Final = Path("docs/performance.md")

_HEAD: Final = """# Speed

This page is for developers: it compares vaxline's speed with other libraries and with lower limits.

It shows the last run of `make bench`, of {day}, on {cores} cores (Python {python}). `python -m tests.benchmarks page` writes it from
`build/bench.json`. Figures are medians. They are CPU time, except where waiting is measured (batches and deliveries). Compared
figures were measured in turn, because machines are noisy. No test passes or fails by time.

| what | measured | beside | ratio | reach | |
| --- | ---: | --- | ---: | --- | --- |
"""

# First words of a row's name and of its peer → why it is not met, where it is not.
_WHY: Final = (
    (
        "build a VXU",
        "f-string floor",
        (
            "The floor checks nothing: it assumes that every field is present and that no value holds a delimiter. "
            "vaxline encodes every leaf, because a leaf that is not encoded can start a segment."
        ),
    ),
    (
        "build a VXU, 1 dose",
        "hl7apy",
        (
            "On a busy machine the ratio varies with the other load. With three doses, where more of the message is "
            "built, it is more than twice the target."
        ),
    ),
    (
        "build a VXU, 1 dose",
        "python-hl7",
        (
            "A message of one dose is mostly fixed parts, which the library joins from ready texts. The ratio varies "
            "from 23 to 50 between runs on a busy machine, and only the smaller figure counts."
        ),
    ),
    (
        "ACK",
        "",
        (
            "An outcome with located errors says which dose an ERR means, and for that our own message is read too. "
            "*Doses found* is a library that does the same. *Fields read* does less: the library only reads the "
            "fields of the ACK, and ours is still compared with the same target ratio. Two of the three ERRs repeat "
            "and are remembered; the third is new in each ACK. A third of the time is spent on finding the segments "
            "and reading the third ERR, a fifth on finding the dose, and no single function dominates: the ratio "
            "varies from 17 to 21 with the machine."
        ),
    ),
    (
        "convert",
        "",
        (
            "The difference between the rows with and without boto3 is some twenty calls for 100 visits, which "
            "botocore signs, sends and parses one by one: 25 conditional statements or ten references in a call (ADR "
            "0016), and one call for all search keys (ADR 0011). The rest is ours: the checks of record and message, "
            "reading the rows, and the second opinion. Measured on one core, where threads do not wait for each "
            "other's lock. Converting a million rows costs some 0.02 USD of Lambda time, and is a hundred times "
            "faster than the IIS takes them."
        ),
    ),
    (
        "local run",
        "",
        ("moto reads expressions and requests one at a time in Python, so this depends on the machine's speed."),
    ),
    (
        "all checks",
        "",
        ("The checks read the record and then every segment of its message, by the profile Z22."),
    ),
    (
        "cold start",
        "",
        (
            "The JSON logger and the catalogue of findings come on top of boto3's clients; submit also needs zeep, "
            "lxml and the WSDL. Both sides run in the package alone, as in Lambda. `tests/functions/test_cold_start.py` "
            "limits the imports."
        ),
    ),
    ("package", "", "The required libraries have this size."),
)

_TAIL: Final = """
## The local run

10,000 doses from exports to outcomes, most of them as a backfill: with moto, and with ports in memory (`tests/fakes`) over
SOAP to the same simulated CT WiZ. moto alone sorts the whole table for a query, counts a queue for each message, and makes an
item again for each attribute of an index; `local/aws/moto_speed.py` avoids that, and a test compares its answers with moto's
own. The remaining time is moto's reading of expressions and requests, one at a time, and botocore's signing and parsing on
the side of vaxline.

## Memory

Rows wait in a temporary SQLite file whose page cache is limited to 32 MiB. Nothing else grows with a file. The rows on peak
memory ran `python -m tests.benchmarks.convert_once csv ROWS 3 none`, with 100,000 rows and with 1,000,000.

## Files of any size

A file that outlasts its invocation continues in the next one from a checkpoint: the number of visits taken up, in the
reader's order, and a checksum over their rows
([adr/0019](adr/0019-one-invocation-after-the-other-converts-a-file.md) has the reasons and the limits).

- `python -m tests.benchmarks big` makes a large export while it is read, and converts it in processes that run out of time or
  are killed at random points; [scale.md](scale.md) has its last run.
- `tests/benchmarks/test_big.py` does the same with 1 MB.
- `tests/shared/usecases/intake/test_convert_in_parts.py` kills conversions at their writes.
"""


def write(bench: dict[str, Any], when: datetime, note: str = "") -> None:
    """Writes the page from the rows of build/bench.json; `note` says what was special about the run."""
    text = _HEAD.format(day=f"{when:%Y-%m-%d}", cores=os.cpu_count(), python=platform.python_version())
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
        text += "\n## Targets not met\n\n" + "\n\n".join(reasons) + "\n"
    text += _TAIL
    PAGE.write_text(text, "utf-8")
