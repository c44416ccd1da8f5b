"""The drills of docs/operations.md on the emulated stage: a redrive, and a ledger that is restored and caught up.

What is rehearsed is what an operator does and may do; AWS's own part (setting a message aside, restoring to a point in
time) is played by the emulator and by the account's administrator.
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


class Drills:
    """The drills in their order, on a stage that has delivered everything; each says what was not right."""

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
        self._cloud = cloud
        self._outputs = outputs
        self._stage = stage
        self._operator = operator
        self._settled = settled
        self._say = say
        self._restored = f"{settings.PRODUCT}-{stage}-{RESTORED}"

    def __call__(self, application: Application, ctwiz: Simulator, folder: Path) -> tuple[Application, list[str]]:
        """All of them, and the operator's view of the stage after. The table is restored first: what the redrive brings
        afterwards is what it lacks.
        """
        since = datetime.now(UTC).replace(second=0, microsecond=0)
        self._restore()
        problems = self._redrive(application, folder)
        before = {file.file_id: file for file in application.ledger.files.all()}
        restored = self._in_use(self._restored)
        return restored, problems + self._catch_up(before, restored, ctwiz, since)

    def _restore(self) -> None:
        """As the administrator does, up to the point in time, which is now."""
        boto3.client("dynamodb").restore_table_to_point_in_time(
            SourceTableName=self._outputs["Table"], TargetTableName=self._restored, UseLatestRestorableTime=True
        )

    # set aside, and brought back --------------------------------------------------------------------------------------

    def _redrive(self, application: Application, folder: Path) -> list[str]:
        with_export = _export(folder)
        self._switch_convert(on=False)
        boto3.client("s3").put_object(Bucket=self._outputs["Bucket"], Key=_KEY, Body=with_export)
        self._set_aside()
        self._switch_convert(on=True)
        moved = application.redrive(settings.INTAKE)
        done = self._settled(application)
        found = next((file for file in application.ledger.files.all() if file.name == _KEY), None)
        self._say(f"Drill: {moved} event was set aside, brought back, and {found.rows if found else 0} rows converted")
        right = moved == 1 and done and found is not None and found.adds_up and found.submitted
        return [] if right else ["the redrive did not bring the export back"]

    def _switch_convert(self, *, on: bool) -> None:
        functions = boto3.client("lambda")
        name = settings.CONVERT.physical_name(self._stage)
        (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)

    def _set_aside(self) -> None:
        """As SQS does after too many receives."""
        queues = boto3.client("sqs")
        intake = self._outputs["IntakeUrl"]
        dead = queues.get_queue_url(QueueName=settings.INTAKE.dead_letter_name(self._stage))["QueueUrl"]
        (message,) = queues.receive_message(QueueUrl=intake, WaitTimeSeconds=10)["Messages"]
        queues.send_message(QueueUrl=dead, MessageBody=message["Body"])
        queues.delete_message(QueueUrl=intake, ReceiptHandle=message["ReceiptHandle"])

    # restored, and caught up ------------------------------------------------------------------------------------------

    def _in_use(self, table: str) -> Application:
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
        # Within five minutes SQS takes the same reference for a duplicate; sweep would queue it in an hour.
        restored.sweep(everything=True)
        done = self._settled(restored)
        after = {file.file_id: file for file in restored.ledger.files.all()}
        again, new = len(ctwiz.received) - received, len(set(ctwiz.accepted) - stored)
        self._say(
            f"Drill: {restored.runtime.table} is in use; {len(lacking)} file that it lacked was replayed, and CT WiZ "
            f"got {again} messages once more, {new} of them under a new MSH-10"
        )
        right = done and len(lacking) == 1 and again and not new and after == before
        return [] if right else ["the restored ledger did not catch up with what was delivered"]


def _export(folder: Path) -> bytes:
    """An export of people who were in no other."""
    demo_exports.generate(folder / "drill", today=datetime.now(UTC).date(), doses=_DOSES, seed=_SEED)
    (file,) = (folder / "drill" / "elm").iterdir()
    return file.read_bytes().replace(b"ELM-", b"DRILL-")


def _synthesize(stage: str, restored_table: str) -> None:
    """The stage's template with the switch `restored_table`, on the functions as they are bundled already."""
    import app  # noqa: PLC0415 - the CDK takes seconds to load

    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    context["stages"][stage]["restored_table"] = restored_table
    made = app.new_app(context, _ASSEMBLY)
    code = ROOT / "build" / "functions" / "here"
    app.add_stages(made, code, only=stage)
    made.synth()
