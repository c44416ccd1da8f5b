"""The stack of one stage: it creates the constructs and grants the permissions."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import reports
from infra.dashboard import Dashboard
from infra.functions import Function
from infra.ledger import Ledger
from infra.network import Network
from infra.notices import NoticeTopic
from infra.operations import Operations
from infra.operators import Operators
from infra.queries import allow_queries
from infra.queues import Queues
from infra.requeueing import serve_backfill, serve_sweep
from infra.secrets import ClinicSecrets
from infra.stages import Stage
from infra.storage import Storage
from infra.valve import grant_sending, serve_valve
from shared import settings
from shared.alarms import is_invoked_hourly
from shared.settings import CONFIG_PREFIX, INBOX_PREFIX, FunctionSettings


class VaxlineStack(cdk.Stack):
    """The stack. It looks nothing up in AWS, so it synthesizes offline."""

    def __init__(self, scope: Construct, *, stage: Stage, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            settings.stack_name(stage.name),
            description=f"vaxline, stage {stage.name}: immunization reports to the IIS",
            analytics_reporting=False,
            termination_protection=stage.guarded,
            tags={"product": settings.PRODUCT, "stage": stage.name},
        )
        operations = Operations(self, "Operations", stage=stage)
        queues = Queues(self, "Queues", stage=stage)
        storage = Storage(self, "Storage", stage=stage, intake=queues.intake)
        ledger = Ledger(self, "Ledger", stage=stage)
        secrets = ClinicSecrets(self, "Secrets", stage=stage)
        network = Network(self, "Network", stage=stage, operations=operations) if stage.fixed_egress else None
        environment = {
            "VAXLINE_STAGE": stage.name,
            "VAXLINE_TABLE": ledger.name,
            "VAXLINE_BUCKET": storage.name,
            "VAXLINE_OUTBOX_URL": queues.outbox.queue.queue_url,
            "VAXLINE_INTAKE_URL": queues.intake.queue.queue_url,
            "VAXLINE_RESUBMISSION_URL": queues.resubmission.queue.queue_url,
        }

        def function(function_settings: FunctionSettings, *, inside: Network | None = None) -> Function:
            created = Function(
                self,
                function_settings.name.title().replace("-", ""),
                stage=stage,
                function=function_settings,
                code=code,
                environment=environment,
                operations=operations,
                network=inside,
            )
            operations.alarms.watch_function(
                function_settings.name, created.function, scheduled=is_invoked_hourly(function_settings)
            )
            return created

        convert = function(settings.CONVERT)
        storage.grant_read(convert.permissions, INBOX_PREFIX, CONFIG_PREFIX)
        ledger.grant(convert.permissions, "BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "UpdateItem")
        # For BatchExecuteStatement (DynamoDB developer guide, "IAM security policies with PartiQL").
        ledger.grant(convert.permissions, "PartiQLInsert", "PartiQLUpdate")
        ledger.grant_query(convert.permissions, settings.BY_FILE)
        queues.outbox.grant_send(convert.permissions, depth=True)
        queues.resubmission.grant_send(convert.permissions)
        queues.intake.grant_send(convert.permissions)
        convert.consume(queues.intake)

        submit = function(settings.SUBMIT, inside=network)
        grant_sending(submit, storage=storage, ledger=ledger, queues=queues, secrets=secrets)
        delivery = submit.consume(queues.outbox, delay=True)

        triage = function(settings.TRIAGE)
        ledger.grant(triage.permissions, "GetItem", "PutItem", "UpdateItem")
        queues.outbox.grant_send(triage.permissions)
        triage.consume(queues.resubmission)

        sweep = function(settings.SWEEP)
        serve_sweep(sweep, stage=stage, storage=storage, ledger=ledger, queues=queues)
        notices = NoticeTopic(self, "Notices", stage=stage, key=operations.key)
        notices.serve(sweep)
        serve_backfill(function(settings.BACKFILL), stage=stage, storage=storage, ledger=ledger, queues=queues)

        serve_valve(
            function(settings.VALVE, inside=network),
            delivery,
            stage=stage,
            storage=storage,
            ledger=ledger,
            queues=queues,
            secrets=secrets,
        )

        operators = Operators(self, "Operators", stage=stage, storage=storage, ledger=ledger, queues=queues)
        allow_queries(
            function(settings.QUERY, inside=network),
            function(settings.QUERY_FILES, inside=network),
            stage=stage,
            storage=storage,
            ledger=ledger,
            secrets=secrets,
            operators=operators,
        )
        reports.serve(function(settings.REPORT), stage=stage, storage=storage, ledger=ledger)
        self._watch(stage, operations, queues)

        outputs = {
            "Bucket": storage.name,
            "Table": ledger.name,
            "IntakeUrl": queues.intake.queue.queue_url,
            "OutboxUrl": queues.outbox.queue.queue_url,
            "ResubmissionUrl": queues.resubmission.queue.queue_url,
            "ExportsKey": storage.key.key_arn,
            "SecretsKey": secrets.key.key_arn,
            "AlarmTopic": operations.topic.topic_arn,
            "NoticeTopic": notices.topic.topic_arn,
        }
        if network is not None:
            outputs["EgressAddress"] = network.address.attr_public_ip
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)

    def _watch(self, stage: Stage, operations: Operations, queues: Queues) -> None:
        for queue in queues.by_name.values():
            operations.alarms.watch_queue(queue)
        if stage.dashboard:
            Dashboard(self, "Page", stage=stage, alarms=operations.alarms.created, queues=queues.by_name.values())
