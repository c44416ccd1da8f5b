"""Builds the submissions of an export: messages of new and changed doses, and deletions of what was sent."""

from __future__ import annotations

from typing import Final

from shared.domain import identity
from shared.domain.chart import Chart, Made
from shared.domain.clinics import Clinic, Configuration, number_space
from shared.domain.hl7.er7 import SEGMENT_END
from shared.domain.lifecycle import State
from shared.domain.model import Action, Finding, Visit
from shared.domain.submission import Submission
from shared.exports.standing_corrections import with_corrections
from shared.ports.clock import Clock
from shared.ports.ledger import Submissions
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.usecases.intake.arrival import Arrival
from shared.usecases.prepare import Prepared, prepare

# A second opinion takes as long as some hundred conversions. It finds faults in how messages are put together, so it
# judges the first messages of a file with different numbers of segments, and then one in so many (ADR 0002).
_SIZES_JUDGED: Final = 5
_SECOND_OPINION_EVERY: Final = 5000

Rows = tuple[tuple[str, int], ...]


class Builder:
    """Builds submissions from what was drafted of a chart. It writes nothing."""

    def __init__(self, submissions: Submissions, clock: Clock, second_opinion: SecondOpinion) -> None:
        self._submissions = submissions
        self._clock = clock
        self._second_opinion = second_opinion

    def of_visit(self, chart: Chart, made: Made, visit: Visit, arrival: Arrival) -> Submission:
        """Build the submission of a visit, or of the doses of it that were drafted.

        Args:
            chart: The chart, with the corrections that are in force.
            made: The draft.
            visit: The visit as the export has it; the submission stands for all its rows.
            arrival: The export.
        """
        news = visit
        if visit.doses and len(made.doses) < len(visit.doses):
            news = replace(visit, doses=tuple(dose for dose in visit.doses if dose.id in made.doses))
        if chart.corrections:
            news = with_corrections(news, chart.corrections, arrival.source)
        if made.findings:
            news = replace(news, findings=(*news.findings, *made.findings))
        group = self._group(arrival, news.patient.mrn or made.msh_10)
        return self._submission(chart.key, made, news, visit.rows, arrival, group)

    def of_deletion(self, chart: str, made: Made, rows: Rows, mrn: str, arrival: Arrival) -> Submission:
        """Build the deletion of doses, with the content that was sent of them.

        Args:
            chart: Key of the chart that has them.
            made: The draft; its `content` names a submission for each dose.
            rows: The rows of the export that it stands for; none where the doses stand at another place of it.
            mrn: Record number of the patient in whose order the deletion is sent.
            arrival: The export.
        """
        carriers = {one.msh_10: one for one in self._submissions.many(made.content)}
        doses = []
        for dose_id, msh_10 in zip(made.doses, made.content, strict=True):
            sent = next(dose for dose in carriers[msh_10].visit.doses if dose.id == dose_id)
            doses.append(replace(sent, action=Action.DELETE))
        latest = carriers[made.content[-1]]
        visit = replace(latest.visit, doses=tuple(doses), rows=rows, findings=made.findings, raw="")
        group = self._group(arrival, mrn) if mrn else latest.patient_group
        return self._submission(chart, made, visit, rows, arrival, group)

    def _group(self, arrival: Arrival, mrn: str) -> str:
        return identity.patient_group(self._submissions.patient_key(), number_space(arrival.source), mrn)

    def _submission(self, chart: str, made: Made, visit: Visit, rows: Rows, arrival: Arrival, group: str) -> Submission:
        now = self._clock.now()
        configuration = arrival.configuration
        clinic = _clinic(configuration, visit)
        prepared = prepare(visit, msh_10=made.msh_10, clinic=clinic, configuration=configuration, now=now)
        objections = self._objections(prepared, arrival)
        held = prepared.is_held or bool(objections)
        return Submission(
            msh_10=made.msh_10,
            state=State.HELD if held else State.QUEUED,
            source=arrival.source.name,
            clinic=clinic.key if clinic else "",
            chart=chart,
            patient_group=group,
            file_id=arrival.file_id,
            file_name=arrival.name,
            row_count=len(rows),
            config_version=configuration.version,
            created=now,
            visit=visit,
            vxu=prepared.vxu,
            findings=prepared.findings + objections,
            revision=made.revision,
            replaces=made.replaces[0] if made.replaces else "",
            also_replaces=made.replaces[1:],
            deletes=tuple(dict.fromkeys(made.content)),
            after=made.after,
            waiting_since=None if held else now,
        )

    def _objections(self, prepared: Prepared, arrival: Arrival) -> tuple[Finding, ...]:
        """Asks for a second opinion on some messages. After an objection the rest of the file is held."""
        if prepared.is_held:
            return ()
        size = prepared.vxu.count(SEGMENT_END)
        is_new_size = size not in arrival.sizes_judged and len(arrival.sizes_judged) < _SIZES_JUDGED
        if not arrival.objection and (is_new_size or arrival.built % _SECOND_OPINION_EVERY == 0):
            arrival.sizes_judged.add(size)
            arrival.objection = self._second_opinion.objection(prepared.vxu)
        arrival.built += 1
        if not arrival.objection:
            return ()
        return (Finding("SECOND-OPINION", column="hl7apy", value=arrival.objection),)


def _clinic(configuration: Configuration, visit: Visit) -> Clinic | None:
    source = configuration.sources.get(visit.source)
    return configuration.clinic_for(source, visit.clinic) if source else None
