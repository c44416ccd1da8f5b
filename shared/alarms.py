"""The alarms, one row each. The stack creates them from this table; docs/operations.md explains each.

A row stands for one alarm per queue, function or schedule, or for one alarm of the stage. An alarm is sent to the topic
`vaxline-<stage>-alarms` when it begins and when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared import metrics, settings
from shared.settings import FunctionSettings

Per = Literal["queue", "function", "schedule", "stage"]
Statistic = Literal["Sum", "Maximum", "Minimum"]

REFUSAL_PERCENT: Final = "RefusalPercent"
"""Refused and partly accepted messages in percent of the acknowledgments; computed from other metrics."""

MIN_ANSWERS: Final = 20
"""With fewer acknowledgments in the period the refusal rate is not evaluated."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of alarm.

    Attributes:
        name: the end of the alarm's name, and the heading of its section in docs/operations.md.
        per: what there is one alarm for.
        words: its description.
        metric: a metric of SQS or Lambda, or one of `shared.metrics`.
        statistic: how the metric is evaluated.
        limit: the threshold: a number, a number per queue, or the name of a setting in cdk.json.
        minutes: the period.
        below: whether the alarm is raised below the limit instead of above it.
        raised_without_data: whether the alarm is raised when there is no value.
    """

    name: str
    per: Per
    words: str
    metric: str
    statistic: Statistic
    limit: float | str | Mapping[str, float]
    minutes: int
    below: bool = False
    raised_without_data: bool = False


OLDEST_MESSAGE: Final = {settings.INTAKE.name: 3_600, settings.OUTBOX.name: 3_600, settings.RESUBMISSION.name: 1_800}
"""Queue → greatest age of a message in seconds. The outbox holds messages between two attempts while the IIS is down,
so its alarm reports a long outage."""

ALARMS: Final = (
    Alarm(
        "dead-letters",
        "queue",
        "Messages failed too often and are in a dead-letter queue.",
        "ApproximateNumberOfMessagesVisible",
        "Maximum",
        0,
        5,
    ),
    Alarm(
        "waits",
        "queue",
        "The oldest message has waited too long.",
        "ApproximateAgeOfOldestMessage",
        "Maximum",
        OLDEST_MESSAGE,
        5,
    ),
    Alarm("errors", "function", "An invocation failed: a bug or broken infrastructure.", "Errors", "Sum", 0, 5),
    Alarm("throttles", "function", "AWS refused to invoke the function.", "Throttles", "Sum", 0, 15),
    Alarm(
        "asleep",
        "schedule",
        "The schedule has not invoked the function for an hour.",
        "Invocations",
        "Sum",
        1,
        60,
        below=True,
        raised_without_data=True,
    ),
    Alarm(
        "refusals",
        "stage",
        "The IIS refuses too many messages.",
        REFUSAL_PERCENT,
        "Sum",
        "refusal_percent",
        60,
    ),
    Alarm("valve-closed", "stage", "Nothing is delivered to the IIS.", metrics.VALVE_CLOSED.name, "Maximum", 0, 5),
    Alarm(
        "facility-stopped",
        "stage",
        "A facility's delivery waits for a person.",
        metrics.FACILITIES_STOPPED.name,
        "Maximum",
        0,
        30,
    ),
    Alarm("unread-files", "stage", "A file of the inbox is not read.", metrics.UNREAD_FILES.name, "Maximum", 0, 30),
    Alarm("silence", "stage", "A source missed its file.", metrics.SILENT_SOURCES.name, "Maximum", 0, 30),
    Alarm(
        "credentials",
        "stage",
        "Credentials of a facility expire soon.",
        metrics.CREDENTIAL_DAYS.name,
        "Minimum",
        "credential_days",
        30,
        below=True,
    ),
)


def section(alarm: Alarm) -> str:
    """Return the section that explains an alarm."""
    return f"docs/operations.md#{alarm.name}"


def is_invoked_hourly(function: FunctionSettings) -> bool:
    """Say whether a function is invoked at least hourly, so that the alarm `asleep` applies; daily ones are not."""
    return function.every_minutes is not None and function.every_minutes < 60
