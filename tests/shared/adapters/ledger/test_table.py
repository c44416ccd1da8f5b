"""Batches on the ledger's table: each write has its own result, and unprocessed entries are tried again."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger import table as tables
from shared.adapters.ledger.charts import DynamoCharts
from shared.adapters.ledger.secret_key import LedgerKey
from shared.adapters.ledger.submissions import DynamoSubmissions
from shared.adapters.ledger.table import BatchError, Table, key
from shared.domain.chart import Chart
from shared.replaced import replace
from tests.conftest import a_submission


class Answering(Table):
    """A table whose statements get the wanted error codes; with `executes` they are executed all the same."""

    executes = False

    def __init__(self, table: str) -> None:
        super().__init__(boto3.client("dynamodb", region_name=REGION), table)
        self.calls: list[int] = []
        self.wanted: list[dict[int, str]] = []

    def _codes(self, statements: Any) -> list[str]:
        self.calls.append(len(statements))
        wanted = self.wanted.pop(0) if self.wanted else {}
        given = [one for number, one in enumerate(statements) if self.executes or number not in wanted]
        codes = iter(super()._codes(given) if given else [])
        if self.executes:
            return [wanted.get(number, code) for number, code in enumerate(codes)]
        return [wanted[number] if number in wanted else next(codes) for number in range(len(statements))]


@pytest.fixture
def table(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Answering:
    monkeypatch.setattr(tables, "_FIRST_WAIT", 0.0)
    return Answering(cloud.runtime.table)


@pytest.fixture
def kept_charts(table: Answering) -> DynamoCharts:
    return DynamoCharts(table)


@pytest.fixture
def submissions(table: Answering) -> DynamoSubmissions:
    return DynamoSubmissions(table, LedgerKey(table))


def charts(count: int, version: int = 1, as_of: str = "M") -> list[Chart]:
    return [Chart(f"c{number}", version=version, as_of=f"{as_of}{number}") for number in range(count)]


def test_only_charts_that_do_not_exist_are_written_as_first_versions(
    kept_charts: DynamoCharts, table: Answering
) -> None:
    assert kept_charts.save_all(charts(60)[::7]) == [True] * 9
    again = kept_charts.save_all(charts(60, as_of="OTHER"))
    assert again == [number % 7 != 0 for number in range(60)]
    kept = kept_charts.get(f"c{number}" for number in range(60))
    assert [kept[f"c{n}"].as_of for n in range(60)] == [f"{'OTHER' if n % 7 else 'M'}{n}" for n in range(60)]
    assert table.calls == [9, 25, 25, 10]


def test_a_chart_is_replaced_only_by_its_next_version(kept_charts: DynamoCharts) -> None:
    kept_charts.save_all(charts(3))
    second, fourth, unknown = Chart("c0", version=2), Chart("c1", version=4), Chart("none", version=2)
    assert kept_charts.save_all([second, fourth, unknown]) == [True, False, False]
    assert kept_charts.save_all([second]) == [False]
    kept = kept_charts.get(["c0", "c1", "none"])
    assert {key: chart.version for key, chart in kept.items()} == {"c0": 2, "c1": 1}


def test_an_existing_submission_is_not_overwritten(submissions: DynamoSubmissions) -> None:
    first = [a_submission(f"M{number}") for number in range(30)]
    submissions.add_all(first[10:20])
    submissions.add_all([replace(one, config_version="other") for one in first])
    kept = {one.msh_10: one for one in submissions.many(one.msh_10 for one in first)}
    assert [kept[f"M{n}"].config_version for n in range(30)] == ["other"] * 10 + ["v1"] * 10 + ["other"] * 10
    assert kept["M12"] == first[12]


def test_large_submissions_are_written_in_small_batches(
    submissions: DynamoSubmissions, table: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = a_submission("M0")
    monkeypatch.setattr(tables, "_BATCH_BYTES", 100)
    submissions.add_all([one, replace(one, msh_10="M1"), replace(one, msh_10="M2")])
    assert table.calls == [1, 1, 1]
    assert len(list(submissions.many(["M0", "M1", "M2"]))) == 3


def test_a_batch_in_which_two_statements_write_one_item_is_refused_before_it_is_sent(
    kept_charts: DynamoCharts, table: Answering
) -> None:
    """DynamoDB refuses all of such a batch; moto executes it."""
    with pytest.raises(ValueError, match="write the same item"):
        kept_charts.save_all([Chart("c1", version=1), Chart("c1", version=2)])
    assert table.calls == []


def test_only_throttled_statements_are_tried_again(kept_charts: DynamoCharts, table: Answering) -> None:
    table.wanted = [{1: "ThrottlingError", 3: "ProvisionedThroughputExceeded"}, {0: "RequestLimitExceeded"}]
    assert kept_charts.save_all(charts(5)) == [True] * 5
    assert table.calls == [5, 2, 1]


def test_a_statement_refused_for_another_reason_raises_an_error_that_quotes_nothing(
    kept_charts: DynamoCharts, table: Answering
) -> None:
    table.wanted = [{0: "AccessDenied"}]
    with pytest.raises(BatchError) as refused:
        kept_charts.save_all(charts(2))
    assert str(refused.value) == "DynamoDB did not execute a statement: AccessDenied"


def test_a_statement_throttled_at_every_try_raises_an_error(submissions: DynamoSubmissions, table: Answering) -> None:
    table.wanted = [{0: "ThrottlingError"}] * 20
    with pytest.raises(BatchError, match="1 entries of a batch in 8 tries: ThrottlingError"):
        submissions.add_all([a_submission("M0")])


def test_after_a_lost_answer_a_chart_counts_as_written_by_another_process(
    kept_charts: DynamoCharts, table: Answering
) -> None:
    table.executes = True
    table.wanted = [{0: "InternalServerError"}]
    assert kept_charts.save_all(charts(2)) == [False, True]
    assert set(kept_charts.get(["c0", "c1"])) == {"c0", "c1"}


class Stingy:
    """A DynamoDB client that leaves half of every batch unprocessed, as when it is throttled."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        ((name, request),) = RequestItems.items()
        keys = request["Keys"]
        self.sizes.append(len(keys))
        half = (len(keys) + 1) // 2
        answer = self._client.batch_get_item(RequestItems={name: {**request, "Keys": keys[:half]}})
        return answer | {"UnprocessedKeys": {name: {**request, "Keys": keys[half:]}} if keys[half:] else {}}

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        ((name, entries),) = RequestItems.items()
        self.sizes.append(len(entries))
        half = (len(entries) + 1) // 2
        self._client.batch_write_item(RequestItems={name: entries[:half]})
        return {"UnprocessedItems": {name: entries[half:]} if entries[half:] else {}}


def test_unprocessed_items_are_written_and_read_in_further_calls(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_FIRST_WAIT", 0.0)
    client: Any = Stingy(boto3.client("dynamodb", region_name=REGION))
    table = Table(client, cloud.runtime.table)
    keys = [key("P", f"{number:03}") for number in range(60)]
    table.put_many(keys)
    assert client.sizes == [25, 12, 6, 3, 1] * 2 + [10, 5, 2, 1]
    client.sizes.clear()
    assert sorted(item["sk"]["S"] for item in table.get_many(keys)) == [f"{number:03}" for number in range(60)]
    assert client.sizes == [60, 30, 15, 7, 3, 1]


def test_an_item_unprocessed_at_every_try_raises_an_error(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_FIRST_WAIT", 0.0)
    client: Any = Stingy(boto3.client("dynamodb", region_name=REGION))
    client.batch_write_item = lambda RequestItems: {"UnprocessedItems": RequestItems}  # noqa: N803 - boto3's name
    with pytest.raises(BatchError, match="1 entries of a batch in 8 tries: unprocessed"):
        Table(client, cloud.runtime.table).put_many([key("P", "1")])
