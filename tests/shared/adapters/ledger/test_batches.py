"""Many writes in one call: each has its own condition and its own outcome, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger import batches
from shared.adapters.ledger.batches import BatchError
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.domain.submission import Record
from shared.replaced import replace
from tests.conftest import a_submission


class Answering(DynamoLedger):
    """DynamoDB, but for the codes that the test wants; `executes`: what got such a code was executed all the same."""

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
def ledger(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Answering:
    monkeypatch.setattr(batches, "_FIRST_WAIT", 0.0)
    return Answering(cloud.runtime.table)


def records(count: int, version: int = 1, current: str = "M") -> list[Record]:
    return [Record(f"r{number}", version=version, current=f"{current}{number}") for number in range(count)]


def test_of_many_records_those_are_written_that_nobody_wrote_before(ledger: Answering) -> None:
    assert ledger.save_records(records(60)[::7]) == [True] * 9
    again = ledger.save_records(records(60, current="OTHER"))
    assert again == [number % 7 != 0 for number in range(60)]
    kept = ledger.records(f"r{number}" for number in range(60))
    assert [kept[f"r{n}"].current for n in range(60)] == [f"{'OTHER' if n % 7 else 'M'}{n}" for n in range(60)]
    assert ledger.calls == [9, 25, 25, 10]


def test_a_record_is_replaced_by_its_next_version_only(ledger: Answering) -> None:
    ledger.save_records(records(3))
    second, fourth, unknown = Record("r0", version=2), Record("r1", version=4), Record("none", version=2)
    assert ledger.save_records([second, fourth, unknown]) == [True, False, False]
    assert ledger.save_records([second]) == [False]
    kept = ledger.records(["r0", "r1", "none"])
    assert {key: record.version for key, record in kept.items()} == {"r0": 2, "r1": 1}


def test_a_submission_that_is_there_stays_as_it_is(ledger: Answering) -> None:
    first = [a_submission(f"M{number}") for number in range(30)]
    ledger.add_all(first[10:20])
    ledger.add_all([replace(one, config_version="other") for one in first])
    kept = {one.msh_10: one for one in ledger.many(one.msh_10 for one in first)}
    assert [kept[f"M{n}"].config_version for n in range(30)] == ["other"] * 10 + ["v1"] * 10 + ["other"] * 10
    assert kept["M12"] == first[12]


def test_large_submissions_come_in_small_batches(ledger: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    one = a_submission("M0")
    monkeypatch.setattr(batches, "_BATCH_BYTES", 100)
    ledger.add_all([one, replace(one, msh_10="M1"), replace(one, msh_10="M2")])
    assert ledger.calls == [1, 1, 1]
    assert len(list(ledger.many(["M0", "M1", "M2"]))) == 3


def test_what_was_throttled_is_tried_again_and_nothing_else(ledger: Answering) -> None:
    ledger.wanted = [{1: "ThrottlingError", 3: "ProvisionedThroughputExceeded"}, {0: "RequestLimitExceeded"}]
    assert ledger.save_records(records(5)) == [True] * 5
    assert ledger.calls == [5, 2, 1]


def test_what_is_refused_for_another_reason_is_an_error_without_a_word_of_the_item(ledger: Answering) -> None:
    ledger.wanted = [{0: "AccessDenied"}]
    with pytest.raises(BatchError) as refused:
        ledger.save_records(records(2))
    assert str(refused.value) == "DynamoDB did not execute a statement: AccessDenied"


def test_what_is_throttled_for_ever_is_an_error(ledger: Answering) -> None:
    ledger.wanted = [{0: "ThrottlingError"}] * 20
    with pytest.raises(BatchError, match="1 statements, 8 times: ThrottlingError"):
        ledger.add_all([a_submission("M0")])


def test_after_a_lost_answer_a_record_counts_as_written_by_somebody_else(ledger: Answering) -> None:
    ledger.executes = True
    ledger.wanted = [{0: "InternalServerError"}]
    assert ledger.save_records(records(2)) == [False, True]
    assert set(ledger.records(["r0", "r1"])) == {"r0", "r1"}
