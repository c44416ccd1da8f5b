"""The rights of the people who run the `vaxline` command: a managed policy for the organization's own operator role."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.ledger import Ledger
from infra.queues import Queues
from infra.rights import Rights
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, INBOX_PREFIX, INDEXES, QUERY_FILES_PREFIX, REPORTS_PREFIX


class Operators(Construct):
    """Reading and correcting submissions, putting a configuration in force, asking about patients by file; no exports,
    no credentials, no deleting but of the note that stops a facility.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        storage: Storage,
        ledger: Ledger,
        queues: Queues,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.rights = Rights(
            self,
            "Rights",
            managed_policy_name=f"{settings.stack_name(stage.name)}-operator",
            description=f"The vaxline command on stage {stage.name}",
        )
        self.rights.allow(
            ["cloudformation:DescribeStacks"],
            [stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*")],
            because="CloudFormation ends a stack's ARN with an id that no template knows.",
        )
        storage.grant_read(self.rights, CONFIG_PREFIX, QUERY_FILES_PREFIX, REPORTS_PREFIX)
        storage.grant_write(self.rights, CONFIG_PREFIX)
        ledger.grant(
            self.rights, "BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"
        )
        for index in INDEXES:
            ledger.grant_query(self.rights, index)
        storage.grant_list(self.rights, INBOX_PREFIX)
        # `workflow-test --export` hands records in as an EHR does.
        storage.grant_write(self.rights, INBOX_PREFIX)
        for queue in queues.by_name.values():
            queue.grant_redrive(self.rights)
