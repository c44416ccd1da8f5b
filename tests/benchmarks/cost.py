"""What a million messages cost, from counted calls and weighed items: writes docs/scale.md.

python -m tests.benchmarks.cost
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb import submission_item
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.adapters.packing import pack
from shared.bootstrap import CLIENT_OPTIONS
from shared.domain.lifecycle import State
from shared.domain.submission import Attempt
from shared.settings import CONVERT, SUBMIT
from shared.usecases.convert import Convert
from tests.benchmarks import bench_delivery
from tests.benchmarks.convert_once import Fixed
from tests.benchmarks.exports import Bucket
from tests.benchmarks.stub import Stub

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
}
# Seconds of CPU that convert takes for a message, and the mean answer time of an IIS (IZ Gateway). Of the time that
# submit runs its ten lanes are at work for this part, while messages wait (docs/performance.md, deliver).
_CONVERT_SECONDS: Final = 0.002
_ANSWER_SECONDS: Final = 2.1
_LANES_AT_WORK: Final = 0.85
# A batch alone, as on a quiet day, waits for its slowest: some 2.6 means.
_SLOWEST_OF_TEN: Final = 2.6
_SUBMIT_SECONDS: Final = _ANSWER_SECONDS / _LANES_AT_WORK / SUBMIT.batch_size
# With the 100 bytes that DynamoDB adds to an entry of an index and to an item.
_INDEX_ENTRY: Final = 300
_VALUE_ENTRY: Final = 200
_ACK: Final = (
    "MSH|^~\\&|CTWIZ|CT0000|VAXLINE|EX0000|20260301120001.123-0500||ACK^V04^ACK|A000000000000000001|P|2.5.1||||||||||Z23"
    "^CDCPHINVS\rMSA|AA|BENCH000000000000001\rZSA|1|1234567^^^^LOG\r"
)


def main() -> None:
    calls, sizes = _counted()
    submission, record = sizes["submission"], sizes["record"]
    entry = _units(_INDEX_ENTRY)
    # The first write enters it in by_file and waiting, only by_file follows the state, and the outcome leaves waiting.
    writes = {
        "record": _units(record),
        "submission": _units(submission) + 2 * entry,
        "search values": calls["PutRequest"] / THOUSAND,
        "claim": _units(submission) + entry,
        "outcome": _units(submission + sizes["attempt"]) + 2 * entry,
        "the day's outcomes": 1,
    }
    per_message = {
        "write": sum(writes.values()),
        "read": calls["BatchGetItem keys"] / THOUSAND * _units(record, 4096),
        "fifo": (calls["outbox"] + 3 * THOUSAND / 10) / THOUSAND,
        "queue": 0.01,
        "compute": _CONVERT_SECONDS * CONVERT.memory / 1024 + _SUBMIT_SECONDS * SUBMIT.memory / 1024,
        "invoke": 1 / SUBMIT.batch_size,
        # SQS reuses its data key for five minutes, DynamoDB its table key for as long, and S3 the bucket's.
        "key": 0.001,
        "log": 0.4 / 10 / 1e6,
        # What stays: the submission with its attempt, its record, its entries in by_file and in the day, its values.
        "store": (submission + sizes["attempt"] + record + 2 * _INDEX_ENTRY + writes["search values"] * _VALUE_ENTRY)
        / 1e9,
    }
    costs = {name: amount * _MILLION * PRICES[name].usd / PRICES[name].per for name, amount in per_message.items()}
    text = _HEAD + _table(per_message, costs)
    text += _words(calls, sizes, writes, sum(costs.values())) + _organizations(costs) + _WALLS
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
        if b'"REC#' in request.body and b'"Item"' in request.body:
            sizes.setdefault("record", len(request.body) * 3 // 4)

    def count(request: Any, **_: object) -> None:
        stub.calls["PutRequest"] += request.body.count(b'"PutRequest"')

    stub.dynamodb.meta.events.register_first("before-send.dynamodb.BatchWriteItem", count)
    stub.dynamodb.meta.events.register_first("before-send.dynamodb.PutItem", weigh)
    ports: Any = {"configurations": Fixed(), "objects": Bucket(THOUSAND)}
    convert = Convert(
        ledger=stub.ledger(),
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
    sizes["submission"] = sum(len(name) + len(_value(value)) for name, value in item.items())
    sizes["attempt"] = len(
        pack(Attempt(1, SystemClock().now(), 2.1, State.ACCEPTED, http_status=200, msa_1="AA", ack=_ACK))
    )
    return calls, sizes


def _value(value: dict[str, Any]) -> bytes:
    (only,) = value.values()
    return only if isinstance(only, bytes) else json.dumps(only).encode()


_HEAD: Final = """# Scale and cost

