"""One DynamoDB table with the keys `pk` and `sk`: conditional writes, queries by page, and batches.

A condition that does not hold is an answer (False), not an error. Reads of the table are strongly consistent; an index
is always eventually consistent (AWS: DynamoDB developer guide, "Read consistency").
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from shared.batched import batched

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Item = dict[str, Any]
"""An item, a key or the values of an expression, as the low-level API writes them: `{"pk": {"S": "…"}}`."""

# The most that one call takes (AWS: API reference, BatchGetItem, BatchWriteItem, BatchExecuteStatement).
_BATCH_GET: Final = 100
BATCH_WRITE: Final = 25
_BATCH_STATEMENTS: Final = 25
# Far below the limit of a request, so that large items make small batches.
_BATCH_BYTES: Final = 1024 * 1024
_NOT_MET: Final = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_OVERTAKEN: Final = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})
_TRANSIENT: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
_UNPROCESSED: Final = "unprocessed"
_TRIES: Final = 8
_FIRST_WAIT: Final = 0.05

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Statement:
    """A PartiQL write of one item (API reference, BatchStatementRequest).

    Attributes:
        key: the partition key and the sort key of the item.
        text: the statement, with a `?` for each parameter.
        parameters: the values of the parameters.
    """

    key: tuple[str, str]
    text: str
    parameters: list[Item]


class BatchError(RuntimeError):
    """Entries of a batch that DynamoDB did not execute. The text has their codes and nothing of the items."""


class Put(NamedTuple):
    """An item to write, the condition for it, and the values of the condition."""

    item: Item
    condition: str
    values: Item | None = None


def key(pk: str, sk: str) -> Item:
    """Return a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def key_of(item: Item) -> tuple[str, str]:
    """Return the partition key and the sort key of an item."""
    return item["pk"]["S"], item["sk"]["S"]


def inserting(table: str, item: Item) -> Statement:
    """Return the statement that adds an item unless its key exists (`DuplicateItem`)."""
    values = ", ".join(f"'{name}': ?" for name in item)
    return Statement(key_of(item), f'INSERT INTO "{table}" VALUE {{{values}}}', list(item.values()))


