"""What a million messages cost, from counted calls and weighed items: writes docs/scale.md.

python -m tests.benchmarks.cost
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.adapters.clock import SystemClock
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.adapters.ledger.items import submission_item
from shared.adapters.ledger.packing import pack
from shared.bootstrap import CLIENT_OPTIONS
from shared.domain.clinics import Iis
from shared.domain.lifecycle import State
from shared.domain.submission import Attempt
from shared.replaced import replace
from shared.settings import CONVERT, SUBMIT
from shared.usecases.intake.convert import Convert
from tests.benchmarks import bench_delivery, records
from tests.benchmarks.exports import Bucket
from tests.benchmarks.stub import Stub
from tests.fakes.configurations import Fixed

PAGE: Final = Path("docs/scale.md")
THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """USD per `per` of a thing."""

    usd: float
    per: float
    what: str


# AWS's list prices of us-east-1, without free tiers, as of November 2025: to be looked at again when this page is.
PRICES: Final = {
    "write": Price(0.625, 1e6, "DynamoDB write request unit, on demand"),
    "read": Price(0.125, 1e6, "DynamoDB read request unit, on demand"),
    "queue": Price(0.40, 1e6, "SQS standard request"),
    "fifo": Price(0.50, 1e6, "SQS FIFO request"),
    "compute": Price(0.0000133334, 1, "Lambda GB-second, arm64"),
    "invoke": Price(0.20, 1e6, "Lambda request"),
    "key": Price(0.03, 1e4, "KMS request"),
    "log": Price(0.50, 1, "CloudWatch Logs, GB taken in"),
    "store": Price(0.25, 1, "DynamoDB, GB-month"),
    "put": Price(0.005, 1e3, "S3 PUT request"),
    "get": Price(0.0004, 1e3, "S3 GET request"),
    "keep": Price(0.023, 1, "S3, GB-month"),
}
# What a service's bill is made of.
SERVICES: Final = {
    "Lambda": ("compute", "invoke"),
    "SQS": ("fifo", "queue"),
    "DynamoDB": ("write", "read", "store"),
    "S3": ("put", "get", "keep"),
    "KMS": ("key",),
    "logs": ("log",),
}
# A key of the customer's own, a month: for the table, the bucket, the queues and the topic.
_KEYS: Final = 4
_KEY_USD: Final = 1.0
# One export a clinic and day with its doses, and a row of CSV.
_DOSES_A_FILE: Final = 20
# What a file costs besides its messages, estimated: it is put, its head and body read, its event sent, received and deleted
# beside polling, its item written with each state of the file and its daily quota once; its 60 search keys are on 23 of the
# 25 shelves, 18 items more than so many messages of a large file take; and convert runs for 0.7 seconds more, 0.2 of them hl7apy's.
_PER_FILE: Final = {
    "put": 1,
    "get": 3,
    "queue": 6,
    "write": 25,
    "read": 2,
    "invoke": 1,
    "compute": 0.7 * CONVERT.memory / 1024,
}
_ROW_BYTES: Final = 300
_DAYS: Final = 250
# Seconds of CPU that convert takes for a message, and the mean answer time of an IIS (IZ Gateway). Of the time that
# submit runs its ten lanes are at work for this part, while messages wait (docs/performance.md, deliver).
_CONVERT_SECONDS: Final = 0.001
_ANSWER_SECONDS: Final = 2.1
_LANES_AT_WORK: Final = 0.95
# A batch alone, as on a quiet day, waits for its slowest: some 2.6 means.
_SLOWEST_OF_TEN: Final = 2.6
_SUBMIT_SECONDS: Final = _ANSWER_SECONDS / _LANES_AT_WORK / SUBMIT.batch_size
# With the 100 bytes that DynamoDB adds to an entry of an index and to an item.
_INDEX_ENTRY: Final = 300
_VALUE_ENTRY: Final = 560
_ACK: Final = (
    "MSH|^~\\&|CTWIZ|CT0000|VAXLINE|EX0000|20260301120001.123-0500||ACK^V04^ACK|A000000000000000001|P|2.5.1||||||||||Z23"
    "^CDCPHINVS\rMSA|AA|BENCH000000000000001\rZSA|1|1234567^^^^LOG\r"
)


def main() -> None:
    calls, sizes = _counted()
    submission, chart = sizes["submission"], sizes["chart"]
    entry = _units(_INDEX_ENTRY)
    # The first write enters it in by_file and waiting, only by_file follows the state, and the outcome leaves waiting.
    writes = {
        "chart": _units(chart),
        "submission": _units(submission) + 2 * entry,
        "search keys and dose index": calls["PutRequest"] / THOUSAND,
        "claim": _units(submission) + entry,
        "outcome": _units(submission + sizes["attempt"]) + 2 * entry,
        "the day's outcomes": 1,
        "the daily quota": calls["UpdateItem"] / THOUSAND,
    }
    per_message = {
        "write": sum(writes.values()),
        # The last one is the claim's.
        "read": (calls["BatchGetItem keys"] / THOUSAND + 1) * _units(chart, 4096),
        "fifo": (calls["outbox"] + 3 * THOUSAND / 10) / THOUSAND,
        "queue": 0.01,
        "compute": _CONVERT_SECONDS * CONVERT.memory / 1024 + _SUBMIT_SECONDS * SUBMIT.memory / 1024,
        "invoke": 1 / SUBMIT.batch_size,
        # SQS reuses its data key for five minutes, DynamoDB its table key for as long, and S3 the bucket's.
        "key": 0.001,
        "log": 0.4 / 10 / 1e6,
        # Items that stay: the submission with its attempt, its chart, its entries in by_file and in the day, its values.
        "store": (
            submission
            + sizes["attempt"]
            + chart
            + 2 * _INDEX_ENTRY
            + writes["search keys and dose index"] * _VALUE_ENTRY
        )
        / 1e9,
        "put": _PER_FILE["put"] / THOUSAND,
        "get": _PER_FILE["get"] / THOUSAND,
        "keep": _ROW_BYTES / 1e9,
    }
    costs = {name: amount * _MILLION * PRICES[name].usd / PRICES[name].per for name, amount in per_message.items()}
    text = _HEAD + _table(per_message, costs)
    text += (
        _words(calls, sizes, writes, sum(costs.values()))
        + _organizations(costs)
        + _WALLS.format(big=_BIG, convert=CONVERT.max_concurrency)
    )
    PAGE.write_text(text, "utf-8")
    print(f"a million messages: {sum(costs.values()):.2f} USD; {PAGE} is written")  # noqa: T201 - its purpose


def _units(size: int, per: int = 1024) -> int:
    """Request units of an item: a write counts each started KiB, a strongly consistent read each four."""
    return -(-size // per)


def _counted() -> tuple[Counter[str], dict[str, int]]:
    """The calls for 1,000 messages of one dose, and the sizes of what is written."""
    stub = Stub(**CLIENT_OPTIONS)
    sizes: dict[str, int] = {}

    def weigh(request: Any, **_: object) -> None:
        for one in json.loads(request.body)["Statements"]:
            item = dict(zip(re.findall(r"'(\w+)'", one["Statement"]), one["Parameters"], strict=True))
            if item["pk"]["S"].startswith("CHART#"):
                sizes.setdefault("chart", _size(item))

    def count(request: Any, **_: object) -> None:
        stub.calls["PutRequest"] += request.body.count(b'"PutRequest"')

    stub.dynamodb.meta.events.register_first("before-send.dynamodb.BatchWriteItem", count)
    stub.dynamodb.meta.events.register_first("before-send.dynamodb.BatchExecuteStatement", weigh)
    ports: Any = {"configurations": Fixed(records.CONFIGURATION), "objects": Bucket(THOUSAND)}
    ledger = stub.ledger()
    convert = Convert(
        submissions=ledger.submissions,
        charts=ledger.charts,
        dose_index=ledger.dose_index,
        states=ledger.states,
        files=ledger.files,
        search_keys=ledger.search_keys,
        backfills=ledger.backfills,
        outbox=stub.outbox(),
        resubmission=stub.resubmission(),
        clock=SystemClock(),
        second_opinion=Hl7apyOpinion(),
        bucket="bench",
        **ports,
    )
    convert(Bucket.key)
    calls = Counter(stub.calls)
    calls["outbox"] = calls["SendMessageBatch"]
    calls["BatchGetItem keys"] = THOUSAND
    item = submission_item(replace(bench_delivery._submission(0), attempt_count=1))
    sizes["submission"] = _size(item)
    sizes["attempt"] = len(
        pack(Attempt(1, SystemClock().now(), 2.1, State.ACCEPTED, http_status=200, msa_1="AA", ack=_ACK))
    )
    return calls, sizes


def _size(item: dict[str, dict[str, Any]]) -> int:
    """The bytes of an item: of its names and its values, a binary one as it is or in Base64."""
    return sum(len(name) + _length(kind, only) for name, value in item.items() for kind, only in value.items())


def _length(kind: str, value: Any) -> int:
    if kind == "B":
        return len(value) if isinstance(value, bytes) else len(value) * 3 // 4
    return len(json.dumps(value))


_HEAD: Final = """# Scale and cost

