"""Replaces methods of moto that behave differently from DynamoDB, where vaxline depends on the difference.

BatchExecuteStatement: moto's INSERT overwrites an existing item, and its UPDATE without a match is no error. AWS
(developer guide, "PartiQL insert statements" and "PartiQL update statements") refuses both with DuplicateItem and
ConditionalCheckFailed. Only the statements that `shared/adapters/ledger/table.py` writes are supported; any other gets
a ValidationError. `make emulate` runs the same statements on another emulator.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend

_INSERT: Final = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<values>.+)\}')
_VALUE: Final = re.compile(r"'(\w+)': \?(?:, |$)")
_UPDATE: Final = re.compile(
    r'UPDATE "(?P<table>[^"]+)" (?P<sets>(?:SET "\w+"=\? )+)WHERE "pk"=\? AND "sk"=\?(?P<where>(?: AND "\w+"=\?)*)'
)
_NAME: Final = re.compile(r'"(\w+)"=\?')


def _batch_execute_statement(backend: DynamoDBBackend, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_execute(backend, statement["Statement"], statement.get("Parameters", [])) for statement in statements]


def _execute(backend: DynamoDBBackend, text: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    if insert := _INSERT.fullmatch(text):
        return _insert(backend, insert, values)
    if update := _UPDATE.fullmatch(text):
        return _update(backend, update, values)
    return {"Error": {"Code": "ValidationError", "Message": "this form of statement is not supported"}}


def _insert(backend: DynamoDBBackend, insert: re.Match[str], values: list[dict[str, Any]]) -> dict[str, Any]:
    item = dict(zip(_VALUE.findall(insert["values"]), values, strict=True))
    try:
        backend.put_item(insert["table"], item, condition_expression="attribute_not_exists(pk)")
    except ConditionalCheckFailed:
        return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}}
    return {"TableName": insert["table"]}


def _update(backend: DynamoDBBackend, update: re.Match[str], values: list[dict[str, Any]]) -> dict[str, Any]:
    sets, where = _NAME.findall(update["sets"]), _NAME.findall(update["where"])
    placeholders = dict(zip([f":{number}" for number in range(len(values))], values, strict=True))
    names = list(placeholders)
    changes, key, conditions = names[: len(sets)], names[len(sets) : len(sets) + 2], names[len(sets) + 2 :]
    comparisons = [f"{name} = {placeholder}" for name, placeholder in zip(where, conditions, strict=True)]
    try:
        backend.update_item(
            update["table"],
            {"pk": placeholders[key[0]], "sk": placeholders[key[1]]},
            "SET " + ", ".join(f"{name} = {placeholder}" for name, placeholder in zip(sets, changes, strict=True)),
            {},
            {name: placeholders[name] for name in (*changes, *conditions)},
            condition_expression=" AND ".join(("attribute_exists(pk)", *comparisons)),
        )
    except ConditionalCheckFailed:
        return {"Error": {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}}
    return {"TableName": update["table"]}


def apply() -> None:
    """Replace the methods for the rest of the process."""
    setattr(DynamoDBBackend, "batch_execute_statement", _batch_execute_statement)  # noqa: B010 - it is moto's own
