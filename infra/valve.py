"""The permissions and the schedule of the function that stops and resumes delivery."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from infra.functions import Function
from infra.ledger import Ledger
from infra.queues import Queues
from infra.secrets import ClinicSecrets
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX


def grant_sending(
    function: Function, *, storage: Storage, ledger: Ledger, queues: Queues, secrets: ClinicSecrets
) -> None:
    """Let a function send messages to the IIS: submit, and in a trial the valve. Both need the same."""
    storage.grant_read(function.permissions, CONFIG_PREFIX)
    ledger.grant(function.permissions, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    queues.resubmission.grant_send(function.permissions)
    secrets.grant_read(function.permissions)


def serve_valve(
    valve: Function,
    delivery: lambda_.EventSourceMapping,
    *,
    stage: Stage,
    storage: Storage,
    ledger: Ledger,
    queues: Queues,
    secrets: ClinicSecrets,
) -> None:
    """Let the function switch `delivery`, and send the messages of a trial as submit does."""
    grant_sending(valve, storage=storage, ledger=ledger, queues=queues, secrets=secrets)
    queues.outbox.grant_consume(valve.permissions, delay=True)
    valve.switch(delivery)
    valve.run_every(settings.VALVE.every_minutes or 1, stage=stage)
