"""Where moto answers otherwise than DynamoDB, as far as vaxline relies on it.

BatchExecuteStatement: moto's INSERT overwrites an item that is there, and its UPDATE without a match is no error. AWS
(developer guide, "PartiQL insert statements" and "PartiQL update statements") refuses both: DuplicateItem and
ConditionalCheckFailed. Only the forms that `shared/adapters/ledger/table.py` writes are known here; any other is
refused as not valid. `make emulate` runs the same statements on another emulator.
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
    return [_answer(backend, one["Statement"], one.get("Parameters", [])) for one in statements]


def _answer(backend: DynamoDBBackend, text: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    if insert := _INSERT.fullmatch(text):
        return _inserted(backend, insert, values)
    if update := _UPDATE.fullmatch(text):
        return _updated(backend, update, values)
    return {"Error": {"Code": "ValidationError", "Message": "a form of statement that is not known here"}}


def _inserted(backend: DynamoDBBackend, insert: re.Match[str], values: list[dict[str, Any]]) -> dict[str, Any]:
    item = dict(zip(_VALUE.findall(insert["values"]), values, strict=True))
    try:
        backend.put_item(insert["table"], item, condition_expression="attribute_not_exists(pk)")
    except ConditionalCheckFailed:
        return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}}
    return {"TableName": insert["table"]}


def _updated(backend: DynamoDBBackend, update: re.Match[str], values: list[dict[str, Any]]) -> dict[str, Any]:
    sets, where = _NAME.findall(update["sets"]), _NAME.findall(update["where"])
    named = dict(zip([f":{number}" for number in range(len(values))], values, strict=True))
    marks = list(named)
    changes, key, conditions = marks[: len(sets)], marks[len(sets) : len(sets) + 2], marks[len(sets) + 2 :]
    conditions_told = [f"{name} = {mark}" for name, mark in zip(where, conditions, strict=True)]
    try:
        backend.update_item(
            update["table"],
            {"pk": named[key[0]], "sk": named[key[1]]},
            "SET " + ", ".join(f"{name} = {mark}" for name, mark in zip(sets, changes, strict=True)),
            {},
            {mark: named[mark] for mark in (*changes, *conditions)},
            condition_expression=" AND ".join(("attribute_exists(pk)", *conditions_told)),
        )
    except ConditionalCheckFailed:
        return {"Error": {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}}
    return {"TableName": update["table"]}


def apply() -> None:
    """Puts it in place, for as long as the process lives."""
    setattr(DynamoDBBackend, "batch_execute_statement", _batch_execute_statement)  # noqa: B010 - it is moto's own
