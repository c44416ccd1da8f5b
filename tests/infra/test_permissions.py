"""Least privilege: every action of every function's role, on what, and nothing else."""

from __future__ import annotations

import re

import pytest

from shared.settings import FUNCTIONS
from tests.infra.templates import Template

READ = {"s3:GetObject", "s3:GetObjectVersion"}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
CONSUME = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
SEND = {"sqs:SendMessage"}
TAKE = {"sqs:DeleteMessage", "sqs:ReceiveMessage"}
KEY_TO_READ = {"kms:Decrypt"}
KEY_TO_SEND = {"kms:Decrypt", "kms:GenerateDataKey"}
KEY_TO_WRITE_TABLE = {
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def table(*operations: str) -> set[str]:
    return {f"dynamodb:{operation}" for operation in operations}


# Resource → actions, with {s} for the stage and {bucket} for the bucket's ARN.
EXPECTED = {
    "convert": {
        "/aws/lambda/vaxline-{s}-convert": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/inbox/*": READ,
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table(
            "BatchGetItem", "BatchWriteItem", "GetItem", "PartiQLInsert", "PartiQLUpdate", "PutItem", "UpdateItem"
        ),
        "vaxline-{s}-ledger/index/by_file": table("Query"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-intake": CONSUME | SEND,
        "vaxline-{s}-outbox.fifo": SEND | {"sqs:GetQueueAttributes"},
        "vaxline-{s}-resubmission": SEND,
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
    },
    "submit": {
        "/aws/lambda/vaxline-{s}-submit": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-outbox.fifo": CONSUME | {"sqs:ChangeMessageVisibility"},
        "vaxline-{s}-resubmission": SEND,
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
        "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:vaxline/{s}/*": {
            "secretsmanager:GetSecretValue"
        },
        "alias/vaxline-{s}-secrets": KEY_TO_READ,
    },
    "query": {
        "/aws/lambda/vaxline-{s}-query": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table("PutItem", "Query"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:vaxline/{s}/*": {
            "secretsmanager:GetSecretValue"
        },
        "alias/vaxline-{s}-secrets": KEY_TO_READ,
    },
    "query-files": {
        "/aws/lambda/vaxline-{s}-query-files": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "{bucket}/queries/*": READ | {"s3:PutObject"},
        "alias/vaxline-{s}-exports": {"kms:Decrypt", "kms:GenerateDataKey"},
        "vaxline-{s}-ledger": table("PutItem", "Query"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:vaxline/{s}/*": {
            "secretsmanager:GetSecretValue"
        },
        "alias/vaxline-{s}-secrets": KEY_TO_READ,
    },
    "triage": {
        "/aws/lambda/vaxline-{s}-triage": LOG,
        "vaxline-{s}-ledger": table("GetItem", "PutItem", "UpdateItem"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-resubmission": CONSUME,
        "vaxline-{s}-outbox.fifo": SEND,
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
    },
    "sweep": {
        "/aws/lambda/vaxline-{s}-sweep": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/inbox/*": READ,
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table("DeleteItem", "PutItem", "Query", "UpdateItem"),
        "vaxline-{s}-ledger/index/waiting": table("Query"),
        "vaxline-{s}-ledger/index/worklist": table("Query"),
        "vaxline-{s}-notices": {"sns:Publish"},
        "alias/vaxline-{s}-operations": KEY_TO_SEND,
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-outbox.fifo": SEND,
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
    },
    "backfill": {
        "/aws/lambda/vaxline-{s}-backfill": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table("Query", "UpdateItem"),
        "vaxline-{s}-ledger/index/waiting": table("Query"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-outbox.fifo": SEND | {"sqs:GetQueueAttributes"},
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
    },
    "report": {
        "/aws/lambda/vaxline-{s}-report": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "{bucket}/reports/*": READ | {"s3:PutObject"},
        "alias/vaxline-{s}-exports": {"kms:Decrypt", "kms:GenerateDataKey"},
        "vaxline-{s}-ledger": table("Query"),
        "vaxline-{s}-ledger/index/worklist": table("Query"),
        "alias/vaxline-{s}-ledger": {"kms:Decrypt", "kms:DescribeKey"},
    },
    "valve": {
        "/aws/lambda/vaxline-{s}-valve": LOG,
        "{bucket}": {"s3:ListBucket"},
        "{bucket}/config/*": READ,
        "alias/vaxline-{s}-exports": KEY_TO_READ,
        "vaxline-{s}-ledger": table("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
        "vaxline-{s}-outbox.fifo": CONSUME | {"sqs:ChangeMessageVisibility"},
        "vaxline-{s}-resubmission": SEND,
        "alias/vaxline-{s}-queues": KEY_TO_SEND,
        "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:vaxline/{s}/*": {
            "secretsmanager:GetSecretValue"
        },
        "alias/vaxline-{s}-secrets": KEY_TO_READ,
        "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:event-source-mapping:vaxline-{s}-submit": {
            "lambda:GetEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
        },
    },
}


OPERATOR = {
    "vaxline-{s}-query": {"lambda:InvokeFunction"},
    "arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/vaxline-{s}/*": {
        "cloudformation:DescribeStacks"
    },
    "{bucket}": {"s3:ListBucket", "s3:ListBucketVersions"},
    "{bucket}/inbox/*": {"s3:PutObject"},
    "{bucket}/config/*": READ | {"s3:PutObject"},
    "{bucket}/reports/*": READ,
    "{bucket}/queries/*": READ | {"s3:PutObject"},
    "alias/vaxline-{s}-exports": {"kms:Decrypt", "kms:GenerateDataKey"},
    "vaxline-{s}-ledger": table(
        "BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"
    ),
    "vaxline-{s}-ledger/index/by_file": table("Query"),
    "vaxline-{s}-ledger/index/worklist": table("Query"),
    "vaxline-{s}-ledger/index/waiting": table("Query"),
    "alias/vaxline-{s}-ledger": KEY_TO_WRITE_TABLE,
    "vaxline-{s}-intake": SEND,
    "vaxline-{s}-intake-dlq": TAKE,
    "vaxline-{s}-outbox.fifo": SEND,
    "vaxline-{s}-outbox-dlq.fifo": TAKE,
    "vaxline-{s}-resubmission": SEND,
    "vaxline-{s}-resubmission-dlq": TAKE,
    "alias/vaxline-{s}-queues": KEY_TO_SEND,
}


@pytest.fixture(params=[function.name for function in FUNCTIONS])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def statements(template: Template, stage: str, name: str) -> list[dict]:
    """The statements of the one policy that the function's role has."""
    function = template.one("AWS::Lambda::Function", FunctionName=f"vaxline-{stage}-{name}")
    role = template.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
    assert "Policies" not in role
    ((policy),) = role["ManagedPolicyArns"]
    return template.resources[policy["Ref"]]["Properties"]["PolicyDocument"]["Statement"]


def listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


def allowed_actions(template: Template, policy: list[dict]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for statement in policy:
        assert statement["Effect"] == "Allow"
        for resource in listed(statement["Resource"]):
            found.setdefault(template.text(resource), set()).update(listed(statement["Action"]))
    return found


def named(expected: dict[str, set[str]], stage: str) -> dict[str, set[str]]:
    bucket = f"arn:<AWS::Partition>:s3:::vaxline-{stage}-<AWS::AccountId>-<AWS::Region>"
    return {
        resource.replace("{s}", stage).replace("{bucket}", bucket): actions for resource, actions in expected.items()
    }


def test_a_function_may_do_this_and_nothing_else(template: Template, stage: str, name: str) -> None:
    expected = named(EXPECTED[name], stage)
    if stage == "production" and name in ("submit", "valve", "query", "query-files"):
        expected["*"] = INTERFACES
    assert allowed_actions(template, statements(template, stage, name)) == expected


def test_an_operator_may_do_this_and_nothing_else(template: Template, stage: str) -> None:
    policy = template.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=f"vaxline-{stage}-operator")
    assert allowed_actions(template, policy["PolicyDocument"]["Statement"]) == named(OPERATOR, stage)


def test_no_action_has_a_wildcard(template: Template, stage: str, name: str) -> None:
    for statement in statements(template, stage, name):
        assert not any("*" in action for action in listed(statement["Action"]))


def test_a_key_is_used_only_by_way_of_the_service_that_it_protects(template: Template, stage: str, name: str) -> None:
    for statement in statements(template, stage, name):
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            through = template.text(statement["Condition"]["StringEquals"]["kms:ViaService"])
            assert re.fullmatch(r"(s3|sns|sqs|dynamodb|secretsmanager)\.<AWS::Region>\.<AWS::URLSuffix>", through)


def test_the_valve_may_do_all_that_submit_may_since_it_sends_the_messages_of_a_trial() -> None:
    def own(name: str) -> dict[str, set[str]]:
        return {place: actions for place, actions in EXPECTED[name].items() if not place.startswith("/aws/lambda/")}

    for place, actions in own("submit").items():
        assert actions <= own("valve")[place], place


def test_only_what_calls_the_iis_in_a_clinic_s_name_may_read_credentials(template: Template, stage: str) -> None:
    readers = [
        name
        for name in EXPECTED
        if any("secretsmanager" in str(statement["Action"]) for statement in statements(template, stage, name))
    ]
    assert readers == ["submit", "query", "query-files", "valve"]


def test_only_lambda_may_take_up_a_function_s_role(template: Template, stage: str, name: str) -> None:
    function = template.one("AWS::Lambda::Function", FunctionName=f"vaxline-{stage}-{name}")
    role = template.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
