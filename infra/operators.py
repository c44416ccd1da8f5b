"""The permissions of operators, who run the `vaxline` command: a managed policy for the organization's own role."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.ledger import Ledger
from infra.permissions import Permissions
from infra.queues import Queues
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, INBOX_PREFIX, INDEXES, QUERY_FILES_PREFIX, REPORTS_PREFIX


class Operators(Construct):
    """The policy: read and correct submissions, push a configuration, upload query files.

    It gives no access to the content of exports or to credentials. Of the ledger it may delete only what stops a
    facility.
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
        self.permissions = Permissions(
            self,
            "Rights",
            managed_policy_name=f"{settings.stack_name(stage.name)}-operator",
            description=f"The vaxline command on stage {stage.name}",
        )
        self.permissions.allow(
            ["cloudformation:DescribeStacks"],
            [stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*")],
            because="CloudFormation ends a stack's ARN with an id that no template knows.",
        )
        storage.grant_read(self.permissions, CONFIG_PREFIX, QUERY_FILES_PREFIX, REPORTS_PREFIX)
        storage.grant_write(self.permissions, CONFIG_PREFIX)
        ledger.grant(
            self.permissions,
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "UpdateItem",
        )
        for index in INDEXES:
            ledger.grant_query(self.permissions, index)
        storage.grant_list(self.permissions, INBOX_PREFIX)
        # `workflow-test --export` uploads an export.
        storage.grant_write(self.permissions, INBOX_PREFIX)
        for queue in queues.by_name.values():
            queue.grant_redrive(self.permissions)
