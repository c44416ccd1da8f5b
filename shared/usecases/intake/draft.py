"""The writes for the visits of one patient, before they are written."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.chart import Chart, DoseState
from shared.domain.model import Finding
from shared.domain.submission import Submission


@dataclass(slots=True)
class Draft:
    """The writes for the visits of one patient.

    Attributes:
        chart: The next version of the chart; None if it does not change.
        new: Submissions that are not in the ledger yet.
        known: Submissions of this very file that are in the ledger: its event came again.
        left: The next versions of the charts that doses left.
        moved: The chart that the index names until now for each dose that came from another, by the key of the dose.
        ended: Submissions that were never sent and whose doses are deleted.
        named: The keys of the doses that the index does not name yet (`identity.dose_key`).
        changed: Ids of the doses that the chart had before, and that have an id of the EHR and other content now.
        findings: Findings about the export, not about a submission.
        waits_for: A submission that another file has noted in a chart and not written yet. Nothing can be drafted
            before: it may have brought to the IIS what has to be deleted now.
        is_partial: More doses move than one transaction writes. The same visits are drafted again when this is written.
    """

    chart: Chart | None = None
    new: list[Submission] = field(default_factory=list)
    known: list[Submission] = field(default_factory=list)
    left: list[Chart] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waits_for: str = ""
    is_partial: bool = False

    @property
    def rows(self) -> int:
        """Rows that its submissions stand for."""
        return sum(one.row_count for one in (*self.new, *self.known))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A dose as another chart has it."""

    chart: Chart
    dose: DoseState
