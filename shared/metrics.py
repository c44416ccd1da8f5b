"""The metrics, one row each. Log lines, dashboard, alarms and docs/metrics.md follow this table (ADR 0008).

A metric is a number of one batch. It has a total for the stage and, with `by`, a value for each clinic or source, by
its key in clinics.toml. Zeros are not written.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from shared.settings import PRODUCT

Unit = Literal["Count", "Seconds", "None"]
By = Literal["", "clinic", "source"]
Statistic = Literal["Sum", "Maximum", "Minimum", "p50", "p95"]


class Metric(msgspec.Struct, frozen=True):
    """One metric.

    Attributes:
        name: its name in CloudWatch.
        function: the function that writes it.
        words: what it counts.
        chart: the graph of the dashboard that shows it.
        by: what it has a value for besides the total.
        unit: CloudWatch's unit (MetricDatum, Unit).
        statistics: how it is evaluated over a period.
    """

    name: str
    function: str
    words: str
    chart: str
    by: By = ""
    unit: Unit = "Count"
    statistics: tuple[Statistic, ...] = ("Sum",)


ROWS: Final = Metric("Rows", "convert", "Rows of exports that were converted.", "Exports", "source")
UNCHANGED: Final = Metric("Unchanged", "convert", "Rows whose content the ledger had already.", "Exports", "source")
HELD: Final = Metric("Held", "convert", "Rows that vaxline's own checks held.", "Exports", "clinic")
ACCEPTED: Final = Metric("Accepted", "submit", "Messages that the IIS stored.", "Delivery", "clinic")
ACCEPTED_WITH_WARNINGS: Final = Metric(
    "AcceptedWithWarnings", "submit", "Messages that the IIS stored with warnings.", "Delivery", "clinic"
)
PARTLY_ACCEPTED: Final = Metric(
    "PartlyAccepted", "submit", "Messages of which the IIS did not store all vaccinations.", "Delivery", "clinic"
)
REFUSED: Final = Metric("Refused", "submit", "Messages of which the IIS stored nothing.", "Delivery", "clinic")
UNKNOWN: Final = Metric("Unknown", "submit", "Messages without a readable answer.", "Delivery", "clinic")
FAULTS: Final = Metric("Faults", "submit", "Attempts that ended in a fault of docs/faults.md.", "Faults", "clinic")
ANSWER_SECONDS: Final = Metric(
    "AnswerSeconds",
    "submit",
    "Answer time of the IIS for each acknowledgment; the number of values is the number of acknowledgments.",
    "Answer times",
    unit="Seconds",
    statistics=("p50", "p95"),
)
WORKLIST: Final = Metric("Worklist", "triage", "Submissions that entered the worklist.", "Worklist", "clinic")
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
UNREAD_FILES: Final = Metric(
    "UnreadFiles",
    "sweep",
    "Files and folders of the inbox that nothing has read.",
    "Stops",
    "source",
    statistics=("Maximum",),
)
CREDENTIAL_DAYS: Final = Metric(
    "CredentialDays",
    "sweep",
    "Days until the first credentials expire (`credentials_expire`); by submit, those of a client certificate.",
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
    UNREAD_FILES,
    CREDENTIAL_DAYS,
    VALVE_CLOSED,
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}


class Measured(msgspec.Struct, frozen=True):
    """A value of a metric; `of` is the key of the clinic or source, empty where there is none."""

    metric: Metric
    value: float
    of: str = ""


def namespace(stage: str) -> str:
    """Return the CloudWatch namespace of a stage's metrics."""
    return f"{PRODUCT}/{stage}"
