"""The drills of docs/operations.md on the emulated stage: a redrive, and a restored ledger that catches up.

The drills test what an operator does and may do. The emulator, with an administrator's permissions, plays the part of
AWS: it moves a message to a dead-letter queue and restores a table to a point in time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3

from local import demo_exports
from local.ctwiz.server import Simulator
from local.emulator.emulator import ROOT, Emulator
from shared import settings
from shared.bootstrap import Application
from shared.domain.submission import FileSummary
from shared.settings import INBOX_PREFIX

RESTORED: Final = "ledger-restored"
_KEY: Final = f"{INBOX_PREFIX}elm/drill.csv"
_SEED: Final = 7
_DOSES: Final = 24
_PATIENCE_SECONDS: Final = 120.0
_ASSEMBLY: Final = ROOT / "build" / "emulate-restored.out"

Settled = Callable[[Application], bool]
"""Waits until nothing is queued or in flight; returns False where the time ran out."""


class Drills:
    """The drills in their order, on a stage that has delivered everything."""

    def __init__(
        self,
        cloud: Emulator,
        outputs: dict[str, str],
        *,
        stage: str,
        operator: Callable[[dict[str, str]], Application],
        settled: Settled,
        say: Callable[[str], None],
    ) -> None:
        """Prepare the drills.

        Args:
            cloud: the emulator.
            outputs: the stack's outputs.
            stage: the stage's name.
            operator: returns the operator's application for the outputs of an updated stack.
            settled: waits until everything is delivered.
            say: prints a line.
        """
        self._cloud = cloud
        self._outputs = outputs
        self._stage = stage
        self._operator = operator
        self._settled = settled
        self._say = say
        self._restored = f"{settings.PRODUCT}-{stage}-{RESTORED}"

    def __call__(self, application: Application, ctwiz: Simulator, folder: Path) -> tuple[Application, list[str]]:
        """Run all drills; return the operator's application on the restored ledger, and what was wrong.

        The table is restored before the redrive, so it lacks the export that the redrive brings.
        """
        since = datetime.now(UTC).replace(second=0, microsecond=0)
        self._restore()
        problems = self._redrive(application, folder)
        before = {file.file_id: file for file in application.ledger.files.all()}
        restored = self._use_table(self._restored)
        return restored, problems + self._catch_up(before, restored, ctwiz, since)

    def _restore(self) -> None:
        """Restore the table as of now, as an administrator does."""
        boto3.client("dynamodb").restore_table_to_point_in_time(
            SourceTableName=self._outputs["Table"], TargetTableName=self._restored, UseLatestRestorableTime=True
        )

    # redrive ----------------------------------------------------------------------------------------------------------

    def _redrive(self, application: Application, folder: Path) -> list[str]:
        export = _export(folder)
        self._enable_convert(enabled=False)
        boto3.client("s3").put_object(Bucket=self._outputs["Bucket"], Key=_KEY, Body=export)
        self._move_to_dead_letters()
        self._enable_convert(enabled=True)
        moved = application.redrive(settings.INTAKE)
        is_settled = self._settled(application)
        file = next((file for file in application.ledger.files.all() if file.name == _KEY), None)
        self._say(f"Drill: {moved} event was redriven, and {file.rows if file else 0} rows converted")
        is_right = moved == 1 and is_settled and file is not None and file.adds_up and file.submitted
        return [] if is_right else ["the redrive did not bring the export back"]

    def _enable_convert(self, *, enabled: bool) -> None:
        functions = boto3.client("lambda")
        name = settings.CONVERT.physical_name(self._stage)
        (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def _move_to_dead_letters(self) -> None:
        """Move the message of the intake queue to its dead-letter queue, as SQS does after too many receives."""
        queues = boto3.client("sqs")
        intake = self._outputs["IntakeUrl"]
        dead = queues.get_queue_url(QueueName=settings.INTAKE.dead_letter_name(self._stage))["QueueUrl"]
        (message,) = queues.receive_message(QueueUrl=intake, WaitTimeSeconds=10)["Messages"]
        queues.send_message(QueueUrl=dead, MessageBody=message["Body"])
        queues.delete_message(QueueUrl=intake, ReceiptHandle=message["ReceiptHandle"])

    # restored ledger --------------------------------------------------------------------------------------------------

    def _use_table(self, table: str) -> Application:
        """Let the stack use another table; return the operator's application."""
        _synthesize(self._stage, table)
        return self._operator(self._cloud.update(_ASSEMBLY, settings.stack_name(self._stage)))

    def _catch_up(
        self, before: dict[str, FileSummary], restored: Application, ctwiz: Simulator, since: datetime
    ) -> list[str]:
        stored, received = set(ctwiz.accepted), len(ctwiz.received)
        lacking = before.keys() - {file.file_id for file in restored.ledger.files.all()}
        for item in restored.objects.versions(INBOX_PREFIX, since):
            restored.intake.announce(item.key, item.version_id)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while lacking - {file.file_id for file in restored.ledger.files.all() if file.complete}:
            if time.monotonic() > deadline:
                return ["what the restored ledger lacked was not converted"]
            time.sleep(1.0)
        # SQS drops the same reference as a duplicate within five minutes; sweep would queue it in an hour.
        restored.sweep(everything=True)
        is_settled = self._settled(restored)
        after = {file.file_id: file for file in restored.ledger.files.all()}
        repeated, new = len(ctwiz.received) - received, len(set(ctwiz.accepted) - stored)
        self._say(
            f"Drill: {restored.runtime.table} is in use; {len(lacking)} file that it lacked was replayed, and CT WiZ "
            f"received {repeated} messages again, {new} of them under a new MSH-10"
        )
        is_right = is_settled and len(lacking) == 1 and repeated and not new and after == before
        return [] if is_right else ["the restored ledger did not catch up with what was delivered"]


def _export(folder: Path) -> bytes:
    """Return an export of patients who are in no other."""
    demo_exports.generate(folder / "drill", today=datetime.now(UTC).date(), doses=_DOSES, seed=_SEED)
    (file,) = (folder / "drill" / "elm").iterdir()
    return file.read_bytes().replace(b"ELM-", b"DRILL-")


def _synthesize(stage: str, restored_table: str) -> None:
    """Synthesize the stage's template with the setting `restored_table`; the functions are bundled already."""
    import app  # noqa: PLC0415 - the CDK takes seconds to load

    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    context["stages"][stage]["restored_table"] = restored_table
    cdk_app = app.new_app(context, _ASSEMBLY)
    code = ROOT / "build" / "functions" / "here"
    app.add_stages(cdk_app, code, only=stage)
    cdk_app.synth()
