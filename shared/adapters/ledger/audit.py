"""The audit trail in the ledger's table: `AUDIT#<day>` / `<time>#<token>`, written once and never changed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from shared.domain.audit import AuditEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_TOKEN: Final = 4


class DynamoAuditTrail:
    """Port `AuditTrail` on a DynamoDB table with the ledger's key."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, entry: AuditEntry) -> None:
        when = entry.when.astimezone(UTC)
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"AUDIT#{when:%Y-%m-%d}"},
                "sk": {"S": f"{when.isoformat(timespec='microseconds')}#{secrets.token_hex(_TOKEN)}"},
                "entry": {"S": msgspec.json.encode(entry).decode()},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )

    def entries(self, since: date, until: date) -> Iterator[AuditEntry]:
        day = since
        while day <= until:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :day",
                ExpressionAttributeValues={":day": {"S": f"AUDIT#{day:%Y-%m-%d}"}},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield msgspec.json.decode(item["entry"]["S"], type=AuditEntry)
            day += timedelta(days=1)
