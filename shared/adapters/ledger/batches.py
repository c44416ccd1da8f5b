"""Many conditional writes in one call: PartiQL statements, each with a condition and an outcome of its own (ADR 0016).

AWS: DynamoDB developer guide, "Running batch operations with PartiQL"; API reference, BatchExecuteStatement.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from shared.adapters.ledger.index import DynamoIndex
from shared.adapters.ledger.items import Item, record_item, submission_item
from shared.domain.submission import Record, Submission

_STATEMENTS: Final = 25
# Far below what a request may have, so that large items make small batches.
_BATCH_BYTES: Final = 1024 * 1024
_REFUSED: Final = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
_TRIES: Final = 8
_FIRST_WAIT: Final = 0.05

_Statement = dict[str, Any]


class BatchError(RuntimeError):
    """Statements that DynamoDB did not execute; the text has their codes and nothing of the items."""


class DynamoBatches(DynamoIndex):
    """The part of port `Ledger` that writes a chunk of an export down."""

    def save_records(self, records: Sequence[Record]) -> list[bool]:
        return self._execute([_saving(self._table, record) for record in records])

    def add_all(self, submissions: Sequence[Submission]) -> None:
        self._execute([_inserting(self._table, submission_item(one)) for one in submissions])

    def _execute(self, statements: Sequence[_Statement]) -> list[bool]:
        """Whether each was executed; False where its condition did not hold.

        Raises:
            BatchError: some were not executed for another reason, tried again or not.
        """
        done: dict[int, bool] = {}
        left = list(range(len(statements)))
        for turn in range(_TRIES):
            if turn:
                time.sleep(random.uniform(0, _FIRST_WAIT * 2**turn))  # noqa: S311 - waiting apart needs no secrecy
            failed: dict[int, str] = {}
            for batch in _batches(statements, left):
                for number, code in zip(batch, self._codes([statements[at] for at in batch]), strict=True):
                    if code in _PASSING:
                        failed[number] = code
                    elif code and code not in _REFUSED:
                        raise BatchError(f"DynamoDB did not execute a statement: {code}")
                    else:
                        done[number] = not code
            if not failed:
                return [done[number] for number in range(len(statements))]
            left = list(failed)
        codes = ", ".join(sorted(set(failed.values())))
        raise BatchError(f"DynamoDB did not execute {len(left)} statements, {_TRIES} times: {codes}")

    def _codes(self, statements: Any) -> list[str]:
        """The error code of each statement, empty where it was executed."""
        answer: Any = self._client.batch_execute_statement(Statements=statements)
        return [one.get("Error", {}).get("Code", "") for one in answer["Responses"]]


def _saving(table: str, record: Record) -> _Statement:
    """Version n of a record in the place of the one before it; the first only where there is none."""
    item = record_item(record)
    if record.version == 1:
        return _inserting(table, item)
    text = " ".join(("UPDATE", f'"{table}"', 'SET "version"=? SET "body"=? WHERE "pk"=? AND "sk"=? AND "version"=?'))
    before = {"N": str(record.version - 1)}
    return {"Statement": text, "Parameters": [item["version"], item["body"], item["pk"], item["sk"], before]}


def _inserting(table: str, item: Item) -> _Statement:
    return {"Statement": _insert(table, tuple(item)), "Parameters": list(item.values())}


def _insert(table: str, names: tuple[str, ...]) -> str:
    """INSERT does nothing where an item with this key is there already."""
    values = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{values}}}'


def _batches(statements: Sequence[_Statement], numbers: Iterable[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for number in numbers:
        own = sum(len(value["B"]) for value in statements[number]["Parameters"] if "B" in value)
        if batch and (len(batch) == _STATEMENTS or size + own > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += own
    if batch:
        yield batch
