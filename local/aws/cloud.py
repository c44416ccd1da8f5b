"""AWS on this machine: moto in this process, with the resources of the stack, built from `shared.settings`."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
import botocore.session
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from local.aws import moto_gaps, moto_speed
from shared import settings
from shared.settings import LOCAL_STAGE, QUEUES, QueueSettings, Runtime

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

REGION: Final = "us-east-1"
BUCKET: Final = f"{settings.PRODUCT}-{LOCAL_STAGE}-exports"
_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "POWERTOOLS_METRICS_DISABLED": "true",
}


# Every botocore session parses the JSON models of its services again, which took half of the time of the tests and of
# a local command. With one loader for all sessions each model is parsed once per process.
botocore.session.create_loader = cache(botocore.session.create_loader)

# moto keeps its tables and queues in plain dictionaries, which are not safe for threads.
_lock: Final = threading.RLock()
_call_moto: Final = BotocoreStubber.__call__
_WRITE: Final = re.compile(r"\.(?:dynamodb|s3)\.(?:Put|Update|Delete|Batch(?:Write|Execute)|Copy|Complete)")
_writes = 0


def _call_moto_locked(stubber: BotocoreStubber, event_name: str, *arguments: Any, **named: Any) -> Any:
    global _writes  # noqa: PLW0603 - moto's state is one of the process
    with _lock:
        _writes += _WRITE.search(event_name) is not None
        return _call_moto(stubber, event_name, *arguments, **named)


def writes() -> int:
    """Return a number that grows with every write to the ledger or the bucket."""
    return _writes


class LocalCloud:
    """A context in which boto3 talks to moto and every resource of the local stage exists."""

    def __init__(self, *, retry_scale: float = 0.002) -> None:
        """Create the cloud.

        Args:
            retry_scale: factor for all waits of the retry ladders and schedules, so that retries fit into a demo.
        """
        self._retry_scale = retry_scale
        self._mock = mock_aws()
        self._before: dict[str, str | None] = {}
        self.queue_urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._set_environment(_ENVIRONMENT)
        moto_speed.apply()
        moto_gaps.apply()
        self._mock.start()
        BotocoreStubber.__call__ = _call_moto_locked  # type: ignore[method-assign, assignment]
        self.s3: S3Client = boto3.client("s3", region_name=REGION)
        self.sqs: SQSClient = boto3.client("sqs", region_name=REGION)
        self.sns: Any = boto3.client("sns", region_name=REGION)
        self.secrets: SecretsManagerClient = boto3.client("secretsmanager", region_name=REGION)
        for queue in QUEUES:
            self.queue_urls[queue.name] = self._make_queue(queue)
        self._make_table()
        self._make_bucket()
        self.runtime = Runtime(
            stage=LOCAL_STAGE,
            table=settings.table_name(LOCAL_STAGE),
            bucket=BUCKET,
            outbox_url=self.queue_urls[settings.OUTBOX.name],
            resubmission_url=self.queue_urls[settings.RESUBMISSION.name],
            region=REGION,
            retry_scale=self._retry_scale,
            intake_url=self.queue_urls[settings.INTAKE.name],
            mapping=self._make_mapping(),
            notice_topic=self.sns.create_topic(Name=settings.notice_topic_name(LOCAL_STAGE))["TopicArn"],
        )
        self._set_environment(
            {
                "VAXLINE_STAGE": self.runtime.stage,
                "VAXLINE_TABLE": self.runtime.table,
                "VAXLINE_BUCKET": self.runtime.bucket,
                "VAXLINE_OUTBOX_URL": self.runtime.outbox_url,
                "VAXLINE_RESUBMISSION_URL": self.runtime.resubmission_url,
                "VAXLINE_INTAKE_URL": self.runtime.intake_url,
                "VAXLINE_MAPPING": self.runtime.mapping,
                "VAXLINE_NOTICE_TOPIC": self.runtime.notice_topic,
                "VAXLINE_RETRY_SCALE": str(self.runtime.retry_scale),
            }
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        BotocoreStubber.__call__ = _call_moto  # type: ignore[method-assign]
        self._mock.stop()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def put_secret(self, name: str, username: str, password: str) -> None:
        """Store a clinic's credentials in Secrets Manager, as an operator does."""
        self.secrets.create_secret(
            Name=f"{settings.PRODUCT}/{LOCAL_STAGE}/{name}",
            SecretString=json.dumps({"username": username, "password": password}),
        )

    def _set_environment(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._before.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def _make_queue(self, queue: QueueSettings) -> str:
        common: Any = {"MessageRetentionPeriod": str(queue.retention)}
        if queue.fifo:
            common["FifoQueue"] = "true"
        dead_url = self.sqs.create_queue(QueueName=queue.dead_letter_name(LOCAL_STAGE), Attributes=common)["QueueUrl"]
        dead_arn = self._arn(dead_url)
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": queue.max_receive_count})
        own: Any = {"VisibilityTimeout": str(queue.visibility_timeout), "RedrivePolicy": redrive}
        return self.sqs.create_queue(QueueName=queue.physical_name(LOCAL_STAGE), Attributes=common | own)["QueueUrl"]

    def _make_mapping(self) -> str:
        """Create the event source mapping that the valve switches; return its id.

        It belongs to a queue of its own, since moto would receive messages of the outbox and start Docker. The engine
        invokes submit, and only while this mapping is enabled.
        """
        role = boto3.client("iam", region_name=REGION).create_role(RoleName="submit", AssumeRolePolicyDocument="{}")
        self.functions: LambdaClient = boto3.client("lambda", region_name=REGION)
        self.functions.create_function(
            FunctionName=settings.SUBMIT.physical_name(LOCAL_STAGE),
            Role=role["Role"]["Arn"],
            Runtime=settings.RUNTIME,
            Handler=settings.SUBMIT.handler,
            Code={"ZipFile": b""},
        )
        unused_queue = self.sqs.create_queue(QueueName=f"{settings.PRODUCT}-{LOCAL_STAGE}-switch")["QueueUrl"]
        return self.functions.create_event_source_mapping(
            FunctionName=settings.SUBMIT.physical_name(LOCAL_STAGE), EventSourceArn=self._arn(unused_queue)
        )["UUID"]

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def _make_table(self) -> None:
        keys = {name for index in settings.INDEXES for name in (index.partition_key, index.sort_key)}
        names = sorted(keys | set(settings.LEDGER_KEY))
        indexes: Any = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.partition_key, index.sort_key),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projected)},
            }
            for index in settings.INDEXES
        ]
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName=settings.table_name(LOCAL_STAGE),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=_key_schema(*settings.LEDGER_KEY),
            GlobalSecondaryIndexes=indexes,
        )

    def _make_bucket(self) -> None:
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        intake = self._arn(self.queue_urls[settings.INTAKE.name])
        prefix: Any = {"Key": {"FilterRules": [{"Name": "prefix", "Value": settings.INBOX_PREFIX}]}}
        self._notify([{"QueueArn": intake, "Events": ["s3:ObjectCreated:*"], "Filter": prefix}])

    def _notify(self, queues: Any) -> None:
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": queues}
        )

    @contextmanager
    def without_notifications(self) -> Iterator[None]:
        """Suppress the events of objects that are put within the context."""
        before = self.s3.get_bucket_notification_configuration(Bucket=BUCKET).get("QueueConfigurations", [])
        self._notify([])
        yield
        self._notify(before)


def _key_schema(partition: str, sort: str) -> Any:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
