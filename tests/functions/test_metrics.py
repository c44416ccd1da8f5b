from __future__ import annotations

import io
import json
from typing import Any

import pytest

from functions import deliveries, logs, metrics
from functions.sweep import telemetry as sweep_telemetry
from shared import metrics as table
from shared.domain.lifecycle import NEEDS_A_PERSON, STORED_BY_IIS, State
from shared.domain.submission import FileSummary
from shared.metrics import METRICS, Measured, Metric
from shared.settings import FUNCTIONS
from shared.usecases.delivery.delivered import Done, Later
from shared.usecases.delivery.sweep import Swept
from shared.usecases.reporting.expectations import CredentialsDue, Expectations, SourceDue
from tests.conftest import NOON
from tests.emf import violations


def documents(*measured: Measured) -> list[dict[str, Any]]:
    return metrics.documents(measured, "vaxline/test", 1_700_000_000_000)


def taken(made: list[dict[str, Any]]) -> dict[tuple[str, str, str], Any]:
    """Return what CloudWatch extracts: (metric, dimension, its value) → number or numbers."""
    found: dict[tuple[str, str, str], Any] = {}
    for document in made:
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                for dimensions in directive["Dimensions"]:
                    by = dimensions[0] if dimensions else ""
                    key = (metric["Name"], by, document[by] if by else "")
                    number = document[metric["Name"]]
                    found[key] = found[key] + number if key in found else number
    return found


def test_the_counts_of_a_batch_of_one_clinic_are_one_line_and_its_answer_times_another() -> None:
    counts, times = documents(
        Measured(table.ACCEPTED, 1, "elm"), Measured(table.ACCEPTED, 1, "elm"), Measured(table.ANSWER_SECONDS, 0.3)
    )
    assert counts == {
        "_aws": {
            "Timestamp": 1_700_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "vaxline/test",
                    "Dimensions": [[], ["clinic"]],
                    "Metrics": [{"Name": "Accepted", "Unit": "Count"}],
                },
            ],
        },
        "clinic": "elm",
        "Accepted": 2,
    }
    assert times == {
        "_aws": {
            "Timestamp": 1_700_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "vaxline/test",
                    "Dimensions": [[]],
                    "Metrics": [{"Name": "AnswerSeconds", "Unit": "Seconds"}],
                },
            ],
        },
        "AnswerSeconds": [0.3],
    }


@pytest.mark.parametrize("answers", [1, 100, 101, 1_430])
def test_no_line_lists_more_answer_times_than_cloudwatch_takes_and_none_is_lost(answers: int) -> None:
    made = documents(
        *(Measured(table.ANSWER_SECONDS, number / 100) for number in range(answers)),
        *(Measured(table.REFUSED, 1, "elm") for _ in range(answers)),
    )
    assert [broken for document in made for broken in violations(document)] == []
    assert taken(made) == {
        ("AnswerSeconds", "", ""): [number / 100 for number in range(answers)],
        ("Refused", "", ""): answers,
        ("Refused", "clinic", "elm"): answers,
    }


def test_totals_and_clinics_add_up_over_the_lines_of_a_batch() -> None:
    made = documents(
        Measured(table.ACCEPTED, 1, "elm"),
        Measured(table.ACCEPTED, 1, "oak"),
        Measured(table.REFUSED, 1, "oak"),
        Measured(table.ROWS, 7, "feed"),
    )
    assert len(made) == 3
    assert taken(made) == {
        ("Accepted", "", ""): 2,
        ("Accepted", "clinic", "elm"): 1,
        ("Accepted", "clinic", "oak"): 1,
        ("Refused", "", ""): 1,
        ("Refused", "clinic", "oak"): 1,
        ("Rows", "", ""): 7,
        ("Rows", "source", "feed"): 7,
    }


