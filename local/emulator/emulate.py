"""`make emulate`: deploy the template that would go to AWS to a local emulator, and send exports through it.

It synthesizes the `test` stage with the functions bundled for this machine, lets a first deployment fail at its last
resource and deploys again with CloudFormation. It stores a configuration and the clinics' secrets as an operator would,
closes the valve, puts exports into the inbox, opens the valve once all messages wait, and waits until every row is in
the ledger. The exit code is 0 if the valve held the messages back, the counts add up and the dead-letter queues are
empty.
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
from local.emulator.emulate_queries import check_queries
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
_DAILY_QUOTA: Final = 8
"""`iis.backfill_from`. One clinic has more messages, so some of them wait as backfill."""
_PATIENCE_SECONDS: Final = 240.0
_SHOWN_FAILURES: Final = 5
_DEPTH_ATTRIBUTES: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def main() -> int:
    """Run it; return 0 if nothing was wrong, else 1."""
    try:
        return _run()
    except (EmulatorError, bundling.CannotBundleError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1


def _run() -> int:
    _say("Synthesizing the template, functions bundled for this machine …")
    _synthesize()
    venv = emulator.install(bundling.find_uv())
    with tempfile.TemporaryDirectory() as folder, Emulator(venv, _LOG) as cloud:
        failed = cloud.deploy_and_fail(_ASSEMBLY, STACK)
        _say(f"A first deployment failed at its last resource ({failed}); the same command again …")
        started = time.monotonic()
        outputs = cloud.deploy(_ASSEMBLY, STACK)
        _say(f"{STACK} is deployed after {time.monotonic() - started:.1f} s, permissions enforced, TLS only")
        application = _as_operator(cloud, outputs)
        text = _CLINICS.read_text("utf-8").replace("[iis]\n", f"[iis]\nbackfill_from = {_DAILY_QUOTA}\n", 1)
        clinics = read_configuration(text, _CLINICS.name).clinics.values()
        with Simulator(
            facilities={clinic.facility_id: (clinic.secret, _PASSWORD) for clinic in clinics},
            clinic_codes={code for clinic in clinics for code in (clinic.facility, clinic.sending_facility)},
        ) as ctwiz:
            _configure(application, text, ctwiz.endpoint, outputs["SecretsKey"])
            close_by_hand(application.ledger.stops, application.clock, "a drill")
            problems = _invoke(settings.VALVE)
            count = _put_exports(Path(folder), outputs["Bucket"])
            _say(f"{count} objects are in the inbox of {outputs['Bucket']}, CT WiZ is simulated at {ctwiz.endpoint}")
            problems += _check_closed_valve(application, ctwiz)
            open_by_hand(application.ledger.stops, application.clock)
            problems += _invoke(settings.VALVE)
            is_settled = _wait_until_settled(application)
            problems += _invoke(settings.SWEEP)
            if is_settled:
                problems += check_queries(application, _invoke, _say)
                drills = Drills(
                    cloud,
                    outputs,
                    stage=STAGE,
                    operator=lambda updated: _as_same_operator(application, updated),
                    settled=_wait_until_settled,
                    say=_say,
                )
                application, drill_problems = drills(application, ctwiz, Path(folder))
                problems += drill_problems + _invoke(settings.SWEEP)
            return _report(application, ctwiz, is_settled=is_settled, problems=problems)


def _say(text: str) -> None:
    print(text, flush=True)


def _synthesize() -> None:
    variables = {"CDK_OUTDIR": str(_ASSEMBLY), "VAXLINE_SYNTH_STAGE": STAGE, "VAXLINE_BUNDLE_FOR": "here"}
    variables["VAXLINE_SYNTH_FIRST"] = "true"
    command = [sys.executable, str(ROOT / "app.py")]
    completed = subprocess.run(command, env=os.environ | variables, check=False)  # noqa: S603 - our own command
    if completed.returncode:
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
    """Return the application with the permissions that the stack gives to operators, and no others."""
    with cloud.acting_with(f"{STACK}-operator"):
        application = Application(_runtime(outputs))
        application.session.get_credentials()  # the session keeps them
    return application


def _as_same_operator(operator: Application, outputs: dict[str, str]) -> Application:
    """Return the application of the same operator after the stack was updated."""
    application = Application(_runtime(outputs))
    application.session = operator.session
    return application


def _configure(application: Application, text: str, endpoint: str, secrets_key: str) -> Configuration:
    """Create the secrets and push the configuration, as docs/deploy.md asks an operator to do."""
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


def _put_exports(folder: Path, bucket: str) -> int:
    """Put generated exports into the inbox; return the number of objects."""
    demo_exports.generate(folder, today=datetime.now(UTC).date(), doses=_DOSES)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # The marker of a set arrives after the set's files, as from an EHR.
    files.sort(key=lambda path: path.name == "_SUCCESS")
    for path in files:
        key = INBOX_PREFIX + path.relative_to(folder).as_posix()
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return len(files)


def _wait_until_settled(application: Application) -> bool:
    """Wait until nothing is queued and no submission is in flight; return False where the time ran out."""

    def is_settled(files: list[FileSummary]) -> bool:
        # On AWS its schedule invokes it each minute.
        errors = _invoke(settings.BACKFILL)
        is_in_flight = any(_in_flight(file) for file in files)
        return not errors and not is_in_flight and not any(_depth(queue.physical_name(STAGE)) for queue in QUEUES)

    return _wait_until(application, is_settled)


def _check_closed_valve(application: Application, ctwiz: Simulator) -> list[str]:
    """Wait until everything is converted; return a problem where the closed valve let a message through."""
    intake = settings.INTAKE.physical_name(STAGE)
    _wait_until(application, lambda _: not _depth(intake))
    waiting, received = _depth(settings.OUTBOX.physical_name(STAGE)), len(ctwiz.received)
    backfill = sum(1 for _ in waiting_in_backfills(application.ledger.backfills, _DAILY_QUOTA))
    _say(
        f"The valve was closed meanwhile: {waiting} messages wait in the outbox and {backfill} as backfill, CT WiZ "
        f"received {received}; now it is opened"
    )
    is_right = waiting and backfill and not received
    return [] if is_right else ["the closed valve held nothing back, or nothing waited as backfill"]


def _wait_until(application: Application, is_done: Callable[[list[FileSummary]], bool]) -> bool:
    """Wait until every file is converted and `is_done` holds twice in a row; return False where the time ran out."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    seen_done = 0
    while seen_done < 2 and time.monotonic() < deadline:
        time.sleep(1.0)
        files = list(application.ledger.files.all())
        is_converted = bool(files) and all(file.complete for file in files)
        seen_done = seen_done + 1 if is_converted and is_done(files) else 0
    return seen_done >= 2


