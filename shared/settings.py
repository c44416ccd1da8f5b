"""Names, sizes and times that the deployed stack and the local run must agree on.

`infra/` makes resources from these values, `local/` plays AWS by them, and a test holds the synthesized template
against them, so that what ran on the laptop is what runs in the account. Times are seconds, sizes MiB, unless the
name says otherwise.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

PRODUCT: Final = "vaxline"
STAGES: Final = ("test", "production")
LOCAL_STAGE: Final = "local"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """One SQS queue and its dead-letter queue."""

    name: str
    fifo: bool
    visibility_timeout: int
    max_receive_count: int
    retention: int = 14 * 86_400

    def physical_name(self, stage: str) -> str:
        """The queue's name in a stage; FIFO names end in `.fifo` (SQS developer guide, FIFO queues)."""
        return f"{PRODUCT}-{stage}-{self.name}" + (".fifo" if self.fifo else "")

    def dead_letter_name(self, stage: str) -> str:
        return f"{PRODUCT}-{stage}-{self.name}-dlq" + (".fifo" if self.fifo else "")


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """One Lambda function, what feeds it, and what it may hold.

    `queue` is the name of the queue it consumes, or None when `every_minutes` schedules it.
    `max_concurrency` is the event source mapping's maximum concurrency (AWS: 2 to 1,000): the rate limit towards the
    IIS.
    """

    name: str
    timeout: int
    memory: int
    ephemeral_storage: int = 512
    queue: str | None = None
    batch_size: int = 1
    batch_window: int = 0
    max_concurrency: int = 2
    every_minutes: int | None = None

    @property
    def handler(self) -> str:
        return f"functions.{self.name.replace('-', '_')}.handler.handler"

    def physical_name(self, stage: str) -> str:
        return f"{PRODUCT}-{stage}-{self.name}"


INTAKE: Final = QueueSettings("intake", fifo=False, visibility_timeout=960, max_receive_count=5)
# Retries wait inside the outbox, so that a patient's later messages wait behind them: a message is received for each
# step of its retries, and for each half hour in which it is in doubt while the valve is closed. The count is the
# most that SQS allows, so that no outage within the retention uses it up. A blocked message raises the alarm `waits`.
OUTBOX: Final = QueueSettings("outbox", fifo=True, visibility_timeout=360, max_receive_count=1000)
RESUBMISSION: Final = QueueSettings("resubmission", fifo=False, visibility_timeout=120, max_receive_count=5)
QUEUES: Final = (INTAKE, OUTBOX, RESUBMISSION)

CONVERT: Final = FunctionSettings(
    "convert", timeout=900, memory=1769, ephemeral_storage=10_240, queue="intake", batch_size=1, max_concurrency=10
)
# It waits for the IIS nearly all the time, and waiting is paid by the MiB: docs/scale.md. Its lanes run empty once in
# each invocation, and what a killed one held comes back after it: five minutes are between the two (ADR 0012).
SUBMIT: Final = FunctionSettings("submit", timeout=300, memory=256, queue="outbox", batch_size=10, max_concurrency=2)
TRIAGE: Final = FunctionSettings("triage", timeout=60, memory=512, queue="resubmission", batch_size=10)
SWEEP: Final = FunctionSettings("sweep", timeout=300, memory=512, every_minutes=15)
# A probe, and a round of messages on trial.
VALVE: Final = FunctionSettings("valve", timeout=300, memory=512, every_minutes=1)
# A few seconds of work each minute, and only while something waits for its turn.
BACKFILL: Final = FunctionSettings("backfill", timeout=55, memory=256, every_minutes=1)
# Somebody waits for its answer: an EHR, a person. Nothing starts it but them.
QUERY: Final = FunctionSettings("query", timeout=90, memory=512)
# Asks about the query files. It ends well before its next start, so that no two ask at once.
QUERY_FILES: Final = FunctionSettings("query-files", timeout=720, memory=512, every_minutes=15)
# Once a day; it counts in memory, and the reports of a busy day take seconds.
REPORT: Final = FunctionSettings("report", timeout=900, memory=1769, every_minutes=1440)
FUNCTIONS: Final = (CONVERT, SUBMIT, TRIAGE, SWEEP, VALVE, BACKFILL, QUERY, QUERY_FILES, REPORT)

RUNTIME: Final = "python3.13"
ARCHITECTURE: Final = "arm64"

# The ledger: one table, three sparse indexes (ADR 0003).
LEDGER_KEY: Final = ("pk", "sk")


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """One global secondary index of the ledger; `projected` are the attributes beside its own keys."""

    name: str
    partition_key: str
    sort_key: str
    projected: tuple[str, ...] = ()


