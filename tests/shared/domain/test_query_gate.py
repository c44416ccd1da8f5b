from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import query_gate
from shared.domain.faults import BY_CODE
from shared.domain.query_gate import CLOSE_AFTER, QueryGate

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def faults(gate: QueryGate, count: int, code: str = "HTTP-500", now: datetime = NOON) -> QueryGate:
    for _ in range(count):
        gate = query_gate.fault_seen(gate, BY_CODE[code], now)
    return gate


def test_faults_in_a_row_close_the_gate_for_a_while_and_the_next_query_tries() -> None:
    assert not faults(QueryGate(), CLOSE_AFTER - 1).is_closed(NOON)
    gate = faults(QueryGate(), CLOSE_AFTER)
    assert gate.is_closed(NOON + timedelta(seconds=59))
    assert not gate.is_closed(NOON + timedelta(seconds=60))


def test_it_stays_closed_longer_each_time() -> None:
    gate, waits = faults(QueryGate(), CLOSE_AFTER - 1), []
    for _ in range(7):
        gate = faults(gate, 1)
        assert gate.until is not None
        waits.append((gate.until - NOON).total_seconds())
    assert waits == [60, 120, 240, 480, 900, 900, 900]


def test_an_answer_opens_it() -> None:
    gate = query_gate.answer_seen(faults(QueryGate(), 99))
    assert gate == QueryGate()
    assert not faults(gate, CLOSE_AFTER - 1).is_closed(NOON)


@pytest.mark.parametrize("code", ["SECURITY-FAULT", "HTTP-413", "COMMIT-ACK"])
def test_faults_that_do_not_come_from_the_iis_are_not_counted(code: str) -> None:
    assert faults(QueryGate(), 99, code) == QueryGate()