def _invoke(function: FunctionSettings) -> list[str]:
    """Invoke a scheduled function without waiting for its schedule; return its error, if any."""
    answer = boto3.client("lambda").invoke(FunctionName=function.physical_name(STAGE), Payload=b"{}")
    return [f"{function.name} failed: {answer['Payload'].read().decode()}"] if "FunctionError" in answer else []


def _in_flight(file: FileSummary) -> int:
    return sum(rows for state, rows in file.submitted.items() if state in IN_FLIGHT)


def _depth(name: str) -> int:
    """Return the number of messages of a queue, waiting or in flight."""
    queues = boto3.client("sqs")
    answer = queues.get_queue_attributes(
        QueueUrl=queues.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=_DEPTH_ATTRIBUTES
    )
    return sum(int(answer["Attributes"][attribute]) for attribute in _DEPTH_ATTRIBUTES)


def _report(application: Application, ctwiz: Simulator, *, is_settled: bool, problems: list[str]) -> int:
    """Print the result; return 0 where there is no problem, else 1."""
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
    problems += _problems(files, depths.values(), is_settled=is_settled)
    for problem in problems:
        print(f"  PROBLEM: {problem}")
    if problems:
        print(f"  the log of emulator and functions is {_LOG.relative_to(ROOT)}; its lines about errors:")
        failures = [line for line in _LOG.read_text("utf-8", errors="replace").splitlines() if '"error":' in line]
        print("\n".join(failures[:_SHOWN_FAILURES]))
    return 1 if problems else 0


def _problems(files: Sequence[FileSummary], depths: Iterable[tuple[int, int]], *, is_settled: bool) -> Iterable[str]:
    if not is_settled:
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
