"""The metrics of the functions: one row each. What the functions write, the stack's dashboard and alarms, and
docs/metrics.md follow from this table (ADR 0008).

A metric is a number of one batch. It is kept as a total of the stage and, with `by`, once more for each clinic or
source, by its key in clinics.toml. CloudWatch takes only what happened: a count of zero is not written.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from shared.settings import PRODUCT

Unit = Literal["Count", "Seconds", "None"]
By = Literal["", "clinic", "source"]
Statistic = Literal["Sum", "Maximum", "Minimum", "p50", "p95"]


class Metric(msgspec.Struct, frozen=True):
    """One metric: which function writes it, for what besides the total, and how it is looked at over a period.

    `unit` is CloudWatch's (MetricDatum, Unit); `chart` is the dashboard's graph that shows it.
    """

    name: str
    function: str
    words: str
    chart: str
    by: By = ""
    unit: Unit = "Count"
    statistics: tuple[Statistic, ...] = ("Sum",)


ROWS: Final = Metric("Rows", "convert", "Rows of exports that were converted.", "Exports", "source")
UNCHANGED: Final = Metric("Unchanged", "convert", "Rows that said nothing new.", "Exports", "source")
HELD: Final = Metric("Held", "convert", "Rows that our own checks hold back.", "Exports", "clinic")
ACCEPTED: Final = Metric("Accepted", "submit", "Messages that the IIS stored.", "Delivery", "clinic")
ACCEPTED_WITH_WARNINGS: Final = Metric(
    "AcceptedWithWarnings", "submit", "Messages that the IIS stored and remarked upon.", "Delivery", "clinic"
)
PARTLY_ACCEPTED: Final = Metric(
    "PartlyAccepted", "submit", "Messages of which the IIS dropped vaccinations.", "Delivery", "clinic"
)
REFUSED: Final = Metric("Refused", "submit", "Messages of which the IIS stored nothing.", "Delivery", "clinic")
UNKNOWN: Final = Metric("Unknown", "submit", "Messages without a trustworthy answer.", "Delivery", "clinic")
FAULTS: Final = Metric("Faults", "submit", "Tries that ended in a fault of docs/faults.md.", "Faults", "clinic")
ANSWER_SECONDS: Final = Metric(
    "AnswerSeconds",
    "submit",
    "How long the IIS took for each acknowledgment; their number is the number of acknowledgments.",
    "Answer times",
    unit="Seconds",
    statistics=("p50", "p95"),
)
WORKLIST: Final = Metric("Worklist", "triage", "Submissions that came before a person.", "Worklist", "clinic")
QUEUED_AGAIN: Final = Metric("QueuedAgain", "sweep", "Submissions whose queue message was lost.", "Faults")
SILENT_SOURCES: Final = Metric(
    "SilentSources",
    "sweep",
    "Sources whose file is late (`expected_every`).",
    "Stops",
    "source",
    statistics=("Maximum",),
)
FACILITIES_STOPPED: Final = Metric(
    "FacilitiesStopped",
    "sweep",
    "Facilities whose delivery waits for a person.",
    "Stops",
    statistics=("Maximum",),
)
CREDENTIAL_DAYS: Final = Metric(
    "CredentialDays",
    "sweep",
    "Days until the first credentials expire (`credentials_expire`).",
    "Credentials",
    unit="None",
    statistics=("Minimum",),
)
VALVE_CLOSED: Final = Metric(
    "ValveClosed",
    "valve",
    "1 for each minute in which delivery is stopped by faults or by a person.",
    "Stops",
    statistics=("Maximum",),
)

METRICS: Final = (
    ROWS,
    UNCHANGED,
    HELD,
    ACCEPTED,
    ACCEPTED_WITH_WARNINGS,
    PARTLY_ACCEPTED,
    REFUSED,
    UNKNOWN,
    FAULTS,
    ANSWER_SECONDS,
    WORKLIST,
    QUEUED_AGAIN,
    SILENT_SOURCES,
    FACILITIES_STOPPED,
    CREDENTIAL_DAYS,
    VALVE_CLOSED,
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}


class Measured(msgspec.Struct, frozen=True):
    """One number of one metric; `of` is the key of the clinic or source, empty where there is none."""

    metric: Metric
    value: float
    of: str = ""


def namespace(stage: str) -> str:
    """The CloudWatch namespace of a stage's metrics."""
    return f"{PRODUCT}/{stage}"
