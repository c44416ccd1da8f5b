"""What protects the data: encryption, TLS, deletion, recovery, who is told when something goes wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared import settings
from shared.settings import FUNCTIONS
from tests.infra.templates import Template, synthesized

# Kept with the stack's data, except by the deployment that created it and failed (CloudFormation, DeletionPolicy).
KEPT = ("RetainExceptOnCreate", "Retain")


def test_cdk_nag_has_nothing_unexplained_to_say(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text("utf-8"))
    packs = {pack["pluginName"]: pack["violations"] for pack in report["pluginReports"]}
    assert packs == {"AwsSolutions": [], "HIPAA.Security": []}


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    # W3005 is about dependencies that the CDK writes twice.
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [lint, "-i", "W3005", "--", *map(str, assembly.glob("*.template.json"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_is_looked_up_at_synthesis(assembly: Path) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text("utf-8"))
    assert "missing" not in manifest


def test_every_key_is_ours_and_rotates(template: Template) -> None:
    keys = list(template.whole("AWS::KMS::Key"))
    assert len(keys) == 5
    for _, key in keys:
        assert key["Properties"]["EnableKeyRotation"] is True
        assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == KEPT


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
    ],
)
def test_everything_is_encrypted_under_a_key_of_ours(template: Template, kind: str, key: str) -> None:
    for made in template.of(kind):
        assert template.text(made[key]).startswith("alias/vaxline-")


def test_the_bucket_and_the_queue_that_it_tells_have_keys_of_their_own(template: Template, stage: str) -> None:
    bucket = template.one("AWS::S3::Bucket", BucketName=f"vaxline-{stage}-<AWS::AccountId>-<AWS::Region>")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    own = template.text(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    assert own == f"alias/vaxline-{stage}-exports"
    assert own not in {template.text(queue["KmsMasterKeyId"]) for queue in template.of("AWS::SQS::Queue")}


def test_the_bucket_keeps_versions_and_lets_nobody_in(template: Template) -> None:
    for bucket in template.of("AWS::S3::Bucket"):
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        rule, *_ = bucket["LifecycleConfiguration"]["Rules"]
        assert "Prefix" not in rule
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] > 0


def test_answers_are_forgotten_after_a_month_and_nothing_else_that_is_current(template: Template, stage: str) -> None:
    bucket = template.one("AWS::S3::Bucket", BucketName=f"vaxline-{stage}-<AWS::AccountId>-<AWS::Region>")
    expiring = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in expiring] == [("queries/", 30)]
    assert expiring[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize(
    ("kind", "policies"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    ],
)
def test_nothing_takes_a_request_without_tls(template: Template, kind: str, policies: str) -> None:
    refused = {"Bool": {"aws:SecureTransport": "false"}}
    statements = [policy["PolicyDocument"]["Statement"] for policy in template.of(policies)]
    assert len(statements) == len(list(template.of(kind)))
    for policy in statements:
        assert any(part["Effect"] == "Deny" and part.get("Condition") == refused for part in policy)


@pytest.mark.parametrize("policies", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_no_policy_of_a_resource_lets_anybody_in_but_an_aws_service_that_is_named(
    template: Template, policies: str
) -> None:
    found = [part for policy in template.of(policies) for part in policy["PolicyDocument"]["Statement"]]
    assert found
    for part in found:
        if part["Effect"] == "Allow":
            assert set(part["Principal"]) == {"Service"}
            assert part["Condition"], "a service acts for anybody, so it must be told for whom"
            assert "*" not in str(part["Action"])


def test_the_buckets_take_no_tls_before_1_2(template: Template) -> None:
    refused = {"NumericLessThan": {"s3:TlsVersion": 1.2}}
    for policy in template.of("AWS::S3::BucketPolicy"):
        (part,) = (one for one in policy["PolicyDocument"]["Statement"] if one.get("Condition") == refused)
        assert (part["Effect"], part["Principal"], part["Action"]) == ("Deny", {"AWS": "*"}, "s3:*")
        assert len(part["Resource"]) == 2, "the bucket and its objects"


def test_no_function_is_traced_and_none_has_an_address_of_its_own(template: Template) -> None:
    for function in template.of("AWS::Lambda::Function"):
        assert "TracingConfig" not in function
    kinds = {resource["Type"] for resource in template.resources.values()}
    assert not kinds & {"AWS::Lambda::Url", "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"}


def test_nobody_but_aws_itself_may_call_a_function(template: Template) -> None:
    for permission in template.of("AWS::Lambda::Permission"):
        assert str(permission["Principal"]).endswith(".amazonaws.com")
        assert "SourceArn" in permission


def test_s3_may_tell_the_intake_queue_of_this_bucket_alone(template: Template, stage: str) -> None:
    told = [
        statement
        for policy in template.of("AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Principal") == {"Service": "s3.amazonaws.com"}
    ]
    (statement,) = told
    assert template.text(statement["Resource"]) == f"vaxline-{stage}-intake"
    bucket = template.text(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert bucket == f"arn:<AWS::Partition>:s3:::vaxline-{stage}-<AWS::AccountId>-<AWS::Region>"


def test_the_ledger_can_be_restored_and_is_hard_to_delete(template: Template) -> None:
    ((_, table),) = template.whole("AWS::DynamoDB::Table")
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert properties["DeletionProtectionEnabled"] is True
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == KEPT


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::Logs::LogGroup"])
def test_what_holds_data_outlives_the_stack(template: Template, kind: str) -> None:
    assert {(made["DeletionPolicy"], made["UpdateReplacePolicy"]) for _, made in template.whole(kind)} == {KEPT}


def test_logs_are_forgotten_after_a_while(template: Template) -> None:
    groups = {group["LogGroupName"]: group["RetentionInDays"] for group in template.of("AWS::Logs::LogGroup")}
    assert set(groups.values()) == {400}
    assert len([name for name in groups if name.startswith("/aws/lambda/")]) == len(FUNCTIONS)


def test_every_alarm_tells_the_topic_and_cloudwatch_may_publish_there(template: Template, stage: str) -> None:
    for alarm in template.of("AWS::CloudWatch::Alarm"):
        assert [template.text(action) for action in alarm["AlarmActions"]] == [f"vaxline-{stage}-alarms"]
    allowed = [
        (template.text(part["Resource"]), part["Principal"])
        for policy in template.of("AWS::SNS::TopicPolicy")
        for part in policy["PolicyDocument"]["Statement"]
        if part["Effect"] == "Allow"
    ]
    assert allowed == [(f"vaxline-{stage}-alarms", {"Service": "cloudwatch.amazonaws.com"})]


@pytest.mark.parametrize("stage", ["production"], indirect=True)
def test_the_fixed_address_is_one_and_only_what_calls_the_iis_leaves_by_it(template: Template) -> None:
    assert len(list(template.of("AWS::EC2::EIP"))) == len(list(template.of("AWS::EC2::NatGateway"))) == 1
    inside = [made["FunctionName"] for made in template.of("AWS::Lambda::Function") if "VpcConfig" in made]
    assert sorted(inside) == [f"vaxline-production-{name}" for name in ("query", "query-files", "submit", "valve")]
    (group,) = template.of("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    ports = [(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]]
    assert ports == [(443, 443), (8443, 8443)], "AWS, and the endpoint's own port"
    assert "EgressAddress" in template.body["Outputs"]


@pytest.mark.parametrize("stage", ["test"], indirect=True)
def test_without_the_switch_there_is_no_network(template: Template) -> None:
    assert not [made for made in template.resources.values() if made["Type"].startswith("AWS::EC2::")]


@pytest.mark.parametrize("stage", ["production"], indirect=True)
def test_alarms_and_notices_go_to_the_addresses_of_the_stage(template: Template) -> None:
    assert {
        (template.text(made["TopicArn"]), made["Protocol"], made["Endpoint"])
        for made in template.of("AWS::SNS::Subscription")
    } == {
        ("vaxline-production-alarms", "email", "alarms@example.org"),
        ("vaxline-production-notices", "email", "desk@example.org"),
    }


def test_the_console_finds_the_stage_by_the_stack_s_name_and_outputs(
    assembly: Path, template: Template, stage: str
) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text("utf-8"))
    assert settings.stack_name(stage) in manifest["artifacts"]
    outputs = {name: template.text(output["Value"]) for name, output in template.body["Outputs"].items()}
    assert outputs["Bucket"] == f"vaxline-{stage}-<AWS::AccountId>-<AWS::Region>"
    assert outputs["OutboxUrl"] == settings.OUTBOX.physical_name(stage)
    assert outputs["ResubmissionUrl"] == settings.RESUBMISSION.physical_name(stage)


def test_no_secret_and_no_account_stands_in_the_template(template: Template) -> None:
    text = json.dumps(template.body)
    assert "AWS::SecretsManager::Secret" not in text
    assert not re.search(r"\b\d{12}\b", text)


def test_nothing_that_a_failed_first_deployment_leaves_is_in_the_way_of_the_next(template: Template) -> None:
    """A retained resource with a name of its own would be left over, and its name taken."""
    assert not [name for name, made in template.resources.items() if made.get("DeletionPolicy") == "Retain"]


def test_a_first_deployment_can_be_rolled_back_and_the_next_one_is_guarded(tmp_path: Path) -> None:
    def guards(**context: object) -> tuple[bool, bool]:
        out = synthesized(tmp_path / str(len(context)), "test", **context)
        ((_, table),) = out.template.whole("AWS::DynamoDB::Table")
        return table["Properties"]["DeletionProtectionEnabled"], out.manifest.get("terminationProtection", False)

    assert guards(first="true") == (False, False)
    assert guards() == (True, True)
