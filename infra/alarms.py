"""The alarms of `shared.alarms`, for each queue, function and schedule of a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.queues import DeliveryQueue
from infra.stages import Stage
from shared import metrics, settings
from shared.alarms import ALARMS, MIN_ANSWERS, REFUSAL_PERCENT, Alarm, Per, section
from shared.metrics import Metric, namespace

_MakeMetric = Callable[[Alarm, cdk.Duration], cloudwatch.IMetric]


class Alarms(Construct):
    """The alarms of a stage; `created` lists them for the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, topic: sns.ITopic) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._topic = topic
        self.created: list[cloudwatch.Alarm] = []

    def watch_queue(self, watched: DeliveryQueue) -> None:
        """Create the alarms of a queue and its dead-letter queue."""
        queues = {"ApproximateNumberOfMessagesVisible": watched.dead_letters}

        def metric(row: Alarm, period: cdk.Duration) -> cloudwatch.IMetric:
            queue = queues.get(row.metric, watched.queue)
            return queue.metric(row.metric, period=period, statistic=row.statistic)

        self._make("queue", watched.settings.name, metric)

    def watch_function(self, name: str, function: lambda_.IFunction, *, scheduled: bool) -> None:
        """Create the alarms of a function.

        Args:
            name: the function's name in `shared.settings`.
            function: the function.
            scheduled: whether its schedule has an alarm too.
        """

        def metric(row: Alarm, period: cdk.Duration) -> cloudwatch.IMetric:
            return function.metric(row.metric, period=period, statistic=row.statistic)

        self._make("function", name, metric)
        if scheduled:
            self._make("schedule", name, metric)

    def watch_stage(self) -> None:
        """Create the alarms on the functions' own metrics."""

        def metric(row: Alarm, period: cdk.Duration) -> cloudwatch.IMetric:
            if row.metric == REFUSAL_PERCENT:
                return refusal_percent(self._stage, period)
            return total(metrics.BY_NAME[row.metric], self._stage, row.statistic, period)

        self._make("stage", "", metric)

    def _make(self, per: Per, name: str, metric: _MakeMetric) -> None:
        for row in ALARMS:
            if row.per == per:
                self._alarm(row, name, metric(row, cdk.Duration.minutes(row.minutes)))

    def _alarm(self, row: Alarm, of: str, metric: cloudwatch.IMetric) -> None:
        name = f"{of}-{row.name}" if of else row.name
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("-", ""),
            alarm_name=f"{settings.PRODUCT}-{self._stage.name}-{name}",
            alarm_description=f"{of + ': ' if of else ''}{row.words} What to do: {section(row)}",
            metric=metric,
            threshold=self._limit(row, of),
            evaluation_periods=1,
            comparison_operator=_COMPARISONS[row.below],
            treat_missing_data=_MISSING[row.raised_without_data],
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))
        self.created.append(alarm)

    def _limit(self, row: Alarm, of: str) -> float:
        if isinstance(row.limit, Mapping):
            return row.limit[of]
        if isinstance(row.limit, str):
            return float(getattr(self._stage, row.limit))
        return row.limit


def total(metric: Metric, stage: Stage, statistic: str, period: cdk.Duration) -> cloudwatch.Metric:
    """Return the total of a metric for the whole stage."""
    return cloudwatch.Metric(
        namespace=namespace(stage.name), metric_name=metric.name, statistic=statistic, period=period
    )


def refusal_percent(stage: Stage, period: cdk.Duration) -> cloudwatch.MathExpression:
    """Return refused and partly accepted messages in percent of the acknowledgments; 0 with too few of them.

    Refusals and acknowledgments are counted by the same log lines: if a line is lost, both are lost. A metric without
    a value in the period counts as 0.
    """
    refused = "(FILL(refused, 0) + FILL(partly, 0))"
    answers = f"({refused} + FILL(accepted, 0) + FILL(warned, 0))"
    return cloudwatch.MathExpression(
        expression=f"IF({answers} >= {MIN_ANSWERS}, 100 * {refused} / {answers}, 0)",
        label="refused, in percent",
        using_metrics={
            "refused": total(metrics.REFUSED, stage, "Sum", period),
            "partly": total(metrics.PARTLY_ACCEPTED, stage, "Sum", period),
            "accepted": total(metrics.ACCEPTED, stage, "Sum", period),
            "warned": total(metrics.ACCEPTED_WITH_WARNINGS, stage, "Sum", period),
        },
        period=period,
    )


_COMPARISONS: Final = {
    False: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    True: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
}
_MISSING: Final = {
    False: cloudwatch.TreatMissingData.NOT_BREACHING,
    True: cloudwatch.TreatMissingData.BREACHING,
}
