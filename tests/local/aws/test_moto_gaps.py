"""The emulated DynamoDB refuses what DynamoDB refuses."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud


@pytest.fixture
def run(cloud: LocalCloud) -> Any:
    client = boto3.client("dynamodb", region_name=REGION)

    def execute(text: str, *values: str) -> dict[str, Any]:
        statement: Any = {"Statement": text.format(table=cloud.runtime.table)}
        if values:
            statement["Parameters"] = [{"S": value} for value in values]
        [answer] = client.batch_execute_statement(Statements=[statement])["Responses"]
        return dict(answer)

    return execute


INSERT = "INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'what': ?}}"
UPDATE = 'UPDATE "{table}" SET "what"=? WHERE "pk"=? AND "sk"=? AND "what"=?'


def test_an_insert_does_not_overwrite(run: Any) -> None:
    assert "Error" not in run(INSERT, "A", "1", "first")
    assert run(INSERT, "A", "1", "second")["Error"]["Code"] == "DuplicateItem"
    assert "Error" not in run(UPDATE, "third", "A", "1", "first")


def test_an_update_of_what_is_not_there_or_not_so_is_an_error(run: Any) -> None:
    assert run(UPDATE, "new", "A", "1", "old")["Error"]["Code"] == "ConditionalCheckFailed"
    run(INSERT, "A", "1", "first")
    assert run(UPDATE, "new", "A", "1", "old")["Error"]["Code"] == "ConditionalCheckFailed"
    assert "Error" not in run(UPDATE, "new", "A", "1", "first")


@pytest.mark.parametrize("text", ['SELECT * FROM "{table}"', 'DELETE FROM "{table}" WHERE "pk"=?', "nonsense"])
def test_a_form_that_is_not_known_is_refused(run: Any, text: str) -> None:
    assert run(text)["Error"]["Code"] == "ValidationError"
