"""The writes for the visits of one patient, before they are written."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.chart import Chart, DoseState, Left
from shared.domain.model import Finding
from shared.domain.submission import Submission


@dataclass(slots=True)
class Draft:
    """The writes for the visits of one patient.

    Attributes:
        chart: The next version of the chart; None if it does not change.
        new: Submissions that are not in the ledger yet.
        known: Submissions of this very file that are in the ledger: its event came again.
        left: Doses that came from other charts.
        ended: Submissions that were never sent and whose doses are deleted.
        named: The keys of the doses that are new to the chart and have an id of the EHR (`identity.dose_key`).
        findings: Findings about the export, not about a submission.
        waits_for: A submission that another file has noted in a chart and not written yet. Nothing can be drafted
            before: it may have brought to the IIS what has to be deleted now.
    """

    chart: Chart | None = None
    new: list[Submission] = field(default_factory=list)
    known: list[Submission] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waits_for: str = ""

    @property
    def rows(self) -> int:
        """Rows that its submissions stand for."""
        return sum(one.row_count for one in (*self.new, *self.known))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A dose as another chart has it."""

    chart: Chart
    dose: DoseState