This page shows what vaxline costs in AWS, and which quotas limit it. It is for the people who plan a deployment.

`python -m tests.benchmarks.cost` writes it from the calls that 1,000 messages of one dose make against a stub of AWS, from the
sizes of the items that they write, and from AWS's list prices (us-east-1, November 2025, no free tier). submit's calls, the
units of its writes and of the indexes, KMS requests, log volume and the seconds of Lambda are estimated, not counted; the
constants at the head of `tests/benchmarks/cost.py` give the basis.

| what | amount per message | price, USD | per million messages, USD |
| --- | ---: | ---: | ---: |
"""


def _table(per_message: dict[str, float], costs: dict[str, float]) -> str:
    text = ""
    for name, amount in per_message.items():
        price = PRICES[name]
        text += f"| {price.what} | {amount:.3g} | {price.usd:g} per {price.per:,.0f} | {costs[name]:.2f} |\n"
    return text + f"| **all** | | | **{sum(costs.values()):.2f}** |\n"


def _words(calls: Counter[str], sizes: dict[str, int], writes: dict[str, int], total: float) -> str:
    made = ", ".join(
        f"{calls[name]:,} {name}"
        for name in ("BatchExecuteStatement", "BatchWriteItem", "BatchGetItem", "SendMessageBatch")
    )
    units = ", ".join(f"{name} {count:g}" for name, count in writes.items())
    return f"""
