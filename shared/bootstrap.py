"""The one place that wires ports to adapters, for the functions, the console, the local run and the tests.

Clients and use cases are made once per process, when they are first used, and most modules are imported only then. So
the cold start of a function includes only what that function uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from shared.adapters.aws.sqs import SqsIntake, SqsOutbox, SqsResubmissionQueue
from shared.adapters.clock import SystemClock
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.settings import (
    INBOX_PREFIX,
    LOCAL_STAGE,
    QUERY,
    QUERY_ANSWER_CAP_BYTES,
    QUERY_FILES_PREFIX,
    REPORTS_PREFIX,
    UNREAD_AFTER,
    QueueSettings,
    Runtime,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

    from shared.adapters.aws.lambda_query import LambdaQuery
    from shared.adapters.aws.s3 import S3Configurations, S3FileStore, S3Objects
    from shared.adapters.aws.secrets_manager import SecretsManagerSecrets
    from shared.domain.clinics import Network
    from shared.domain.hl7.qbp import Request
    from shared.ports.audit import AuditTrail
    from shared.ports.iis import Iis
    from shared.usecases.correction.closing import Closing
    from shared.usecases.correction.correct import Correct
    from shared.usecases.correction.notices import Notices
    from shared.usecases.correction.remedy import Remedies
    from shared.usecases.correction.triage import Triage
    from shared.usecases.delivery.backfill import Backfill
    from shared.usecases.delivery.deliver import Deliver
    from shared.usecases.delivery.submit import Submit
    from shared.usecases.delivery.sweep import Sweep
    from shared.usecases.delivery.trial_round import Round, TrialRound
    from shared.usecases.delivery.valve import ValveCheck
    from shared.usecases.intake.convert import Convert
    from shared.usecases.intake.unread import UnreadFiles
    from shared.usecases.registry.connection import TestConnection, Tested
    from shared.usecases.registry.query import Asked, Query
    from shared.usecases.registry.query_files import QueryFiles
    from shared.usecases.registry.reconcile import Reconcile
    from shared.usecases.reporting.daily import DailyReports
    from shared.usecases.reporting.day_tallies import DayTallies
    from shared.usecases.reporting.expectations import Expectations
    from shared.usecases.reporting.search import Search

CLIENT_OPTIONS: Final[dict[str, Any]] = {
    "retries": {"mode": "standard", "max_attempts": 5},
    "max_pool_connections": 25,
}
"""Options of every AWS client. convert writes from 16 threads and queues from four others."""

_CLIENT: Final = Config(**CLIENT_OPTIONS)


class Application:
    """The adapters and use cases of one process, wired for its stage."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.session = boto3.Session(region_name=runtime.region)
        self.clock = SystemClock()

    @cached_property
    def ledger(self) -> DynamoLedger:
        return DynamoLedger(self._dynamodb, self.runtime.table)

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return self.session.client("dynamodb", config=_CLIENT)

    @cached_property
    def outbox(self) -> SqsOutbox:
        return SqsOutbox(self._sqs, self.runtime.outbox_url)

    @cached_property
    def resubmission(self) -> SqsResubmissionQueue:
        return SqsResubmissionQueue(self._sqs, self.runtime.resubmission_url)

    @cached_property
    def intake(self) -> SqsIntake:
        return SqsIntake(self._sqs, self.runtime.intake_url)

    @cached_property
    def audit(self) -> AuditTrail:
        from shared.adapters.ledger.audit import DynamoAuditTrail

        return DynamoAuditTrail(self._dynamodb, self.runtime.table)

    @cached_property
    def objects(self) -> S3Objects:
        from shared.adapters.aws.s3 import S3Objects

        return S3Objects(self._s3, self.runtime.bucket)

    @cached_property
    def configurations(self) -> S3Configurations:
        from shared.adapters.aws.s3 import S3Configurations

        return S3Configurations(self._s3, self.runtime.bucket)

    @property
    def is_configured(self) -> bool:
        """Whether a clinics.toml is in force. A new stage has none before its first `vaxline config push`."""
        try:
            self.configurations.current()
        except LookupError:
            return False
        return True

    @cached_property
    def secrets(self) -> SecretsManagerSecrets:
        from shared.adapters.aws.secrets_manager import SecretsManagerSecrets

        return SecretsManagerSecrets(self.session.client("secretsmanager", config=_CLIENT), self.runtime.stage)

    @cached_property
    def iis(self) -> Iis:
        from shared.adapters.iis.soap import SoapIis

        return SoapIis(network=self._network)

    def _network(self) -> Network:
        """Return the way to the IIS, as of a minute ago at most; the direct one before the first `config push`."""
        from shared.domain.clinics import Network

        try:
            return self.configurations.current().iis.network
        except LookupError:
            return Network()

    @cached_property
    def convert(self) -> Convert:
        from shared.adapters.hl7apy_opinion import Hl7apyOpinion
        from shared.usecases.intake.convert import Convert

        return Convert(
            submissions=self.ledger.submissions,
            states=self.ledger.states,
            charts=self.ledger.charts,
            dose_index=self.ledger.dose_index,
            files=self.ledger.files,
            search_keys=self.ledger.search_keys,
            backfills=self.ledger.backfills,
            outbox=self.outbox,
            resubmission=self.resubmission,
            objects=self.objects,
            configurations=self.configurations,
            clock=self.clock,
            second_opinion=Hl7apyOpinion(),
            bucket=self.runtime.bucket,
        )

    @cached_property
    def submit(self) -> Submit:
        from shared.usecases.delivery.submit import Submit

        return Submit(
            submissions=self.ledger.submissions,
            charts=self.ledger.charts,
            states=self.ledger.states,
            outcomes=self.ledger.outcomes,
            stops=self.ledger.stops,
            resubmission=self.resubmission,
            configurations=self.configurations,
            secrets=self.secrets,
            iis=self.iis,
            clock=self.clock,
            retry_scale=self.runtime.retry_scale,
        )

    @cached_property
    def deliver(self) -> Deliver:
        from shared.usecases.delivery.deliver import Deliver

        return Deliver(submit=self.submit, outbox=self.outbox)

    def certificate_days(self, clinics: Iterable[str]) -> int | None:
        """Return the days until the first client certificate of these clinics expires; None if none has one."""
        from shared.usecases.delivery.certificate import days_left

        return days_left(clinics, self.configurations.current(), self.secrets, self.clock.now())

    @cached_property
    def triage(self) -> Triage:
        from shared.usecases.correction.triage import Triage

        return Triage(
            submissions=self.ledger.submissions,
            outcomes=self.ledger.outcomes,
            worklist=self.ledger.worklist,
            backlog=self.ledger.backlog,
            outbox=self.outbox,
            clock=self.clock,
        )

    @cached_property
    def correct(self) -> Correct:
        from shared.usecases.correction.correct import Correct

        return Correct(
            submissions=self.ledger.submissions,
            charts=self.ledger.charts,
            search_keys=self.ledger.search_keys,
            backlog=self.ledger.backlog,
            outbox=self.outbox,
            resubmission=self.resubmission,
            configurations=self.configurations,
            clock=self.clock,
        )

    @cached_property
    def remedies(self) -> Remedies:
        from shared.usecases.correction.remedy import Remedies

        return Remedies(submissions=self.ledger.submissions, worklist=self.ledger.worklist, correct=self.correct)

    @cached_property
    def closing(self) -> Closing:
        from shared.usecases.correction.closing import Closing

        ledger = self.ledger
        return Closing(
            submissions=ledger.submissions, states=ledger.states, worklist=ledger.worklist, files=ledger.files
        )

    @cached_property
    def query_iis(self) -> Iis:
        """The IIS for queries, whose answers may be longer than ACKs."""
        from shared.adapters.iis.soap import SoapIis

        return SoapIis(cap=QUERY_ANSWER_CAP_BYTES, network=self._network)

    @cached_property
    def query(self) -> Query:
        from shared.usecases.registry.query import Query

        return Query(
            stops=self.ledger.stops,
            configurations=self.configurations,
            secrets=self.secrets,
            iis=self.query_iis,
            clock=self.clock,
            retry_scale=self.runtime.retry_scale,
        )

    @cached_property
    def ask(self) -> Callable[[Request, str], Asked]:
        """Asks one query: on the local stage here, else through the stage's function, which has the credentials."""
        return self.query if self.runtime.stage == LOCAL_STAGE else self._query_function

    @cached_property
    def test_connection(self) -> Callable[[str], Tested]:
        """Tests the connection to the IIS from where delivery calls it: on the local stage here, else by a function."""
        local = self.runtime.stage == LOCAL_STAGE
        return self.test_connection_here if local else self._query_function.test_connection

    @cached_property
    def test_connection_here(self) -> TestConnection:
        from shared.usecases.registry.connection import TestConnection

        stage = self.runtime.stage
        function = f"the function {QUERY.physical_name(stage)}, by the way out of delivery"
        return TestConnection(
            configurations=self.configurations,
            secrets=self.secrets,
            iis=self.query_iis,
            spoken_from="this machine" if stage == LOCAL_STAGE else function,
        )

    @cached_property
    def _query_function(self) -> LambdaQuery:
        from shared.adapters.aws.lambda_query import LambdaQuery

        # No retries: a query is asked once (ADR 0010), and the person who waits for it may ask again.
        options = {**CLIENT_OPTIONS, "retries": {"total_max_attempts": 1}, "read_timeout": QUERY.timeout + 10}
        client = self.session.client("lambda", config=Config(**options))
        return LambdaQuery(client, QUERY.physical_name(self.runtime.stage))

    @cached_property
    def query_files(self) -> QueryFiles:
        from shared.adapters.aws.s3 import S3FileStore
        from shared.usecases.registry.query_files import QueryFiles

        return QueryFiles(
            files=S3FileStore(self._s3, self.runtime.bucket, QUERY_FILES_PREFIX),
            objects=self.objects,
            configurations=self.configurations,
            ask=self.query,
            clock=self.clock,
            retry_scale=self.runtime.retry_scale,
        )

    @cached_property
    def reconcile(self) -> Reconcile:
        from shared.usecases.registry.reconcile import Reconcile

        return Reconcile(
            submissions=self.ledger.submissions,
            states=self.ledger.states,
            search_keys=self.ledger.search_keys,
            outcomes=self.ledger.outcomes,
            configurations=self.configurations,
            ask=self.ask,
            clock=self.clock,
        )

    @cached_property
    def search(self) -> Search:
        from shared.usecases.reporting.search import Search

        return Search(
            submissions=self.ledger.submissions,
            search_keys=self.ledger.search_keys,
            files=self.ledger.files,
            outcomes=self.ledger.outcomes,
            worklist=self.ledger.worklist,
            backlog=self.ledger.backlog,
            backfills=self.ledger.backfills,
        )

    @cached_property
    def inbox(self) -> S3FileStore:
        """The inbox, for exports that a person puts there through vaxline."""
        from shared.adapters.aws.s3 import S3FileStore

        return S3FileStore(self._s3, self.runtime.bucket, INBOX_PREFIX)

    @cached_property
    def report(self) -> DailyReports:
        from shared.usecases.reporting.daily import DailyReports

        return DailyReports(
            tallies=self.tallies,
            worklist=self.ledger.worklist,
            stops=self.ledger.stops,
            configurations=self.configurations,
            store=self._report_store,
            clock=self.clock,
            stage=self.runtime.stage,
        )

    @cached_property
    def tallies(self) -> DayTallies:
        from shared.usecases.reporting.day_tallies import DayTallies

        return DayTallies(
            outcomes=self.ledger.outcomes,
            store=self._report_store,
            configurations=self.configurations,
            clock=self.clock,
        )

    def local_now(self) -> datetime:
        """Return the time on the clock of `iis.time_zone`, by which people see days and times."""
        from zoneinfo import ZoneInfo

        return self.clock.now().astimezone(ZoneInfo(self.configurations.current().iis.time_zone))

    @cached_property
    def _report_store(self) -> S3FileStore:
        from shared.adapters.aws.s3 import S3FileStore

        return S3FileStore(self._s3, self.runtime.bucket, REPORTS_PREFIX)

    @cached_property
    def backfill(self) -> Backfill:
        from shared.usecases.delivery.backfill import Backfill

        return Backfill(
            backfills=self.ledger.backfills,
            stops=self.ledger.stops,
            outbox=self.outbox,
            configurations=self.configurations,
            clock=self.clock,
        )

    @cached_property
    def sweep(self) -> Sweep:
        from shared.usecases.delivery.sweep import Sweep

        return Sweep(
            backlog=self.ledger.backlog,
            stops=self.ledger.stops,
            outbox=self.outbox,
            configurations=self.configurations,
            clock=self.clock,
        )

    @cached_property
    def unread(self) -> UnreadFiles:
        from shared.usecases.intake.unread import UnreadFiles

        return UnreadFiles(
            objects=self.objects,
            files=self.ledger.files,
            configurations=self.configurations,
            clock=self.clock,
            bucket=self.runtime.bucket,
            after=UNREAD_AFTER * self.runtime.retry_scale,
        )

    def redrive(self, queue: QueueSettings) -> int:
        """Move the dead letters of a queue back; return how many there were."""
        from shared.adapters.aws.redrive import redrive

        return redrive(self._sqs, queue, self.runtime.stage, self.runtime.outbox_url)

    def expected(self, *, noting: bool = False) -> Expectations:
        """Return when files are due and credentials expire; `noting` also notes the sources that are not known yet."""
        from shared.usecases.reporting.expectations import read_expectations

        return read_expectations(
            self.ledger.sources, self.ledger.stops, self.configurations.current(), self.clock.now(), noting=noting
        )

    @cached_property
    def notices(self) -> Notices:
        from shared.adapters.ledger.notices import DynamoPendingNotices, SnsTopic
        from shared.usecases.correction.notices import Notices

        return Notices(
            worklist=self.ledger.worklist,
            pending=DynamoPendingNotices(self._dynamodb, self.runtime.table),
            topic=SnsTopic(lambda: self.session.client("sns", config=_CLIENT), self.runtime.notice_topic),
            clock=self.clock,
            stage=self.runtime.stage,
        )

    def _send_round(self, size: int, seconds_left: Callable[[], float]) -> Round:
        """Send a round of the valve's trial. What it needs is loaded then, which is seldom."""
        return self._trial_round(size, seconds_left)

    @cached_property
    def _trial_round(self) -> TrialRound:
        from shared.usecases.delivery.trial_round import TrialRound

        return TrialRound(
            submit=self.submit,
            outbox=self.outbox,
            submissions=self.ledger.submissions,
            clock=self.clock,
            retry_scale=self.runtime.retry_scale,
        )

    @cached_property
    def valve(self) -> ValveCheck:
        from shared.adapters.aws.event_source import EventSourceMapping
        from shared.usecases.delivery.valve import ValveCheck

        client = self.session.client("lambda", config=_CLIENT)
        return ValveCheck(
            stops=self.ledger.stops,
            delivery=EventSourceMapping(client, self.runtime.mapping),
            configurations=self.configurations,
            iis=self.iis,
            trial=self._send_round,
            clock=self.clock,
            retry_scale=self.runtime.retry_scale,
        )

    @cached_property
    def _s3(self) -> S3Client:
        return self.session.client("s3", config=_CLIENT)

    @cached_property
    def _sqs(self) -> SQSClient:
        return self.session.client("sqs", config=_CLIENT)


def application() -> Application:
    """Return the application of this process, as its environment describes it."""
    return Application(Runtime.from_environment())
