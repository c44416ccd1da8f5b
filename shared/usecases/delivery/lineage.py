"""The submissions that carry the same doses: which of them are replaced, and which must not be sent any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import msgspec

from shared.domain.chart import Chart, DoseState
from shared.domain.hl7 import er7
from shared.domain.lifecycle import STORED_BY_IIS, Event, State
from shared.domain.submission import Submission
from shared.ports.ledger import Charts, Submissions, SubmissionStates

# The newer submission says something else, but it does not go out as it is.
_NOT_ON_THE_WAY: Final = frozenset({State.HELD, State.CLOSED})


class Standing(msgspec.Struct, frozen=True):
    """How a claimed submission stands beside the others with its doses.

    Attributes:
        outdated: Ids of the doses that newer submissions carry.
        is_overtaken: Nothing of it is to be sent: all of its doses are outdated, or what it deletes never reached the
            IIS.
        waits: Another submission must be decided before it, or a newer one is just being written.
    """

    outdated: frozenset[str] = frozenset()
    is_overtaken: bool = False
    waits: bool = False


def supersede_predecessors(submissions: Submissions, states: SubmissionStates, submission: Submission) -> None:
    """Supersede every submission that an accepted one takes the place of, directly or through others."""
    older = list(submission.predecessors)
    seen: set[str] = set()
    while older:
        msh_10 = older.pop()
        if msh_10 in seen:
            continue
        seen.add(msh_10)
        states.move(msh_10, Event.SUPERSEDE)
        found = submissions.get(msh_10)
        older += found.predecessors if found else ()


def standing_of(charts: Charts, submissions: Submissions, submission: Submission) -> Standing:
    """Compare a claimed submission with the newest content of its doses.

    The queue keeps a patient's messages in order, but retries, lost queue messages and two exports at once do not.

    Args:
        charts: The chart of its patient.
        submissions: The other submissions.
        submission: The submission, as it was claimed.
    """
    if submission.after and _is_undecided(submissions.get(submission.after)):
        return Standing(waits=True)
    chart = charts.get([submission.chart]).get(submission.chart, Chart(submission.chart))
    doses = [dose for dose in chart.doses if submission.msh_10 in dose.carriers]
    if submission.deletes:
        standing = _of_deletion(submissions, submission, doses)
        if standing is not None:
            return standing
    newer = {dose.id: dose.newer_than(submission.msh_10) for dose in doses}
    if not any(newer.values()):
        return Standing()
    known = {one.msh_10: one for one in submissions.many(msh_10 for msh_10s in newer.values() for msh_10 in msh_10s)}
    outdated = frozenset(
        dose for dose, msh_10s in newer.items() if any(_outdates(known.get(msh_10), submission) for msh_10 in msh_10s)
    )
    newest = {msh_10s[-1] for dose, msh_10s in newer.items() if msh_10s and dose not in outdated}
    # A conversion writes a chart before its submissions. A correction that was cut off there may never be written.
    if any(msh_10 not in known and not chart.corrected_by(msh_10) for msh_10 in newest):
        return Standing(waits=True)
    return Standing(outdated, is_overtaken=bool(outdated) and outdated.issuperset(newer))


def _of_deletion(submissions: Submissions, deletion: Submission, doses: Sequence[DoseState]) -> Standing | None:
    """Whether a deletion waits, or has nothing to delete; None if it is to be sent.

    An older submission of a dose may be the one that the IIS has, although the deletion names a newer one: the newer
    one was still waiting when the deletion was made.
    """
    older = [dose.carriers[: dose.carriers.index(deletion.msh_10)] for dose in doses]
    carriers = submissions.many(dict.fromkeys(chain(deletion.deletes, *older)))
    # One of another chart notes that the dose went there, and one of another place is deleted there.
    place = _place(deletion)
    known = {one.msh_10: one for one in carriers if one.chart == deletion.chart and _place(one) == place}
    if any(one.state is State.SENDING or (one.deletes and _is_undecided(one)) for one in known.values()):
        return Standing(waits=True)
    histories = [[known[msh_10] for msh_10 in reversed(carriers) if msh_10 in known] for carriers in older]
    named = [known[msh_10] for msh_10 in deletion.deletes if msh_10 in known]
    if any(map(_may_be_there, (named, *histories))):
        return None
    return Standing(is_overtaken=True)


def _may_be_there(newest_first: Iterable[Submission]) -> bool:
    """Whether the IIS may have a dose, by the submissions that carried it."""
    for carrier in newest_first:
        if carrier.deletes and carrier.state in STORED_BY_IIS:
            return False
        if carrier.may_be_stored and not carrier.deletes:
            return True
    return False


def _outdates(newer: Submission | None, submission: Submission) -> bool:
    if newer is None or newer.state in _NOT_ON_THE_WAY:
        return False
    if not submission.deletes:
        return True
    # A dose that moved is deleted at its old place all the same, unless it came back.
    return _place(newer) == _place(submission)


def _place(submission: Submission) -> str:
    """Where the IIS finds the doses: PID-3 of the message; clinic and record number where it has none."""
    pid = next((line for line in er7.segments(submission.vxu) if line.startswith("PID")), "")
    pid_3 = pid.split(er7.FIELD, 4)[3:4]
    return pid_3[0] if pid_3 else f"{submission.clinic} {submission.visit.patient.mrn}"


def _is_undecided(submission: Submission | None) -> bool:
    return submission is None or submission.waiting_since is not None or submission.state is State.SENDING