Converting one file of 1,000 messages makes {made}. A submission's item has {sizes["submission"]:,} bytes, a chart's
{sizes["chart"]:,}. Write units, indexes included: {units}. Messages of more doses cost less per dose. A row that an export
repeats unchanged costs one read. A message that is retried costs another claim and another outcome.

The target of 10 USD is {"met" if total <= 10 else "not met"}. The cost consists mainly of two parts:

- the write units of one conditional write for each of the four steps that make delivery safe, with their indexes and search
  keys;
- the time that submit waits for the IIS, with its ten workers busy for {_LANES_AT_WORK:.0%} of it. On a quiet day, when a batch comes
  alone, submit's part is {_SLOWEST_OF_TEN * _LANES_AT_WORK:.1f} times as much, because a batch waits for its slowest message: 1 USD more per
  million.
"""


def _organizations(costs: dict[str, float]) -> str:
    total, fixed = sum(costs.values()), 12 * _KEYS * _KEY_USD
    text = f"""
## A year

{_DOSES_A_FILE} messages per clinic and working day, in a file of their own, on {_DAYS} days; USD a year by service. The messages cost as
in the table above; each file costs a few more calls.

| clinics | messages | {" | ".join(SERVICES)} | all |
| ---: | ---: |{" ---: |" * (len(SERVICES) + 1)}
"""
    for clinics in (10, 100, 1000):
        messages = clinics * _DOSES_A_FILE * _DAYS
        bills = {name: messages / _MILLION * sum(costs[one] for one in parts) for name, parts in SERVICES.items()}
        for name, parts in SERVICES.items():
            of_a_file = sum(_PER_FILE.get(one, 0) * PRICES[one].usd / PRICES[one].per for one in parts)
            bills[name] += messages / _DOSES_A_FILE * of_a_file
        bills["KMS"] += fixed
        cells = " | ".join(f"{bill:,.2f}" for bill in bills.values())
        text += f"| {clinics:,} | {messages:,} | {cells} | **{sum(bills.values()):,.0f}** |\n"
    pace = SUBMIT.max_concurrency / _SUBMIT_SECONDS
    # Out of one shard of the index `waiting`, into another, and the item itself (ADR 0014).
    waited = 3 * PRICES["write"].usd
    turns = 20 * _MILLION / Iis("").backfill_per_minute / 1_440
    days = 20 * _MILLION / pace / 86_400
    states = 50
    national = 200 * _MILLION
    return (
        text
        + f"""
KMS includes {_KEYS} keys at {_KEY_USD:g} USD a month each. Alarms, Secrets Manager (0.40 USD a month and clinic) and a fixed address
for egress (the NAT gateway is some 35 USD a month) are not included.

## A backfill of 20 million doses

With one dose per message, {SUBMIT.max_concurrency} submit functions of {SUBMIT.batch_size} calls each, and IZ Gateway's mean answer time of
{_ANSWER_SECONDS} s, vaxline sends {pace:.1f} messages a second. The backfill takes {days:,.0f} days and costs {20 * (total + waited):,.0f} USD.

