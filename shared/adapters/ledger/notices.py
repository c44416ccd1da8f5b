"""Pending notices in the ledger's table (`NOTICES` / `<hour>#<clinic>#<cause>`), and the SNS topic of the e-mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.ledger.items import iso, text
from shared.adapters.ledger.table import Item, Table, key
from shared.domain.notice import PendingNotice

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PARTITION: Final = "NOTICES"
_CLAIM_LASTS: Final = timedelta(minutes=10)
"""After this the claim of a function that was stopped before it sent the mail is void."""

_SUBJECT_LENGTH: Final = 99
"""A subject has fewer than 100 characters (SNS API reference, Publish)."""


class DynamoPendingNotices:
    """Port `PendingNotices`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._added: set[PendingNotice] = set()

    def add(self, notice: PendingNotice) -> None:
        if notice in self._added:
            return
        # An update, because a put would remove the claim of a notice that exists.
        self._table.update(_key(notice), "SET cause = :cause", {":cause": {"S": notice.cause}})
        self._added = {added for added in self._added if added.hour == notice.hour} | {notice}

    def open(self, until: datetime) -> Iterator[PendingNotice]:
        # A colon sorts after the `#` that follows the hour, so the keys of that hour are included.
        values = {":pk": {"S": _PARTITION}, ":until": {"S": f"{iso(until)}:"}}
        for item in self._table.query("pk = :pk AND sk < :until", values):
            hour, clinic, cause = text(item, "sk").split("#", 2)
            yield PendingNotice(datetime.fromisoformat(hour), clinic, cause)

    def claim(self, notice: PendingNotice, now: datetime) -> bool:
        # Leaves no claim, or a void one: guards a claim that holds, and a notice that was sent and removed.
        return self._table.update_if(
            "attribute_exists(pk) AND (attribute_not_exists(claimed) OR claimed < :stale)",
            _key(notice),
            "SET claimed = :now",
            {":now": {"S": iso(now)}, ":stale": {"S": iso(now - _CLAIM_LASTS)}},
        )

    def remove(self, notice: PendingNotice) -> None:
        self._table.delete(_key(notice))


class SnsTopic:
    """Port `Topic`: an SNS topic.

    Args:
        client: Makes the SNS client; called at the first notice, since most invocations send none.
        arn: ARN of the topic.
    """

    def __init__(self, client: Callable[[], Any], arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, subject: str, text: str) -> None:
        self._client().publish(TopicArn=self._arn, Subject=subject[:_SUBJECT_LENGTH], Message=text)


def _key(notice: PendingNotice) -> Item:
    return key(_PARTITION, f"{iso(notice.hour)}#{notice.clinic}#{notice.cause}")
