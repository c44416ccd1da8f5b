"""`make emulate`: the template that would go to AWS, deployed as it is to an emulator, with an export run through it.

Synthesizes the `test` stage with the functions bundled for this machine, deploys it by CloudFormation, stores a
configuration and the clinics' secrets as an operator would, closes the valve, puts exports into the bucket's inbox,
opens the valve once all of it waits, and stays until every row has its place in the ledger. Ends with 0 when the valve
held, the counts add up and no dead-letter queue holds anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import boto3
from botocore.exceptions import ClientError

from infra import bundling
from local import demo_exports
from local.ctwiz.server import Simulator
from local.emulator import emulator
from local.emulator.drills import Drills
from local.emulator.emulate_queries import asked
from local.emulator.emulator import ROOT, Emulator, EmulatorError
from shared import settings
from shared.adapters.configuration.reader import read_configuration
from shared.bootstrap import Application
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import IN_FLIGHT, State
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX, QUEUES, FunctionSettings, Runtime
from shared.usecases.delivery.backfill import waiting_in_backfills
from shared.usecases.delivery.valve import close_by_hand, open_by_hand

STAGE: Final = "test"
STACK: Final = settings.stack_name(STAGE)
_ASSEMBLY: Final = ROOT / "build" / "emulate.out"
_LOG: Final = ROOT / "build" / "emulate.log"
_CLINICS: Final = ROOT / "local" / "clinics.toml"
_PASSWORD: Final = "synthetic"  # noqa: S105 - opens the simulator only
_DOSES: Final = 40
# One of its clinics has more than that, and its messages wait for their turn.
_SHARE: Final = 8
_PATIENCE_SECONDS: Final = 240.0
_SHOWN_FAILURES: Final = 5
_DEPTH: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def main() -> int:
    """Runs all of it; 0 when every row is accounted for, else 1."""
    try:
        return _run()
    except (EmulatorError, bundling.CannotBundleError, ClientError) as problem:
        print(problem, file=sys.stderr)
        return 1


def _run() -> int:
    _say("Synthesizing the template, functions bundled for this machine …")
    _synthesize()
    venv = emulator.environment(bundling.find_uv())
    with tempfile.TemporaryDirectory() as folder, Emulator(venv, _LOG) as cloud:
        started = time.monotonic()
        outputs = cloud.deploy(_ASSEMBLY, STACK)
        _say(f"{STACK} is deployed after {time.monotonic() - started:.1f} s, rights enforced, TLS only")
        application = _as_operator(cloud, outputs)
        text = _CLINICS.read_text("utf-8").replace("[iis]\n", f"[iis]\nbackfill_from = {_SHARE}\n", 1)
        clinics = read_configuration(text, _CLINICS.name).clinics.values()
        with Simulator(
            facilities={clinic.facility_id: (clinic.secret, _PASSWORD) for clinic in clinics},
            clinic_codes={code for clinic in clinics for code in (clinic.facility, clinic.sending_facility)},
        ) as ctwiz:
            _configure(application, text, ctwiz.endpoint, outputs["SecretsKey"])
            close_by_hand(application.ledger.stops, application.clock, "a drill")
            problems = _start(settings.VALVE)
            count = _drop(Path(folder), outputs["Bucket"])
            _say(f"{count} objects are in the inbox of {outputs['Bucket']}, CT WiZ is simulated at {ctwiz.endpoint}")
            problems += _held_back(application, ctwiz)
            open_by_hand(application.ledger.stops, application.clock)
            problems += _start(settings.VALVE)
            settled = _wait(application)
            problems += _start(settings.SWEEP)
            if settled:
                problems += asked(application, _start, _say)
                drills = Drills(
                    cloud,
                    outputs,
                    stage=STAGE,
                    operator=lambda made: _again(application, made),
                    settled=_wait,
                    say=_say,
                )
                application, found = drills(application, ctwiz, Path(folder))
                problems += found + _start(settings.SWEEP)
            return _report(application, ctwiz, settled=settled, problems=problems)


def _say(text: str) -> None:
    print(text, flush=True)


def _synthesize() -> None:
    chosen = {"CDK_OUTDIR": str(_ASSEMBLY), "VAXLINE_SYNTH_STAGE": STAGE, "VAXLINE_BUNDLE_FOR": "here"}
    command = [sys.executable, str(ROOT / "app.py")]
    done = subprocess.run(command, env=os.environ | chosen, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise EmulatorError("the template could not be synthesized")


def _runtime(outputs: dict[str, str]) -> Runtime:
    return Runtime(
        stage=STAGE,
        table=outputs["Table"],
        bucket=outputs["Bucket"],
        outbox_url=outputs["OutboxUrl"],
        resubmission_url=outputs["ResubmissionUrl"],
        intake_url=outputs["IntakeUrl"],
        region=emulator.REGION,
    )


def _as_operator(cloud: Emulator, outputs: dict[str, str]) -> Application:
    """What the `vaxline` command would be, with the rights that the stack gives to operators and no others."""
    with cloud.acting_with(f"{STACK}-operator"):
        application = Application(_runtime(outputs))
        application.session.get_credentials()  # looked up once, kept by the session
    return application


def _again(operator: Application, outputs: dict[str, str]) -> Application:
    """The same person after the stack was updated."""
    application = Application(_runtime(outputs))
    application.session = operator.session
    return application


def _configure(application: Application, text: str, endpoint: str, secrets_key: str) -> Configuration:
    """What docs/deploy.md asks of an operator: the secrets, then the configuration."""
    configuration = read_configuration(text, _CLINICS.name)
    secrets = boto3.client("secretsmanager")
    for name in {clinic.secret for clinic in configuration.clinics.values()}:
        secrets.create_secret(
            Name=f"{settings.PRODUCT}/{STAGE}/{name}",
            KmsKeyId=secrets_key,
            SecretString=json.dumps({"username": name, "password": _PASSWORD}),
        )
    text = text.replace(configuration.iis.endpoint, endpoint)
    configuration = read_configuration(text, _CLINICS.name)
    application.configurations.push(text, configuration.version)
    return configuration


def _drop(folder: Path, bucket: str) -> int:
    demo_exports.generate(folder, today=datetime.now(UTC).date(), doses=_DOSES)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # A set of files is complete when its marker lands, so markers come last, as from an EHR.
    files.sort(key=lambda path: path.name == "_SUCCESS")
    for path in files:
        key = INBOX_PREFIX + path.relative_to(folder).as_posix()
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return len(files)


def _wait(application: Application) -> bool:
    """Until nothing is queued and no submission is on its way; False when patience ran out first."""

    def is_settled(files: list[FileSummary]) -> bool:
        # Its schedule would start it each minute.
        failed = _start(settings.BACKFILL)
        on_their_way = any(_in_flight(file) for file in files)
        return not failed and not on_their_way and not any(_depth(one.physical_name(STAGE)) for one in QUEUES)

    return _until(application, is_settled)


def _held_back(application: Application, ctwiz: Simulator) -> list[str]:
    """Waits until all is converted and says what came through the closed valve."""
    intake = settings.INTAKE.physical_name(STAGE)
    _until(application, lambda _: not _depth(intake))
    waiting, received = _depth(settings.OUTBOX.physical_name(STAGE)), len(ctwiz.received)
    turns = sum(1 for _ in waiting_in_backfills(application.ledger.backfills, _SHARE))
    _say(
        f"The valve was closed meanwhile: {waiting} messages wait in the outbox and {turns} for their turn, CT WiZ "
        f"received {received}; now it is opened"
    )
    return [] if waiting and turns and not received else ["the closed valve held nothing back, or nothing had to wait"]


def _until(application: Application, holds: Callable[[list[FileSummary]], bool]) -> bool:
    """Until every file is converted and this holds, twice in a row."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    quiet = 0
    while quiet < 2 and time.monotonic() < deadline:
        time.sleep(1.0)
        files = list(application.ledger.files.all())
        done = bool(files) and all(file.complete for file in files)
        quiet = quiet + 1 if done and holds(files) else 0
    return quiet >= 2


