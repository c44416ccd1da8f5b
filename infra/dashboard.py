"""The CloudWatch dashboard of a stage: alarms, queues, and metrics in total and by clinic or source."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import refusal_percent, total
from infra.queues import DeliveryQueue
from infra.stages import Stage
from shared import settings
from shared.metrics import METRICS, Metric, namespace

_PERIOD: Final = cdk.Duration.minutes(15)
_HOUR: Final = cdk.Duration.hours(1)
_HALF: Final = 12
_WIDTH: Final = 24


class Dashboard(Construct):
    """The dashboard `vaxline-<stage>`. It shows every metric of `shared.metrics`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        alarms: Iterable[cloudwatch.Alarm],
        queues: Iterable[DeliveryQueue],
    ) -> None:
        super().__init__(scope, construct_id)
        page = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=settings.stack_name(stage.name))
        page.add_widgets(
            cloudwatch.AlarmStatusWidget(
                title="Alarms: docs/operations.md", alarms=list(alarms), width=_WIDTH, height=4
            )
        )
        page.add_widgets(*_queues(queues))
        charts = [(chart, list(metrics)) for chart, metrics in groupby(METRICS, lambda metric: metric.chart)]
        widgets = [_chart(chart, metrics, stage) for chart, metrics in charts]
        widgets.append(_graph("Refused, in percent", [refusal_percent(stage, _HOUR)]))
        widgets += [_by(metric, stage) for metric in METRICS if metric.by]
        for start in range(0, len(widgets), 2):
            page.add_widgets(*widgets[start : start + 2])


def _graph(title: str, left: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=left, width=_HALF)


def _queues(queues: Iterable[DeliveryQueue]) -> list[cloudwatch.GraphWidget]:
    waiting, oldest = [], []
    for queue in queues:
        name = queue.settings.name
        waiting.append(queue.queue.metric_approximate_number_of_messages_visible(label=name, statistic="Maximum"))
        waiting.append(
            queue.dead_letters.metric_approximate_number_of_messages_visible(
                label=f"{name}, dead letters", statistic="Maximum"
            )
        )
        oldest.append(queue.queue.metric_approximate_age_of_oldest_message(label=name, statistic="Maximum"))
    return [_graph("Messages in the queues", list(waiting)), _graph("Oldest message, in seconds", list(oldest))]


def _chart(title: str, metrics: list[Metric], stage: Stage) -> cloudwatch.GraphWidget:
    return _graph(
        title, [total(metric, stage, statistic, _PERIOD) for metric in metrics for statistic in metric.statistics]
    )


def _by(metric: Metric, stage: Stage) -> cloudwatch.GraphWidget:
    """Graph a metric for each clinic or source, which a CloudWatch search expression finds."""
    search = f"SEARCH('{{{namespace(stage.name)},{metric.by}}} MetricName=\"{metric.name}\"', 'Sum', 3600)"
    return _graph(
        f"{metric.name} by {metric.by}",
        [cloudwatch.SearchExpression(expression=search, label="", period=_HOUR)],
    )
