"""An AWS on this machine that runs the deployed template: ministack, in an environment and a process of its own.

It checks what a role may do (AUTH) and speaks TLS only, so a right that the stack forgot to give, or a policy that
asks for TLS, shows here. Its packages are visible to the functions that it runs, hence the environment of its own.
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
# What the CDK's bootstrap leaves in an account, as far as a template asks for it.
_BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION: Final = "30"


class EmulatorError(Exception):
    """The emulator did not start, or did not take the template; the text says what it said."""


def environment(uv: str) -> Path:
    """The emulator's own virtual environment, made anew when its pins have changed."""
    pins = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    mark = _VENV / "pins.sha256"
    if not mark.is_file() or mark.read_text("ascii") != pins:
        python = str(_VENV / "bin" / "python")
        install = [uv, "pip", "install", "--quiet", "--no-config", "--python", python]
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_VENV)],
            [*install, "--require-hashes", "--requirement", str(_REQUIREMENTS)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
            if done.returncode:
                raise EmulatorError(f"the emulator could not be installed:\n{done.stderr.strip()}")
        mark.write_text(pins, "ascii")
    return _VENV


class Emulator:
    """A running emulator on a free port of the loopback interface; boto3 talks to it while the context lasts.

    `log` is where it writes what it does. Everything that it starts runs in one process group, which ends with it.
    """

    def __init__(self, venv: Path, log: Path) -> None:
        self._program = venv / "bin" / "ministack"
        self._log = log
        self._ends = contextlib.ExitStack()

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
            self._ends = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def _start(self, ends: contextlib.ExitStack, port: int, folder: Path, given: Mapping[str, str]) -> None:
        told = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "USE_SSL": "1",
            **{name: value for name, value in given.items() if name != "AWS_ENDPOINT_URL"},
        }
        self._log.parent.mkdir(parents=True, exist_ok=True)
        log = ends.enter_context(self._log.open("wb"))
        process = subprocess.Popen(  # noqa: S603 - our own command
            [str(self._program)], env=told, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        ends.callback(_end, process)
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorError(f"the emulator did not start; see {self._log}")
            time.sleep(0.1)

    @contextlib.contextmanager
    def acting_with(self, policy: str) -> Iterator[None]:
        """boto3 sessions that look up their credentials within this context may do what the named policy allows."""
        people = boto3.client("iam")
        user = f"{policy}-user"
        people.create_user(UserName=user)
        people.attach_user_policy(UserName=user, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{policy}")
        key = people.create_access_key(UserName=user)["AccessKey"]
        told = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        with _environment(told):
            yield

    def deploy(self, assembly: Path, stack: str) -> dict[str, str]:
        """Does with a synthesized stack what the `cdk` command does: uploads its assets and creates the stack.

        Returns:
            The stack's outputs.
        """
        self._bootstrap()
        template = self._publish(assembly, stack)
        formation = boto3.client("cloudformation")
        formation.create_stack(StackName=stack, TemplateURL=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self._done(stack, "CREATE_COMPLETE")

    def update(self, assembly: Path, stack: str) -> dict[str, str]:
        """Brings a stack that is there to another template; returns its outputs."""
        template = self._publish(assembly, stack)
        boto3.client("cloudformation").update_stack(
            StackName=stack, TemplateURL=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        return self._done(stack, "UPDATE_COMPLETE")

    def _done(self, stack: str, wanted: str) -> dict[str, str]:
        formation = boto3.client("cloudformation")
        deadline = time.monotonic() + _DEPLOY_SECONDS
        while (made := formation.describe_stacks(StackName=stack)["Stacks"][0])["StackStatus"].endswith("IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise EmulatorError(f"{stack} is not deployed after {_DEPLOY_SECONDS:.0f} s")
            time.sleep(0.2)
        if made["StackStatus"] != wanted:
            events = formation.describe_stack_events(StackName=stack)["StackEvents"]
            failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
            reasons = "\n".join(f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in failed)
            raise EmulatorError(f"{stack} was not deployed:\n{reasons}")
        _name_actions_twice()
        return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}

    def _bootstrap(self) -> None:
        boto3.client("ssm").put_parameter(Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String")
        boto3.client("s3").create_bucket(Bucket=_filled("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"))

    def _publish(self, assembly: Path, stack: str) -> str:
        """Uploads what the stack's asset manifest lists.

        Returns:
            The address of the template.
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
    """The template without alarms on metric math and what shows them: the emulator has neither, and rings nobody."""
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
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _filled(name: str) -> str:
    return name.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


# What the emulator calls some actions of ours. On AWS the right to send one message is the right to send ten (SQS
# developer guide, "Overview of managing access"), and to get a mapping needs no right to list them (Lambda API).
_ALSO_CALLED: Final = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "lambda:GetEventSourceMapping": "lambda:ListEventSourceMappings",
}


# The emulator asks one right of a batch of statements, on no resource, where AWS asks a right of each, on its table: so
# these rights (`_PARTIQL`) are not enforced there, but held by tests/infra/test_rights.py.
_PARTIQL: Final = "dynamodb:PartiQL"
_ANY_STATEMENT: Final = {"Effect": "Allow", "Action": ["dynamodb:BatchExecuteStatement"], "Resource": "*"}


def _name_actions_twice() -> None:
    """Tells every policy the emulator's own names beside those of AWS, on the same resources."""
    rights = boto3.client("iam")
    for policy in rights.list_policies(Scope="Local")["Policies"]:
        version = rights.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        document: Any = version["PolicyVersion"]["Document"]
        for statement in document["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            statement["Action"] = actions + [_ALSO_CALLED[action] for action in actions if action in _ALSO_CALLED]
        if _PARTIQL in json.dumps(document):
            document["Statement"].append(_ANY_STATEMENT)
        rights.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=json.dumps(document), SetAsDefault=True)


def _zipped(folder: Path) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return body.getvalue()


def _certificates(folder: Path) -> dict[str, str]:
    """A certificate for the loopback interface, and whom to trust for it."""
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
    """Ends the emulator and the functions that it runs, which are in its process group."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