def _start(function: FunctionSettings) -> list[str]:
    """Starts a scheduled function, whose time would come later; what it failed with, or nothing."""
    answer = boto3.client("lambda").invoke(FunctionName=function.physical_name(STAGE), Payload=b"{}")
    return [f"{function.name} failed: {answer['Payload'].read().decode()}"] if "FunctionError" in answer else []


def _in_flight(file: FileSummary) -> int:
    return sum(rows for state, rows in file.submitted.items() if state in IN_FLIGHT)


def _depth(name: str) -> int:
    """Messages of a queue, waiting or being worked on."""
    queues = boto3.client("sqs")
    answer = queues.get_queue_attributes(
        QueueUrl=queues.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=_DEPTH
    )
    return sum(int(answer["Attributes"][attribute]) for attribute in _DEPTH)


def _report(application: Application, ctwiz: Simulator, *, settled: bool, problems: list[str]) -> int:
    files = sorted(application.ledger.files.all(), key=lambda file: file.name)
    for file in files:
        submitted = ", ".join(f"{state} {rows}" for state, rows in file.submitted.items())
        print(
            f"  {file.name}: {file.rows} rows = {file.unchanged} unchanged + {file.held} held + {submitted or 'none'}"
        )
    depths = {
        queue.name: (_depth(queue.physical_name(STAGE)), _depth(queue.dead_letter_name(STAGE))) for queue in QUEUES
    }
    for name, (waiting, dead) in depths.items():
        print(f"  queue {name}: {waiting} waiting, {dead} in the dead-letter queue")
    worklist = sum(1 for _ in application.ledger.worklist.entries())
    print(f"  CT WiZ received {len(ctwiz.received)} messages and stored {len(ctwiz.accepted)}; worklist: {worklist}")
    problems += _problems(files, depths.values(), settled=settled)
    for problem in problems:
        print(f"  NOT RIGHT: {problem}")
    if problems:
        print(f"  what the emulator and the functions wrote is in {_LOG.relative_to(ROOT)}; lines about errors:")
        failures = [line for line in _LOG.read_text("utf-8", errors="replace").splitlines() if '"error":' in line]
        print("\n".join(failures[:_SHOWN_FAILURES]))
    return 1 if problems else 0


def _problems(files: Sequence[FileSummary], depths: Iterable[tuple[int, int]], *, settled: bool) -> Iterable[str]:
    if not settled:
        yield f"not done after {_PATIENCE_SECONDS:.0f} s"
    if not sum(file.rows for file in files):
        yield "no row was converted"
    if not any(rows for file in files for state, rows in file.submitted.items() if state is State.ACCEPTED):
        yield "no row was accepted"
    for file in files:
        if not (file.complete and file.adds_up):
            yield f"the counts of {file.name} do not add up"
    if any(dead for _, dead in depths):
        yield "a dead-letter queue holds messages"


if __name__ == "__main__":
    sys.exit(main())
