"""The ledger's second way in: what became of submissions day by day, and by which values they are found (ADR 0011).

    DAY#<day>    <clinic>#<MSH-10>   one outcome, written once; the same again changes nothing
    LATE         <day>               how often an outcome came when its day was over; a kept count of the day names it
    FIND#<hash>  <MSH-10> <MSH-10>…  a value that people search by stands in these submissions

Outcomes and values are plain puts without a condition: their content follows from the submission.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared import settings
from shared.adapters.dynamodb_items import Item, msh_10_of, submission_from, text
from shared.adapters.packing import pack, unpack
from shared.batched import batched
from shared.domain import identity, shares
from shared.domain.outcome import Findable, Outcome
from shared.domain.submission import FileSummary, Submission

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_BATCH_GET: Final = 100
_BATCH_WRITE: Final = 25
# A sort key has at most 1,024 bytes (AWS: DynamoDB quotas), an MSH-10 20.
_IN_A_KEY: Final = 40
_LATE: Final = "LATE"


def condition_failed(error: ClientError) -> bool:
    """Whether a conditional write found its condition not met."""
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"


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
        marked = ((identity.search_key(key, one.kind, one.value), one.msh_10s) for one in values)
        # The key is all that an item says, so that no item of other submissions takes its place.
        puts: list[Any] = [
            {"PutRequest": {"Item": {"pk": {"S": f"FIND#{mark}"}, "sk": {"S": " ".join(together)}}}}
            for mark, msh_10s in marked
            for together in batched(msh_10s, _IN_A_KEY)
        ]
        while puts:
            batch, puts = puts[:_BATCH_WRITE], puts[_BATCH_WRITE:]
            answer = self._client.batch_write_item(RequestItems={self._table: batch})
            puts += answer.get("UnprocessedItems", {}).get(self._table, [])

    def found(self, kind: str, value: str) -> Iterator[str]:
        mark = identity.search_key(self.patient_key(), kind, value)
        items = self._query(None, "pk = :mark", {":mark": {"S": f"FIND#{mark}"}})
        # A conversion that was cut off is done again, and its submissions may then stand together with others.
        yield from dict.fromkeys(msh_10 for item in items for msh_10 in text(item, "sk").split())

    def of_row(self, file_id: str, row: int) -> Iterator[str]:
        for one in self._partitions(file_id):
            values: Item = {":file": {"S": one}, ":row": {"S": f" {row} "}}
            for item in self._query(settings.BY_FILE.name, "file_id = :file", values, "contains(row_list, :row)"):
                yield msh_10_of(item)

    def _partitions(self, file_id: str) -> tuple[str, ...]:
        """Under which ids the index `by_file` has what a file became: each share writes to a partition of its own."""
        file = self._summary(file_id)
        return shares.ids_of(file) if file else (file_id,)

    def _summary(self, file_id: str) -> FileSummary | None:
        """A file or a share as it was written, its rows not counted."""
        key = {"pk": {"S": "FILES"}, "sk": {"S": file_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return unpack(item["body"]["B"], FileSummary) if item else None

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
