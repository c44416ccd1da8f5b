"""The alarms and the dashboard against the tables that they follow from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.stages import Stage
from shared.alarms import ALARMS, OLDEST_MESSAGE, Alarm, section
from shared.metrics import METRICS, Metric, namespace
from shared.settings import FUNCTIONS, QUEUES
from tests.infra.templates import Template

WATCHED = {
    "queue": [queue.name for queue in QUEUES],
    "function": [function.name for function in FUNCTIONS],
    "schedule": [function.name for function in FUNCTIONS if function.every_minutes in (1, 15)],
    "stage": [""],
}


def alarm(template: Template, name: str) -> dict[str, Any]:
    return template.one("AWS::CloudWatch::Alarm", AlarmName=name)


@pytest.fixture(params=ALARMS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Alarm:
    return request.param


def test_there_is_an_alarm_for_everything_that_the_table_names_and_no_other(template: Template, stage: str) -> None:
    assert {made["AlarmName"] for made in template.of("AWS::CloudWatch::Alarm")} == {
        f"vaxline-{stage}-{of + '-' if of else ''}{row.name}" for row in ALARMS for of in WATCHED[row.per]
    }


def test_an_alarm_is_as_its_row_says_and_names_its_section(template: Template, stage: str, row: Alarm) -> None:
    for of in WATCHED[row.per]:
        made = alarm(template, f"vaxline-{stage}-{of + '-' if of else ''}{row.name}")
        assert made["AlarmDescription"].endswith(f"{row.words} What to do: {section(row)}")
        assert made["ComparisonOperator"] == ("LessThanThreshold" if row.below else "GreaterThanThreshold")
        assert made["TreatMissingData"] == ("breaching" if row.raised_without_data else "notBreaching")
        assert made["AlarmActions"] == made["OKActions"]
        if isinstance(row.limit, int):
            assert made["Threshold"] == row.limit
        if "Metrics" not in made:
            assert (made["MetricName"], made["Statistic"], made["Period"]) == (
                row.metric,
                row.statistic,
                row.minutes * 60,
            )


def test_what_is_watched_of_queues_and_functions_is_theirs(template: Template, stage: str) -> None:
    def watched(name: str) -> str:
        (dimension,) = alarm(template, f"vaxline-{stage}-{name}")["Dimensions"]
        return template.text(dimension["Value"])

    for queue in QUEUES:
        assert watched(f"{queue.name}-dead-letters") == queue.dead_letter_name(stage)
        assert watched(f"{queue.name}-waits") == queue.physical_name(stage)
        assert alarm(template, f"vaxline-{stage}-{queue.name}-waits")["Threshold"] == OLDEST_MESSAGE[queue.name]
    for function in FUNCTIONS:
        assert watched(f"{function.name}-errors") == function.physical_name(stage)


def test_the_switches_of_the_stage_say_where_refusals_and_credentials_ring(template: Template, stage: str) -> None:
    switches = Stage(stage)
    assert alarm(template, f"vaxline-{stage}-refusals")["Threshold"] == switches.refusal_percent
    assert alarm(template, f"vaxline-{stage}-credentials")["Threshold"] == switches.credential_days


def test_refusals_are_counted_per_acknowledgment_and_not_before_there_are_enough(
    template: Template, stage: str
) -> None:
    terms = {one["Id"]: one for one in alarm(template, f"vaxline-{stage}-refusals")["Metrics"]}
    (expression,) = (one["Expression"] for one in terms.values() if "Expression" in one)
    refused = "(FILL(refused, 0) + FILL(partly, 0))"
    answers = f"({refused} + FILL(accepted, 0) + FILL(warned, 0))"
    assert expression == f"IF({answers} >= 20, 100 * {refused} / {answers}, 0)"
    found = {
        name: (term["MetricStat"]["Metric"]["MetricName"], term["MetricStat"]["Stat"])
        for name, term in terms.items()
        if "MetricStat" in term
    }
    assert found == {
        "accepted": ("Accepted", "Sum"),
        "warned": ("AcceptedWithWarnings", "Sum"),
        "partly": ("PartlyAccepted", "Sum"),
        "refused": ("Refused", "Sum"),
    }


def test_our_own_metrics_are_looked_for_where_the_functions_write_them(template: Template, stage: str) -> None:
    spaces = {made["Namespace"] for made in template.of("AWS::CloudWatch::Alarm") if "Namespace" in made}
    assert spaces == {"AWS/SQS", "AWS/Lambda", namespace(stage)}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_dashboard_shows_every_metric_in_total_and_by_what_it_is_kept_for(
    template: Template, stage: str, metric: Metric
) -> None:
    (page,) = template.of("AWS::CloudWatch::Dashboard")
    assert page["DashboardName"] == f"vaxline-{stage}"
    widgets = json.loads(template.text(page["DashboardBody"]))["widgets"]
    shown = [line for widget in widgets for line in widget["properties"].get("metrics", ())]
    assert any(line[:2] == [namespace(stage), metric.name] for line in shown)
    searches = [line[0]["expression"] for line in shown if isinstance(line[0], dict)]
    search = f"SEARCH('{{{namespace(stage)},{metric.by}}} MetricName=\"{metric.name}\"', 'Sum', 3600)"
    assert (search in searches) == bool(metric.by)
