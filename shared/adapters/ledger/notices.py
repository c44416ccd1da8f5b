"""Pending notices in the ledger's table (`NOTICES` / `<hour>#<clinic>#<cause>`), and the SNS topic of the e-mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared.adapters.ledger.index import condition_failed
from shared.adapters.ledger.items import Item, iso
from shared.domain.notice import PendingNotice

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PARTITION: Final = "NOTICES"
# A claim whose mail did not follow, because the function was stopped in between.
_CLAIM_LASTS: Final = timedelta(minutes=10)
# The longest subject that SNS takes has fewer than 100 characters (SNS API reference, Publish).
_SUBJECT: Final = 99


class DynamoPendingNotices:
    """Port `PendingNotices` on a DynamoDB table with the ledger's key."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._added: set[PendingNotice] = set()

    def add(self, notice: PendingNotice) -> None:
        if notice in self._added:
            return
        # Makes the item where there is none and leaves a claim on one that is there as it is.
        self._client.update_item(
            TableName=self._table,
            Key=_key(notice),
            UpdateExpression="SET cause = :cause",
            ExpressionAttributeValues={":cause": {"S": notice.cause}},
        )
        self._added = {one for one in self._added if one.hour == notice.hour} | {notice}

    def open(self, until: datetime) -> Iterator[PendingNotice]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk < :until",
            # A colon sorts after the digits and the `#` of every key of that very hour.
            ExpressionAttributeValues={":pk": {"S": _PARTITION}, ":until": {"S": f"{iso(until)}:"}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                hour, clinic, cause = item["sk"]["S"].split("#", 2)
                yield PendingNotice(datetime.fromisoformat(hour), clinic, cause)

    def claim(self, notice: PendingNotice, now: datetime) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(notice),
                UpdateExpression="SET claimed = :now",
                ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(claimed) OR claimed < :stale)",
                ExpressionAttributeValues={":now": {"S": iso(now)}, ":stale": {"S": iso(now - _CLAIM_LASTS)}},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def remove(self, notice: PendingNotice) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(notice))


class SnsTopic:
    """Port `Topic`: those who subscribed to it hear."""

    def __init__(self, client: Callable[[], Any], arn: str) -> None:
        """`client` is made when there is something to say: most starts have nothing."""
        self._client = client
        self._arn = arn

    def publish(self, subject: str, text: str) -> None:
        self._client().publish(TopicArn=self._arn, Subject=subject[:_SUBJECT], Message=text)


def _key(notice: PendingNotice) -> Item:
    return {"pk": {"S": _PARTITION}, "sk": {"S": f"{iso(notice.hour)}#{notice.clinic}#{notice.cause}"}}