BY_FILE: Final = IndexSettings("by_file", "file_id", "pk", ("state", "row_count", "clinic", "source", "row_list"))
WORKLIST: Final = IndexSettings(
    "worklist", "worklist_clinic", "worklist_key", ("state", "row_count", "source", "causes", "created", "file_id")
)
WAITING: Final = IndexSettings("waiting", "waiting_shard", "waiting_since", ("patient_group", "clinic", "created"))
INDEXES: Final = (BY_FILE, WORKLIST, WAITING)
WAITING_SHARDS: Final = 8
BACKFILL_SHARD: Final = "b"
"""Before the number of a shard of `waiting`: what waits there has no queue message yet (ADR 0014)."""

# Prefixes of the one bucket.
INBOX_PREFIX: Final = "inbox/"
CONFIG_PREFIX: Final = "config/"
REPORTS_PREFIX: Final = "reports/"
QUERY_FILES_PREFIX: Final = "queries/"
# Answers hold the histories of other clinics: they are fetched, and then forgotten with the file that asked.
QUERY_FILES_KEPT_DAYS: Final = 30

# SOAP: limits that IZ Gateway proved in production (facts on transport: connect 15 s, read 60 s, answer cap 64 KiB).
CONNECT_TIMEOUT: Final = 15.0
READ_TIMEOUT: Final = 60.0
ANSWER_CAP_BYTES: Final = 64 * 1024
# A long history with its evaluations and forecast is longer than any ACK.
QUERY_ANSWER_CAP_BYTES: Final = 1024 * 1024
SUBMIT_CONCURRENCY: Final = SUBMIT.batch_size
# A claim outlives the function that made it by a margin; after that the outcome counts as UNKNOWN.
CLAIM_LEASE: Final = SUBMIT.timeout + 20
# Without this much of the function's time left no further message is claimed.
CLAIM_RESERVE: Final = CONNECT_TIMEOUT + READ_TIMEOUT + 10
# With less of its time left convert notes how far it came, and the next invocation goes on from there.
CONVERT_RESERVE: Final = 60.0
# Seconds kept for a slow answer, its retry after a changed password, and the summary: query_files asks nothing after.
QUERY_FILES_RESERVE: Final = 2 * (CONNECT_TIMEOUT + READ_TIMEOUT) + 15
# A reference that was received while the valve was closed comes again after this time, unless the valve has switched
# the event source mapping off by then: it looks every minute.
VALVE_WAIT: Final = 60
# So long a lane counts as waiting after the last sign of something that waits in it; backfill looks every minute.
BACKFILL_LASTS: Final = 600
# A QUEUED submission that waits longer than this without an attempt has lost its queue message: sweep queues it again.
SWEEP_AFTER: Final = 3600
# The sweep shows a file that lies in the inbox unread for longer than this.
UNREAD_AFTER: Final = 3600


@dataclass(frozen=True, slots=True)
class Runtime:
    """The settings that a deployed or local process reads from its environment."""

    stage: str
    table: str
    bucket: str
    outbox_url: str
    resubmission_url: str
    region: str
    retry_scale: float = 1.0
    intake_url: str = ""
    mapping: str = ""
    notice_topic: str = ""

    @classmethod
    def from_environment(cls) -> Runtime:
        """Reads the `VAXLINE_*` variables that the stack sets.

        Raises:
            LookupError: a variable is missing; the text names it.
        """

        def need(name: str) -> str:
            value = os.environ.get(name, "")
            if not value:
                raise LookupError(f"the environment variable {name} is not set; the stack or the local run sets it")
            return value

        return cls(
            stage=need("VAXLINE_STAGE"),
            table=need("VAXLINE_TABLE"),
            bucket=need("VAXLINE_BUCKET"),
            outbox_url=need("VAXLINE_OUTBOX_URL"),
            resubmission_url=need("VAXLINE_RESUBMISSION_URL"),
            region=os.environ.get("AWS_REGION", "us-east-1"),
            retry_scale=float(os.environ.get("VAXLINE_RETRY_SCALE", "1")),
            # Only convert sends to its own queue.
            intake_url=os.environ.get("VAXLINE_INTAKE_URL", ""),
            # Only valve switches what feeds submit.
            mapping=os.environ.get("VAXLINE_MAPPING", ""),
            # Only sweep sends notices.
            notice_topic=os.environ.get("VAXLINE_NOTICE_TOPIC", ""),
        )


def table_name(stage: str) -> str:
    """The ledger table of a stage."""
    return f"{PRODUCT}-{stage}-ledger"


def notice_topic_name(stage: str) -> str:
    """The SNS topic of a stage that tells what waits for a person."""
    return f"{PRODUCT}-{stage}-notices"


def stack_name(stage: str) -> str:
    """The CloudFormation stack of a stage; its outputs Bucket, OutboxUrl and ResubmissionUrl serve the console."""
    return f"{PRODUCT}-{stage}"
