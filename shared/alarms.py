"""The alarms: one row each, from which the stack's alarms follow; docs/operations.md explains each.

A row stands for one alarm of each queue, function or schedule, or for one of the whole stage. An alarm goes to the
topic `vaxline-<stage>-alarms` when it begins and when it is over.
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
"""Not a metric of its own: refused and partly accepted messages, per hundred acknowledgments."""
ENOUGH_ANSWERS: Final = 20
"""With fewer acknowledgments in the period, a refusal or two say nothing about the rate."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One row: `name` ends the alarm's name and heads its section; `words` are its description.

    `metric` is AWS's own (SQS, Lambda) or one of `shared.metrics`. It is looked at over `minutes`. The alarm rings
    above `limit`, or below it where `below`: a number, one for each queue, or the switch of cdk.json that has it. With
    `silence_rings` it rings when there is no value at all.
    """

    name: str
    per: Per
    words: str
    metric: str
    statistic: Statistic
    limit: float | str | Mapping[str, float]
    minutes: int
    below: bool = False
    silence_rings: bool = False


# How long, in seconds, the oldest message of a queue may wait before a person should know. The outbox holds messages
# between two tries while the IIS is down, so it is the one that tells of a long outage.
OLDEST_MESSAGE: Final = {settings.INTAKE.name: 3_600, settings.OUTBOX.name: 3_600, settings.RESUBMISSION.name: 1_800}

ALARMS: Final = (
    Alarm(
        "dead-letters",
        "queue",
        "Messages failed until they were set aside.",
        "ApproximateNumberOfMessagesVisible",
        "Maximum",
        0,
        5,
    ),
    Alarm(
        "waits",
        "queue",
        "The oldest message waits for too long.",
        "ApproximateAgeOfOldestMessage",
        "Maximum",
        OLDEST_MESSAGE,
        5,
    ),
    Alarm("errors", "function", "An invocation failed: a bug or broken infrastructure.", "Errors", "Sum", 0, 5),
    Alarm("throttles", "function", "AWS refused to start the function.", "Throttles", "Sum", 0, 15),
    Alarm(
        "asleep",
        "schedule",
        "The schedule has not started the function for an hour.",
        "Invocations",
        "Sum",
        1,
        60,
        below=True,
        silence_rings=True,
    ),
    Alarm(
        "refusals",
        "stage",
        "The IIS refuses more of what it gets than it should.",
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
    """The section of docs/operations.md that explains the alarm."""
    return f"docs/operations.md#{alarm.name}"


def starts_hourly(function: FunctionSettings) -> bool:
    """Whether an hour without a start means that a schedule sleeps; a daily one is watched for errors alone."""
    return function.every_minutes is not None and function.every_minutes < 60
