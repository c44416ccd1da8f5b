"""The audit trail in the ledger's table: `AUDIT#<day>` / `<time>#<token>`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from shared.adapters.ledger.items import iso, text
from shared.adapters.ledger.table import Table, key
from shared.domain.audit import AuditEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_TOKEN_BYTES: Final = 4


class DynamoAuditTrail:
    """Port `AuditTrail`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def note(self, entry: AuditEntry) -> None:
        item = key(_partition(entry.when.astimezone(UTC)), f"{iso(entry.when)}#{secrets.token_hex(_TOKEN_BYTES)}")
        # Leaves nothing: guards every entry that is there.
        self._table.put_if_absent(item | {"entry": {"S": msgspec.json.encode(entry).decode()}})

    def entries(self, since: date, until: date) -> Iterator[AuditEntry]:
        day = since
        while day <= until:
            for item in self._table.query("pk = :day", {":day": {"S": _partition(day)}}):
                yield msgspec.json.decode(text(item, "entry"), type=AuditEntry)
            day += timedelta(days=1)


def _partition(day: date) -> str:
    return f"AUDIT#{day:%Y-%m-%d}"
