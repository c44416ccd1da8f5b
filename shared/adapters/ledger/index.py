"""The ledger's second way in: what became of submissions day by day, and by which values they are found (ADR 0011).

    DAY#<day>    <clinic>#<MSH-10>   one outcome, written once; the same again changes nothing
    LATE         <day>               how often an outcome came when its day was over; a kept count of the day names it
    FIND#<shelf> <mark><MSH-10> …    values that people search by, as keyed hashes, and the submissions they stand in

Outcomes and values are plain puts without a condition: their content follows from the submission.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared import settings
from shared.adapters.ledger.items import Item, msh_10_of, submission_from, text
from shared.adapters.ledger.packing import pack, unpack
from shared.batched import batched
from shared.domain import identity
from shared.domain.outcome import Findable, Outcome
from shared.domain.submission import Submission

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_BATCH_GET: Final = 100
_BATCH_WRITE: Final = 25
# As many as one call writes. A search reads the whole of a value's shelf.
_SHELVES: Final = _BATCH_WRITE
# An item is its keys: an entry has 37 bytes, a sort key 1,024 at most (AWS: DynamoDB quotas) and so has a write unit.
_ON_AN_ITEM: Final = 26
_LATE: Final = "LATE"


def condition_failed(error: ClientError) -> bool:
    """Whether a conditional write found its condition not met."""
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"


def _shelf(mark: str) -> str:
    return f"FIND#{int(mark[:8], 16) % _SHELVES}"


class DynamoIndex:
    """The part of port `Ledger` that reports and searches go through."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._patient_key: bytes | None = None

    def patient_key(self) -> bytes:
        if self._patient_key is None:
            key = {"pk": {"S": "META"}, "sk": {"S": "patient_key"}}
            self._put_if_absent(key | {"key": {"B": secrets.token_bytes(32)}})
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            self._patient_key = bytes(found["Item"]["key"]["B"])
        return self._patient_key

    # outcomes --------------------------------------------------------------------------------------------------------

    def note_outcome(self, outcome: Outcome, now: datetime) -> None:
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"DAY#{outcome.day.isoformat()}"},
                "sk": {"S": f"{outcome.clinic}#{outcome.msh_10}"},
                "body": {"B": pack(outcome)},
            },
        )
        if outcome.day < now.astimezone(UTC).date():
            # After the outcome: whoever counts in between keeps a count that this mark makes void.
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": _LATE}, "sk": {"S": outcome.day.isoformat()}},
                UpdateExpression="ADD times :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    def late(self, since: date, until: date) -> Mapping[date, int]:
        values: Item = {
            ":late": {"S": _LATE},
            ":since": {"S": since.isoformat()},
            ":until": {"S": until.isoformat()},
        }
        found = self._query(None, "pk = :late AND sk BETWEEN :since AND :until", values)
        return {date.fromisoformat(text(item, "sk")): int(item["times"]["N"]) for item in found}

    def outcomes(self, day: date, clinic: str = "") -> Iterator[Outcome]:
        condition = "pk = :day"
        values: Item = {":day": {"S": f"DAY#{day.isoformat()}"}}
        if clinic:
            condition += " AND begins_with(sk, :clinic)"
            values[":clinic"] = {"S": f"{clinic}#"}
        for item in self._query(None, condition, values):
            yield unpack(item["body"]["B"], Outcome)

    # search ----------------------------------------------------------------------------------------------------------

    def make_findable(self, values: Sequence[Findable]) -> None:
        key = self.patient_key()
        shelves: defaultdict[str, list[str]] = defaultdict(list)
        for one in values:
            mark = identity.search_key(key, one.kind, one.value)
            shelves[_shelf(mark)] += [mark + msh_10 for msh_10 in one.msh_10s]
        # The key is all that an item says, so that no item of other submissions takes its place.
        puts: list[Any] = [
            {"PutRequest": {"Item": {"pk": {"S": shelf}, "sk": {"S": " ".join(together)}}}}
            for shelf, entries in shelves.items()
            for together in batched(entries, _ON_AN_ITEM)
        ]
        while puts:
            batch, puts = puts[:_BATCH_WRITE], puts[_BATCH_WRITE:]
            answer = self._client.batch_write_item(RequestItems={self._table: batch})
            puts += answer.get("UnprocessedItems", {}).get(self._table, [])

    def found(self, kind: str, value: str) -> Iterator[str]:
        mark = identity.search_key(self.patient_key(), kind, value)
        items = self._query(None, "pk = :shelf", {":shelf": {"S": _shelf(mark)}})
        entries = (entry for item in items if mark in (key := text(item, "sk")) for entry in key.split())
        # A conversion that was cut off is done again, and its submissions may then stand together with others.
        yield from dict.fromkeys(entry.removeprefix(mark) for entry in entries if entry.startswith(mark))

    def of_row(self, file_id: str, row: int) -> Iterator[str]:
        values: Item = {":file": {"S": file_id}, ":row": {"S": f" {row} "}}
        for item in self._query(settings.BY_FILE.name, "file_id = :file", values, "contains(row_list, :row)"):
            yield msh_10_of(item)

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        for batch in batched(dict.fromkeys(msh_10s), _BATCH_GET):
            found = self._batch(batch)
            yield from (found[msh_10] for msh_10 in batch if msh_10 in found)

    def _batch(self, msh_10s: list[str]) -> dict[str, Submission]:
        keys: list[Any] = [{"pk": {"S": f"SUB#{msh_10}"}, "sk": {"S": "SUB"}} for msh_10 in msh_10s]
        found: dict[str, Submission] = {}
        while keys:
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            for item in answer["Responses"].get(self._table, []):
                submission = submission_from(item)
                found[submission.msh_10] = submission
            unread: Any = answer.get("UnprocessedKeys", {}).get(self._table, {})
            keys = unread.get("Keys", [])
        return found

    # the table -------------------------------------------------------------------------------------------------------

    def _put_if_absent(self, item: Item) -> bool:
        return self._put(item, condition="attribute_not_exists(pk)", values={})

    def _put(self, item: Item, *, condition: str, values: Item) -> bool:
        extra: Item = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression=condition, **extra)
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def _query(
        self, index: str | None, condition: str, values: Item, only: str = "", *, page: int = 0
    ) -> Iterator[Item]:
        """The items of one partition, of the table or of an index, those that `only` (a filter) keeps.

        `page` of them are read at a time; 0 is as many as DynamoDB gives.
        """
        request: Item = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if only:
            request["FilterExpression"] = only
        if page:
            request["Limit"] = page
        if index is not None:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        for found in self._client.get_paginator("query").paginate(**request):
            yield from found["Items"]

    def _update_item(self, key: Item, update: str, condition: str, values: Item) -> bool:
        return self._updated(key, update, condition, values) is not None

    def _updated(self, key: Item, update: str, condition: str, values: Item, *, returns: Any = "NONE") -> Item | None:
        """What DynamoDB returns of the item (`ReturnValues`, nothing unless told); None where the condition failed."""
        names = {"#state": "state"} if "#state" in update + condition else {}
        extra: Item = {"ExpressionAttributeNames": names} if names else {}
        try:
            answer: Any = self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues=returns,
                **extra,
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return None
        found: Item = answer.get("Attributes", {})
        return found