class Table:
    """A table with its client."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    # one item --------------------------------------------------------------------------------------------------------

    def get(self, key: Item) -> Item | None:
        """Return an item, or None."""
        return self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def put(self, item: Item) -> None:
        """Write an item, whether its key exists or not."""
        self._client.put_item(TableName=self.name, Item=item)

    def put_if(self, condition: str, item: Item, values: Item | None = None) -> bool:
        """Write an item if the condition holds for the item with its key; return whether it did."""
        request: Any = {"TableName": self.name, "Item": item, "ConditionExpression": condition}
        if values:
            request["ExpressionAttributeValues"] = values
        try:
            self._client.put_item(**request)
        except ClientError as error:
            if not _is_condition_failed(error):
                raise
            return False
        return True

    def put_if_absent(self, item: Item) -> bool:
        """Write an item unless its key exists; return whether it was written."""
        return self.put_if("attribute_not_exists(pk)", item)

    def update(self, key: Item, expression: str, values: Item) -> None:
        """Update an item, which is made if its key does not exist."""
        self._client.update_item(
            TableName=self.name, Key=key, UpdateExpression=expression, ExpressionAttributeValues=values
        )

    def update_if(self, condition: str, key: Item, expression: str, values: Item) -> bool:
        """Update an item if the condition holds for it; return whether it did."""
        is_written, _ = self._update_if(condition, key, expression, values, {})
        return is_written

    def update_if_returning(self, condition: str, key: Item, expression: str, values: Item) -> tuple[bool, Item]:
        """Update an item if the condition holds for it.

        Returns:
            True with the item after the update, or False with the item as it is (empty if there is none).
        """
        returns = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return self._update_if(condition, key, expression, values, returns)

    def _update_if(
        self, condition: str, key: Item, expression: str, values: Item, returns: dict[str, str]
    ) -> tuple[bool, Item]:
        request: Any = {
            "TableName": self.name,
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **returns,
        }
        # `state` is a reserved word (AWS: DynamoDB developer guide, "Reserved words").
        if "#state" in expression + condition:
            request["ExpressionAttributeNames"] = {"#state": "state"}
        try:
            answer: Any = self._client.update_item(**request)
        except ClientError as error:
            if not _is_condition_failed(error):
                raise
            failed: Any = error.response
            return False, failed.get("Item", {})
        return True, answer.get("Attributes", {})

    def delete(self, key: Item) -> bool:
        """Delete an item; return whether it existed."""
        answer = self._client.delete_item(TableName=self.name, Key=key, ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))

    def put_together(self, puts: Sequence[Put]) -> bool:
        """Write at most 100 items of different keys in one transaction; return whether every condition held.

        A conflict with another write of one of the items counts as a condition that did not hold. A transaction costs
        twice the write units (AWS: DynamoDB developer guide, "Amazon DynamoDB Transactions: How it works").
        """
        requests: list[Any] = []
        for put in puts:
            request = {"TableName": self.name, "Item": put.item, "ConditionExpression": put.condition}
            requests.append({"Put": request | ({"ExpressionAttributeValues": put.values} if put.values else {})})
        try:
            self._client.transact_write_items(TransactItems=requests)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if not reasons <= _OVERTAKEN:
                raise
            return False
        return True

    # many items ------------------------------------------------------------------------------------------------------

    def query(self, condition: str, values: Item, *, index: str = "", only: str = "", page: int = 0) -> Iterator[Item]:
        """Yield the items of one partition in the order of its sort key, read page by page.

        Args:
            condition: The key condition.
            values: The values of `condition` and `only`.
            index: Name of an index; empty for the table.
            only: A filter; what it leaves out is read and paid for all the same.
            page: Items per page; 0 is as many as DynamoDB returns (1 MB).
        """
        request: Item = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        if only:
            request["FilterExpression"] = only
        if page:
            request["Limit"] = page
        for answer in self._client.get_paginator("query").paginate(**request):
            yield from answer["Items"]

    def get_many(self, keys: Iterable[Item]) -> Iterator[Item]:
        """Yield the items of these different keys that exist, in batches of 100 and in no order within a batch.

        Raises:
            BatchError: Some keys stayed unprocessed.
        """
        for batch in batched(keys, _BATCH_GET):
            found: list[Item] = []
            _retried(partial(self._read, found), batch)
            yield from found

    def _read(self, found: list[Item], keys: list[Item]) -> list[tuple[Item, str]]:
        """Read items into `found`; the keys that were not processed."""
        request: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
        answer: Any = self._client.batch_get_item(RequestItems=request)
        found += answer["Responses"].get(self.name, [])
        left = answer.get("UnprocessedKeys", {}).get(self.name, {})
        return [(key, _UNPROCESSED) for key in left.get("Keys", [])]

    def put_many(self, items: Iterable[Item]) -> None:
        """Write items of different keys, whether their keys exist or not.

        Raises:
            BatchError: Some items stayed unprocessed.
        """
        for batch in batched(items, BATCH_WRITE):
            _retried(self._write, batch)

    def _write(self, items: list[Item]) -> list[tuple[Item, str]]:
        """Write items; those that were not processed."""
        request: Any = {self.name: [{"PutRequest": {"Item": item}} for item in items]}
        answer: Any = self._client.batch_write_item(RequestItems=request)
        left = answer.get("UnprocessedItems", {}).get(self.name, [])
        return [(entry["PutRequest"]["Item"], _UNPROCESSED) for entry in left]

    def execute(self, statements: Sequence[Statement]) -> list[bool]:
        """Execute PartiQL writes of different items in batches; each has its own condition and result (ADR 0016).

        AWS: DynamoDB developer guide, "Running batch operations with PartiQL".

        Returns:
            For each statement whether it was executed; False if its condition did not hold.

        Raises:
            BatchError: A statement was not executed for another reason, or not in eight tries.
            ValueError: Two statements of a batch write the same item, for which DynamoDB refuses the whole batch.
        """
        executed = [True] * len(statements)

        def run(numbers: list[int]) -> list[tuple[int, str]]:
            transient: list[tuple[int, str]] = []
            for batch in _batches(statements, numbers):
                for number, code in zip(batch, self._codes([statements[at] for at in batch]), strict=True):
                    if code in _TRANSIENT:
                        transient.append((number, code))
                    elif code and code not in _NOT_MET:
                        raise BatchError(f"DynamoDB did not execute a statement: {code}")
                    else:
                        executed[number] = not code
            return transient

        _retried(run, list(range(len(statements))))
        return executed

    def _codes(self, statements: list[Statement]) -> list[str]:
        """The error code of each statement, empty if it was executed."""
        request: Any = [{"Statement": one.text, "Parameters": one.parameters} for one in statements]
        answer: Any = self._client.batch_execute_statement(Statements=request)
        return [response.get("Error", {}).get("Code", "") for response in answer["Responses"]]


def _retried(call: Callable[[list[_T]], list[tuple[_T, str]]], entries: list[_T]) -> None:
    """Call with entries, and again with those that it returns, with growing random waits.

    Raises:
        BatchError: Entries were left after the last try.
    """
    failed: list[tuple[_T, str]] = []
    for turn in range(_TRIES):
        if turn:
            time.sleep(random.uniform(0, _FIRST_WAIT * 2**turn))  # noqa: S311 - jitter needs no secrecy
        failed = call(entries)
        if not failed:
            return
        entries = [entry for entry, _ in failed]
    codes = ", ".join(sorted({code for _, code in failed}))
    raise BatchError(f"DynamoDB did not execute {len(failed)} entries of a batch in {_TRIES} tries: {codes}")


def _batches(statements: Sequence[Statement], numbers: Iterable[int]) -> Iterator[list[int]]:
    """Batches of statements, by their numbers: at most 25, and at most about a MiB of binary values.

    Raises:
        ValueError: Two statements of a batch write the same item. The text does not quote the key.
    """
    batch: list[int] = []
    keys: set[tuple[str, str]] = set()
    size = 0
    for number in numbers:
        own = sum(len(value["B"]) for value in statements[number].parameters if "B" in value)
        if batch and (len(batch) == _BATCH_STATEMENTS or size + own > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
            keys.clear()
        if statements[number].key in keys:
            raise ValueError("two statements of one batch write the same item")
        keys.add(statements[number].key)
        batch.append(number)
        size += own
    if batch:
        yield batch


def _is_condition_failed(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
