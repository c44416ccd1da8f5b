"""The template against `shared.settings`: what ran on the laptop is what runs in the account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.settings import FUNCTIONS, INDEXES, QUEUES, FunctionSettings, QueueSettings
from tests.infra.templates import Template, synthesized

# AWS writes a rate in the largest unit, and one of it in the singular.
_RATES = {1: "rate(1 minute)", 1440: "rate(1 day)"}


@pytest.fixture(params=QUEUES, ids=lambda queue: queue.name)
def queue(request: pytest.FixtureRequest) -> QueueSettings:
    return request.param


@pytest.fixture(params=FUNCTIONS, ids=lambda function: function.name)
def function(request: pytest.FixtureRequest) -> FunctionSettings:
    return request.param


def test_a_queue_is_as_the_settings_say(template: Template, stage: str, queue: QueueSettings) -> None:
    made = template.one("AWS::SQS::Queue", QueueName=queue.physical_name(stage))
    assert made["VisibilityTimeout"] == queue.visibility_timeout
    assert made["MessageRetentionPeriod"] == queue.retention
    assert made.get("FifoQueue", False) == queue.fifo
    assert made["RedrivePolicy"]["maxReceiveCount"] == queue.max_receive_count
    assert template.text(made["RedrivePolicy"]["deadLetterTargetArn"]) == queue.dead_letter_name(stage)


def test_a_dead_letter_queue_keeps_what_it_gets_as_long_as_sqs_can(
    template: Template, stage: str, queue: QueueSettings
) -> None:
    made = template.one("AWS::SQS::Queue", QueueName=queue.dead_letter_name(stage))
    assert made["MessageRetentionPeriod"] == 14 * 86_400
    assert made.get("FifoQueue", False) == queue.fifo
    assert "RedrivePolicy" not in made


def test_there_are_no_other_queues(template: Template) -> None:
    assert len(list(template.of("AWS::SQS::Queue"))) == 2 * len(QUEUES)


def test_a_function_is_as_the_settings_say(template: Template, stage: str, function: FunctionSettings) -> None:
    made = template.one("AWS::Lambda::Function", FunctionName=function.physical_name(stage))
    assert made["Handler"] == function.handler
    assert made["Timeout"] == function.timeout
    assert made["MemorySize"] == function.memory
    assert made["EphemeralStorage"] == {"Size": function.ephemeral_storage}
    assert made["Runtime"] == settings.RUNTIME
    assert made["Architectures"] == [settings.ARCHITECTURE]
    assert "TracingConfig" not in made


def test_there_are_no_other_functions(template: Template, stage: str) -> None:
    names = {made["FunctionName"] for made in template.of("AWS::Lambda::Function")}
    assert names == {function.physical_name(stage) for function in FUNCTIONS}


def test_a_function_is_told_what_the_runtime_settings_read(
    template: Template, stage: str, function: FunctionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = template.one("AWS::Lambda::Function", FunctionName=function.physical_name(stage))
    told = {name: template.text(value) for name, value in made["Environment"]["Variables"].items()}
    if function is settings.VALVE:
        mapping = template.resources[made["Environment"]["Variables"]["VAXLINE_MAPPING"]["Ref"]]
        assert mapping["Type"] == "AWS::Lambda::EventSourceMapping"
        assert template.text(mapping["Properties"]["EventSourceArn"]) == settings.OUTBOX.physical_name(stage)
        assert told.pop("VAXLINE_MAPPING")
    if function is settings.SWEEP:
        assert told.pop("VAXLINE_NOTICE_TOPIC") == settings.notice_topic_name(stage)
    assert told == {
        "VAXLINE_STAGE": stage,
        "VAXLINE_FUNCTION": function.name,
        "VAXLINE_TABLE": settings.table_name(stage),
        "VAXLINE_BUCKET": f"vaxline-{stage}-<AWS::AccountId>-<AWS::Region>",
        "VAXLINE_OUTBOX_URL": settings.OUTBOX.physical_name(stage),
        "VAXLINE_INTAKE_URL": settings.INTAKE.physical_name(stage),
        "VAXLINE_RESUBMISSION_URL": settings.RESUBMISSION.physical_name(stage),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert settings.Runtime.from_environment().table == settings.table_name(stage)


def test_a_queue_feeds_its_function_as_the_settings_say(template: Template, stage: str) -> None:
    mappings = {
        template.text(made["FunctionName"]): (
            template.text(made["EventSourceArn"]),
            made["BatchSize"],
            made.get("MaximumBatchingWindowInSeconds", 0),
            made["ScalingConfig"]["MaximumConcurrency"],
        )
        for made in template.of("AWS::Lambda::EventSourceMapping")
    }
    by_name = {queue.name: queue for queue in QUEUES}
    assert mappings == {
        function.physical_name(stage): (
            by_name[function.queue].physical_name(stage),
            function.batch_size,
            function.batch_window,
            function.max_concurrency,
        )
        for function in FUNCTIONS
        if function.queue
    }


def test_every_mapping_reports_partial_failures(template: Template) -> None:
    for mapping in template.of("AWS::Lambda::EventSourceMapping"):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_message_is_not_shown_again_while_its_function_may_still_work_on_it() -> None:
    timeouts = {function.queue: function.timeout for function in FUNCTIONS if function.queue}
    for queue in QUEUES:
        assert queue.visibility_timeout > timeouts[queue.name]


def test_a_fifo_queue_has_no_batch_window() -> None:
    fifo = {queue.name for queue in QUEUES if queue.fifo}
    assert all(function.batch_window == 0 for function in FUNCTIONS if function.queue in fifo)


def test_a_schedule_starts_what_has_no_queue(template: Template, stage: str) -> None:
    started = {
        template.text(rule["Targets"][0]["Arn"]): rule["ScheduleExpression"]
        for rule in template.of("AWS::Events::Rule")
    }
    assert started == {
        function.physical_name(stage): _RATES.get(function.every_minutes, f"rate({function.every_minutes} minutes)")
        for function in FUNCTIONS
        if function.every_minutes
    }


def test_what_a_schedule_starts_is_not_repeated_by_lambda(template: Template, stage: str) -> None:
    """Its own retries would start it beside its next start, or hours late."""
    repeated = {
        template.text(made["FunctionName"]): (made["MaximumRetryAttempts"], made["MaximumEventAgeInSeconds"])
        for made in template.of("AWS::Lambda::EventInvokeConfig")
    }
    assert repeated == {
        function.physical_name(stage): (0, 60) for function in FUNCTIONS if function.every_minutes is not None
    }


def test_the_ledger_has_the_key_and_the_indexes_of_the_settings(template: Template, stage: str) -> None:
    (table,) = template.of("AWS::DynamoDB::Table")
    assert table["TableName"] == settings.table_name(stage)
    assert _keys(table["KeySchema"]) == settings.LEDGER_KEY
    made = {
        index["IndexName"]: (*_keys(index["KeySchema"]), index["Projection"]["NonKeyAttributes"])
        for index in table["GlobalSecondaryIndexes"]
    }
    assert made == {index.name: (index.partition_key, index.sort_key, list(index.projected)) for index in INDEXES}


def test_exports_are_announced_from_the_inbox_only(template: Template, stage: str) -> None:
    bucket = template.one("AWS::S3::Bucket", BucketName=f"vaxline-{stage}-<AWS::AccountId>-<AWS::Region>")
    (told,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert template.text(told["Queue"]) == settings.INTAKE.physical_name(stage)
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": settings.INBOX_PREFIX}]


def _keys(schema: list[dict[str, str]]) -> tuple[str, ...]:
    by_type = {part["KeyType"]: part["AttributeName"] for part in schema}
    return by_type["HASH"], by_type["RANGE"]


def test_a_restored_table_is_used_by_everybody_in_the_place_of_the_stack_s_own(tmp_path: Path) -> None:
    template = synthesized(tmp_path, "test", switches={"restored_table": "vaxline-test-ledger-restored"}).template
    assert template.body["Outputs"]["Table"]["Value"] == "vaxline-test-ledger-restored"
    for function in template.of("AWS::Lambda::Function"):
        assert function["Environment"]["Variables"]["VAXLINE_TABLE"] == "vaxline-test-ledger-restored"
    granted = {
        template.text(resource)
        for policy in template.of("AWS::IAM::ManagedPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if any(action.startswith("dynamodb:") for action in _listed(statement["Action"]))
        for resource in _listed(statement["Resource"])
    }
    assert granted
    assert all(":table/vaxline-test-ledger-restored" in resource for resource in granted)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
