"""A local AWS emulator that runs the deployed template: ministack, in its own virtual environment and process.

It enforces the permissions of roles (AUTH) and accepts TLS only, so a missing permission or a wrong TLS policy shows
here. The functions that it runs see its packages, hence the virtual environment of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
import trustme

ROOT: Final = Path(__file__).resolve().parents[2]
_VENV: Final = ROOT / ".venv-emulate"
_REQUIREMENTS: Final = ROOT / "requirements" / "emulate.txt"
REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
_START_SECONDS: Final = 60.0
_DEPLOY_SECONDS: Final = 120.0
# The parameter of the CDK's bootstrap stack that a template reads.
_BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION: Final = "30"


class EmulatorError(Exception):
    """The emulator did not start, or refused the template; the text has its error message."""


def install(uv: str) -> Path:
    """Create the emulator's virtual environment where it is missing or its pins have changed; return its folder.

    Args:
        uv: the `uv` program.
    """
    pins = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    installed = _VENV / "pins.sha256"
    if not installed.is_file() or installed.read_text("ascii") != pins:
        python = str(_VENV / "bin" / "python")
        install = [uv, "pip", "install", "--quiet", "--no-config", "--python", python]
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_VENV)],
            [*install, "--require-hashes", "--requirement", str(_REQUIREMENTS)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
            if done.returncode:
                raise EmulatorError(f"the emulator could not be installed:\n{done.stderr.strip()}")
        installed.write_text(pins, "ascii")
    return _VENV


class Emulator:
    """A running emulator on a free port of the loopback interface; boto3 talks to it while the context lasts.

    It and all that it starts run in one process group, which ends with the context.
    """

    def __init__(self, venv: Path, log: Path) -> None:
        """Create the emulator without starting it.

        Args:
            venv: its virtual environment.
            log: the file for its output.
        """
        self._program = venv / "bin" / "ministack"
        self._log = log
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as starting:
            folder = Path(starting.enter_context(tempfile.TemporaryDirectory(prefix="vaxline-emulate-")))
            certificates = _certificates(folder)
            port = _free_port()
            client = {
                "AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}",
                "AWS_CA_BUNDLE": certificates["AWS_CA_BUNDLE"],
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
            }
            self._start(starting, port, folder, client | certificates)
            starting.enter_context(_environment(client))
            self._exits = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def _start(self, exits: contextlib.ExitStack, port: int, folder: Path, settings: Mapping[str, str]) -> None:
        variables = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "USE_SSL": "1",
            **{name: value for name, value in settings.items() if name != "AWS_ENDPOINT_URL"},
        }
        self._log.parent.mkdir(parents=True, exist_ok=True)
        log = exits.enter_context(self._log.open("wb"))
        process = subprocess.Popen(  # noqa: S603 - our own command
            [str(self._program)], env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        exits.callback(_end, process)
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorError(f"the emulator did not start; see {self._log}")
            time.sleep(0.1)

    @contextlib.contextmanager
    def acting_with(self, policy: str) -> Iterator[None]:
        """Give boto3 sessions that look up their credentials within the context the permissions of a policy only."""
        iam = boto3.client("iam")
        user = f"{policy}-user"
        iam.create_user(UserName=user)
        iam.attach_user_policy(UserName=user, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{policy}")
        key = iam.create_access_key(UserName=user)["AccessKey"]
        credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        with _environment(credentials):
            yield

    def deploy(self, assembly: Path, stack: str) -> dict[str, str]:
        """Deploy a synthesized stack as the `cdk` command does: upload its assets and create the stack.

        Returns:
            The stack's outputs.
        """
        self._bootstrap()
        template = self._publish(assembly, stack)
        formation = boto3.client("cloudformation")
        formation.create_stack(StackName=stack, TemplateURL=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self._wait_for(stack, "CREATE_COMPLETE")

    def deploy_and_fail(self, assembly: Path, stack: str) -> str:
        """Deploy a stack whose last resource cannot be created, and delete what CloudFormation leaves of the stack.

        Returns:
            The stack's status after the failure.
        """
        self._bootstrap()
        bucket, key = self._publish(assembly, stack).rsplit("/", 2)[1:]
        store, formation = boto3.client("s3"), boto3.client("cloudformation")
        template = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
        template["Resources"]["NameThatIsTaken"] = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": _BOOTSTRAP_PARAMETER, "Type": "String", "Value": _BOOTSTRAP_VERSION},
            "DependsOn": list(template["Resources"]),
        }
        broken = f"broken-{key}"
        store.put_object(Bucket=bucket, Key=broken, Body=json.dumps(template).encode())
        formation.create_stack(
            StackName=stack,
            TemplateURL=f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{broken}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        status = self._settled(stack)["StackStatus"]
        formation.delete_stack(StackName=stack)
        formation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        return str(status)

    def update(self, assembly: Path, stack: str) -> dict[str, str]:
        """Update a deployed stack to another template; return its outputs."""
        template = self._publish(assembly, stack)
        boto3.client("cloudformation").update_stack(
            StackName=stack, TemplateURL=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        return self._wait_for(stack, "UPDATE_COMPLETE")

    def _wait_for(self, stack: str, status: str) -> dict[str, str]:
        """Wait until a stack has a status; return its outputs."""
        formation = boto3.client("cloudformation")
        described = self._settled(stack)
        if described["StackStatus"] != status:
            events = formation.describe_stack_events(StackName=stack)["StackEvents"]
            failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
            reasons = "\n".join(f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in failed)
            raise EmulatorError(f"{stack} was not deployed:\n{reasons}")
        _add_emulator_actions()
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def _settled(self, stack: str) -> Any:
        """Wait until CloudFormation is done with a stack; return its description."""
        deadline = time.monotonic() + _DEPLOY_SECONDS
        while time.monotonic() < deadline:
            (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
            if not described["StackStatus"].endswith("IN_PROGRESS"):
                return described
            time.sleep(0.2)
        raise EmulatorError(f"{stack} is not deployed after {_DEPLOY_SECONDS:.0f} s")

    def _bootstrap(self) -> None:
        boto3.client("ssm").put_parameter(
            Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )
        boto3.client("s3").create_bucket(Bucket=_filled("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"))

    def _publish(self, assembly: Path, stack: str) -> str:
        """Upload the assets of a stack.

        Returns:
            The URL of the template.
        """
        files = json.loads((assembly / f"{stack}.assets.json").read_text("utf-8"))["files"]
        address = ""
        for file in files.values():
            source = assembly / file["source"]["path"]
            body = _zipped(source) if file["source"]["packaging"] == "zip" else source.read_bytes()
            if source.name == f"{stack}.template.json":
                body = _without_metric_math(body)
            for destination in file["destinations"].values():
                bucket, key = _filled(destination["bucketName"]), destination["objectKey"]
                boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
                if source.name == f"{stack}.template.json":
                    address = f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{key}"
        return address


def _without_metric_math(template: bytes) -> bytes:
    """Remove alarms on metric math and dashboards from a template, since the emulator does not support them."""
    body = json.loads(template)
    left_out = {
        name
        for name, resource in body["Resources"].items()
        if (resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"])
        or resource["Type"] == "AWS::CloudWatch::Dashboard"
    }
    body["Resources"] = {name: resource for name, resource in body["Resources"].items() if name not in left_out}
    return json.dumps(body).encode()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the context."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _filled(name: str) -> str:
    """Fill in the account and region of a CloudFormation name."""
    return name.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


# Actions that the emulator checks under another name. On AWS the permission to send one message covers batches (SQS
# developer guide, "Overview of managing access"), and getting a mapping needs no permission to list them (Lambda API).
_EMULATOR_ACTIONS: Final = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "lambda:GetEventSourceMapping": "lambda:ListEventSourceMappings",
}


# For a batch of PartiQL statements, AWS checks a permission for each statement on its table; the emulator checks one
# for the batch, without a resource. tests/infra/test_permissions.py checks the permissions of AWS instead.
_PARTIQL: Final = "dynamodb:PartiQL"
_ANY_STATEMENT: Final = {"Effect": "Allow", "Action": ["dynamodb:BatchExecuteStatement"], "Resource": "*"}


def _add_emulator_actions() -> None:
    """Add the emulator's names of actions to every policy, on the same resources."""
    iam = boto3.client("iam")
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        document: Any = version["PolicyVersion"]["Document"]
        for statement in document["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            statement["Action"] = actions + [
                _EMULATOR_ACTIONS[action] for action in actions if action in _EMULATOR_ACTIONS
            ]
        if _PARTIQL in json.dumps(document):
            document["Statement"].append(_ANY_STATEMENT)
        iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=json.dumps(document), SetAsDefault=True)


def _zipped(folder: Path) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return body.getvalue()


def _certificates(folder: Path) -> dict[str, str]:
    """Write a certificate for the loopback interface and its authority; return the files by environment variable."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    paths = {name: str(folder / name.lower()) for name in ("AWS_CA_BUNDLE", "MINISTACK_SSL_CERT", "MINISTACK_SSL_KEY")}
    authority.cert_pem.write_to_path(paths["AWS_CA_BUNDLE"])
    server.private_key_pem.write_to_path(paths["MINISTACK_SSL_KEY"])
    for number, part in enumerate(server.cert_chain_pems):
        part.write_to_path(paths["MINISTACK_SSL_CERT"], append=number > 0)
    return paths


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[Any]) -> None:
    """End the process group of the emulator and of the functions that it runs."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
