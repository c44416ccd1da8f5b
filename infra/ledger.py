"""The DynamoDB table of the ledger."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.nag import acknowledge
from infra.permissions import TABLE_READ, TABLE_WRITE, CustomerManagedKey, Permissions
from infra.removal import removal_policy
from infra.stages import Stage
from shared import settings
from shared.settings import IndexSettings

_TEXT = dynamodb.AttributeType.STRING
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})


class Ledger(Construct):
    """One on-demand table with three sparse indexes (`shared.settings`).

    `name` is the table in use: the stack's own, or the one that was restored from it (docs/operations.md).
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.key = CustomerManagedKey(
            self, "Key", alias=f"alias/{settings.PRODUCT}-{stage.name}-ledger", purpose="vaxline: the ledger"
        )
        partition_key, sort_key = settings.LEDGER_KEY
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=settings.table_name(stage.name),
            partition_key=dynamodb.Attribute(name=partition_key, type=_TEXT),
            sort_key=dynamodb.Attribute(name=sort_key, type=_TEXT),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=stage.guarded,
            removal_policy=removal_policy(stage),
        )
        for index in settings.INDEXES:
            self._add(index)
        self.name = stage.restored_table or self.table.table_name
        self._arn = (
            cdk.Stack.of(self).format_arn(service="dynamodb", resource="table", resource_name=stage.restored_table)
            if stage.restored_table
            else self.table.table_arn
        )
        acknowledge(
            self.table,
            {
                "HIPAA.Security-DynamoDBInBackupPlan": "Point-in-time recovery restores any second of the last 35 "
                "days; a longer archive is the organization's own backup plan, which takes up the table by its name.",
            },
        )

    def _add(self, index: IndexSettings) -> None:
        self.table.add_global_secondary_index(
            index_name=index.name,
            partition_key=dynamodb.Attribute(name=index.partition_key, type=_TEXT),
            sort_key=dynamodb.Attribute(name=index.sort_key, type=_TEXT),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=list(index.projected),
        )

    def grant(self, permissions: Permissions, *operations: str) -> None:
        """Allow operations on the table's items."""
        self._grant(permissions, operations, self._arn)

    def grant_query(self, permissions: Permissions, *indexes: IndexSettings) -> None:
        """Allow queries of indexes."""
        for index in indexes:
            self._grant(permissions, ["Query"], f"{self._arn}/index/{index.name}")

    def _grant(self, permissions: Permissions, operations: Sequence[str], resource: str) -> None:
        permissions.allow([f"dynamodb:{operation}" for operation in operations], [resource])
        permissions.use_key(
            self.key, TABLE_WRITE if _WRITES.intersection(operations) else TABLE_READ, through="dynamodb"
        )