`python -m tests.benchmarks.cost` writes this page from the calls that 1,000 messages of one dose make against a stub of AWS,
from the sizes of what they write, and from AWS's list prices (us-east-1, November 2025, no free tier). Estimated and not counted
are submit's calls, the units of its writes and of the indexes, KMS requests, log volume and the seconds of Lambda: the
constants at the head of `tests/benchmarks/cost.py` say what they rest on.

| what | of it, per message | price, USD | per million messages, USD |
| --- | ---: | ---: | ---: |
"""


def _table(per_message: dict[str, float], costs: dict[str, float]) -> str:
    text = ""
    for name, amount in per_message.items():
        price = PRICES[name]
        text += f"| {price.what} | {amount:.3g} | {price.usd:g} per {price.per:,.0f} | {costs[name]:.2f} |\n"
    return text + f"| **all** | | | **{sum(costs.values()):.2f}** |\n"


def _words(calls: Counter[str], sizes: dict[str, int], writes: dict[str, int], total: float) -> str:
    made = ", ".join(f"{calls[name]:,} {name}" for name in ("PutItem", "BatchGetItem", "SendMessageBatch"))
    units = ", ".join(f"{name} {count:g}" for name, count in writes.items())
    return f"""
Converting 1,000 messages makes {made}. A submission's item has {sizes["submission"]:,} bytes, a record's
{sizes["record"]:,}. Write units, indexes included: {units}. Messages of more doses cost less per dose, and a row that an
export repeats unchanged costs one read. A message that is retried costs a claim and an outcome more.

The target of 10 USD is {"met" if total <= 10 else "not met"}. What is left is the write units of one conditional write for each of
the four steps that make delivery safe, with the indexes and values that find it again, and the time that submit waits for the
IIS, with its ten lanes at work for {_LANES_AT_WORK:.0%} of it. On a quiet day, when a batch comes alone, submit's part is
{_SLOWEST_OF_TEN * _LANES_AT_WORK:.1f} times as much, since a batch waits for its slowest message: 1 USD more per million.
"""


def _organizations(costs: dict[str, float]) -> str:
    text = """
## A year

| clinics | messages a year (20 a clinic and working day) | USD a year |
| ---: | ---: | ---: |
"""
    fixed = 12 * (4 * 1.0)
    for clinics in (10, 100, 1000):
        messages = clinics * 20 * 250
        text += f"| {clinics:,} | {messages:,} | {messages / _MILLION * sum(costs.values()) + fixed:,.0f} |\n"
    days = 20 * _MILLION * _SUBMIT_SECONDS / 2 / 86_400
    backfill = 20 * sum(costs.values())
    return (
        text
        + f"""
With four keys of KMS at 1 USD a month each; alarms, Secrets Manager (0.40 USD a month and clinic) and a fixed address for
egress (the NAT gateway is some 35 USD a month) come on top where they are used.

A backfill of 20 million doses, one a message, at the pace of two submit functions of ten calls each and IZ Gateway's mean
answer time of {_ANSWER_SECONDS} s takes {days:,.0f} days and costs {backfill:,.0f} USD; the IIS's answer time is what it waits
for, and `max_concurrency` what changes it, as far as the IIS agrees.
"""
    )


_WALLS: Final = """
## The next walls

- The outbox holds at most 120,000 messages in flight (SQS, FIFO); vaxline has twenty at a time. A FIFO queue takes 300 calls a
  second and action without high throughput, 3,000 messages in batches of ten: far more than an IIS takes.
- A record or submission is a partition of its own, so the table has no hot one. The index `by_file` has one partition per file: it
  takes 1,000 write units a second, which is what holds the conversion of one file at some 1,000 visits a second. `waiting` has
  eight shards.
- All files stand in the table's one partition `FILES`, written a few times per file.
- A reporter of several states would bring one IIS profile, endpoint and set of credentials per state: today a stage has one IIS.
"""


if __name__ == "__main__":
    main()