- A message that waits in a backfill lane costs three more write units: its own and those of the index's two shards.
- The IIS's answer time limits the pace. If the IIS agrees, raise `max_concurrency`: ten times as many calls at once take
  {days / 10:,.0f} days for the same money.
- Converting the doses takes {20 * _MILLION * _CONVERT_SECONDS / 3600:,.0f} hours of one function.
- The messages wait in the ledger and not in a queue. At the default of `iis.backfill_per_minute`, which is below that pace, the
  backfill takes {turns:,.0f} days.

## A national reporter

{states} IISs and {national / _MILLION:,.0f} million messages a year, {national / 365 / 86_400:,.1f} a second on average:

- One stage per IIS, as now: each has its own queues, valve, credentials and profile, so an IIS that is down delays no other.
  That is {states} times the fixed cost ({states * fixed:,.0f} USD a year) and the same cost per message:
  {national / _MILLION * total + states * fixed:,.0f} USD a year. Configuration and console would name the IIS first.
- The EHR's single feed would have to be split by the state that a clinic reports to, before it goes into a stage's inbox.
- If all stages convert as much as they may, {states * (SUBMIT.max_concurrency + CONVERT.max_concurrency):,} functions run at once, of the 1,000 of an
  account. None of the quotas below is reached.
"""
    )


# The last runs of `python -m tests.benchmarks big`, by hand.
_BIG: Final = """`python -m tests.benchmarks big --size 1GB --kind fhir --seconds 80 --kills 0.35 --seed 22`, on 2026-11-29, on two cores shared with
other work.

A FHIR bulk export of 1 GB is made while it is read: 567,677 doses in 189,226 visits. An invocation has 80 s of processor time, and
some are killed. The ledger is a SQLite file; the reader and the conversion are the real ones. Other work took most of both cores,
so the seconds show the order of events, not the speed.

| invocation | ended | doses converted by then | peak memory |
| ---: | --- | ---: | ---: |
| 1 | out of time, after 568 s | 220,500 | 134 MiB |
| 2 | killed after 14 s | 220,500 | |
| 3 | out of time, after 330 s | 397,199 | 137 MiB |
| 4 | killed after 40 s | 397,199 | |
| 5 | out of time, after 134 s | 529,199 | 137 MiB |
| 6, 7, 8 | killed after 123 s, 129 s and 81 s | 529,199 | |
| 9 | done, after 879 s | 567,677 | 137 MiB |

The counts add up: every dose is in one submission, every submission was queued, none of them twice.

[performance.md](performance.md) compares the memory for 1,000,000 rows of CSV and for 100,000."""

_WALLS: Final = """
## Quotas

| what | limit (AWS's defaults, us-east-1, November 2025) | use by vaxline |
| --- | --- | --- |
| FIFO, messages in flight | 120,000 a queue | 20: two functions of ten |
| FIFO, calls | 300 a second and action, ten messages each | one call sends ten; 1,500 visits a second use half of it |
| FIFO, groups | a receive looks through the first 120,000 messages for free groups | reached only if that many messages of few patients wait |
| one partition of the table or an index | 1,000 write units a second | see below |
| table, on demand | 40,000 write units a second | 11 a message: enough for 3,600 messages a second |
| KMS, symmetric keys | 50,000 requests a second and region | 1 in 1,000 messages: data keys are reused for five minutes |
| Lambda, at once | 1,000 an account | submit 2, convert {convert}, one each of the others |
| a search by record number, ORC-3 or lot | a page of a query is 1 MB | one of 25 shelves is read whole (adr/0011): with 5 million messages 24 pages of some 80 ms, two seconds |
| CloudWatch Logs | 5,000 PutLogEvents a second; 0.50 USD a GB | one line a batch of ten, one more a failure: 40 MB a million |
| Lambda, disk and time of convert | 10 GiB, 15 minutes | exports up to some 5 GB of CSV, 6 GB of FHIR (adr/0019, computed) |

The busiest partitions:

- Each chart and each submission is a partition of its own, so the table has no hot partition.
- The index `by_file` has one partition per file, which limits the conversion of one file to some 1,000 visits a second.
  `waiting` has eight shards, `worklist` a partition per clinic.
- Search keys are on 25 shelves, a partition each, by hashes: 25 writes for 100 visits, one on each shelf.
- A day's outcomes are in that day's partition, written as fast as the IIS answers: a hundredth of the limit.
- All files are in the table's partition `FILES`, written once per 5,000 visits of a file.

## A file of 1 GB

{big}
"""


if __name__ == "__main__":
    main()