@pytest.mark.parametrize("name", ["", "Sampleton, Ada", "ELM", "é", "a" * 41, "elm\n"])
def test_a_name_that_no_clinic_can_have_counts_in_the_total_only(name: str) -> None:
    made = documents(Measured(table.ACCEPTED, 1, "elm"), Measured(table.ACCEPTED, 1, name))
    assert taken(made) == {("Accepted", "", ""): 2, ("Accepted", "clinic", "elm"): 1}
    assert not name or name not in json.dumps(made, ensure_ascii=False)


def test_zero_counts_are_not_written() -> None:
    assert documents() == documents(Measured(table.QUEUED_AGAIN, 0)) == []


def test_a_metric_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="Patients"):
        documents(Measured(Metric("Patients", "submit", "", ""), 1))


def test_metrics_are_one_json_object_per_line_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAXLINE_STAGE", "test")
    written = io.StringIO()
    with logs.written_to(written):
        metrics.put([Measured(table.ACCEPTED, 1, "elm"), Measured(table.ACCEPTED, 1, "oak")])
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["clinic"] for line in lines] == ["elm", "oak"]
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"vaxline/test"}


def test_every_outcome_of_a_delivery_has_its_metric() -> None:
    assert set(deliveries.OUTCOMES) == (STORED_BY_IIS | NEEDS_A_PERSON) - {State.HELD}


def test_an_attempt_counts_its_fault_and_an_answer_its_time() -> None:
    results = [
        Done("A", "elm", State.ACCEPTED, seconds=0.4),
        Done("B", "elm", State.UNKNOWN, "READ-TIMEOUT", 60.0),
        Done("C", "elm", "facility stopped", "SECURITY-FAULT"),
        Done("D", "elm", "nothing to send: ACCEPTED"),
        Later("E", "oak", 30, "HTTP-503"),
        Later("F", "oak", 0),
    ]
    assert taken(metrics.documents(deliveries.measured(results), "vaxline/test", 0)) == {
        ("Accepted", "", ""): 1,
        ("Accepted", "clinic", "elm"): 1,
        ("Unknown", "", ""): 1,
        ("Unknown", "clinic", "elm"): 1,
        ("Faults", "", ""): 2,
        ("Faults", "clinic", "elm"): 1,
        ("Faults", "clinic", "oak"): 1,
        ("AnswerSeconds", "", ""): [0.4],
    }


def test_the_days_of_a_certificate_are_measured_where_the_iis_was_called() -> None:
    results = [
        Done("A", "elm", State.ACCEPTED),
        Done("B", "oak", "facility stopped", "SECURITY-FAULT"),
        Done("C", "fir", State.UNKNOWN, "READ-TIMEOUT"),
        Later("D", "ash", 30, "HTTP-503"),
    ]
    assert deliveries.called(results) == {"elm", "fir"}
    assert taken(metrics.documents(deliveries.expiring(13), "vaxline/test", 0)) == {("CredentialDays", "", ""): [13]}
    assert list(deliveries.expiring(None)) == []


def test_the_sweep_measures_what_alarms_watch() -> None:
    late, early = (SourceDue(name, NOON, NOON, late=name == "feed") for name in ("feed", "other"))
    expected = Expectations((late, early), (CredentialsDue("F", "s", NOON.date(), 0),), {"F": "SECURITY-FAULT"})
    unread = [
        FileSummary(name, name, "feed", NOON, rows=0, unchanged=0, complete=True) for name in ("feed/_a.csv", "feed/b/")
    ]
    assert taken(metrics.documents(sweep_telemetry.measured(Swept(0, 3), expected, unread), "vaxline/test", 0)) == {
        ("UnreadFiles", "", ""): 2,
        ("UnreadFiles", "source", "feed"): 2,
        ("FacilitiesStopped", "", ""): 1,
        ("SilentSources", "", ""): 1,
        ("SilentSources", "source", "feed"): 1,
        ("CredentialDays", "", ""): [0],
    }


def test_every_metric_belongs_to_a_function_and_has_a_unique_name() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert {metric.function for metric in METRICS} <= {function.name for function in FUNCTIONS}
