"""The chart of a patient: every dose of the patient, across exports, days, clinics and corrections (ADR 0021).

A dose is found by its id. Its chart knows the content last taken up of it, the place where it stands, and every
submission that carried it, so a dose that moves to another day, clinic or record number stays the same dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.model import Finding
from shared.domain.person import Person
from shared.replaced import replace

_WORKS: Final = 12
"""Files and corrections whose work a chart names."""

_CARRIERS: Final = 12
"""Submissions that a dose names."""

_CORRECTION: Final = "correction of "


class DoseState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One dose of a chart.

    Attributes:
        id: Its id, or `unread_id` for rows that could not be read.
        clinic: The clinic's key in clinics.toml; the export's name of it if that is unknown.
        date: Day of the visit, `YYYYMMDD`.
        fingerprint: The EHR's content last taken up (`fingerprints`).
        as_of: The export that it is of (`Arrival.as_of`).
        carriers: MSH-10s of the submissions with it, the newest last.
        is_held: The newest of them was HELD when it was made.
        is_deleted: It is deleted, or it stands in another chart now.
    """

    id: str
    clinic: str
    date: str
    fingerprint: str
    as_of: str
    carriers: tuple[str, ...]
    is_held: bool = False
    is_deleted: bool = False

    @property
    def newest(self) -> str:
        """MSH-10 of the newest submission with it."""
        return self.carriers[-1] if self.carriers else ""

    def newer_than(self, msh_10: str) -> tuple[str, ...]:
        """The submissions with it that were made after this one, which is one of them."""
        return self.carriers[self.carriers.index(msh_10) + 1 :]

    def carried_by(self, msh_10: str) -> DoseState:
        """The dose with one more submission."""
        others = [carrier for carrier in self.carriers if carrier != msh_10]
        return replace(self, carriers=(*others[-_CARRIERS + 1 :], msh_10))

    def corrected_by(self, msh_10: str, *, of: str, is_held: bool, clinic: str) -> DoseState:
        """The dose with a correction of one of its submissions.

        The deletion of a dose that moved is not the newest submission with it, and neither is its correction.
        """
        if of in self.carriers[:-1] and msh_10 not in self.carriers:
            at = self.carriers.index(of) + 1
            return replace(self, carriers=(*self.carriers[:at], msh_10, *self.carriers[at:]))
        return replace(self.carried_by(msh_10), is_held=is_held, clinic=clinic)


class Made(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One submission that a file or a correction made of a chart, with all that is needed to make it again.

    Attributes:
        msh_10: Its MSH-10.
        revision: How many submissions the chart had before.
        mark: The CRC-32 of its rows in the file.
        doses: Ids of its doses.
        replaces: The submissions that it takes the place of.
        content: For a deletion: the submissions whose content is deleted, one for each dose.
        findings: Findings of the comparison with the chart, which hold it.
        after: A submission that must be decided before this one is sent.
    """

    msh_10: str
    revision: int
    mark: int
    doses: tuple[str, ...]
    replaces: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    after: str = ""


class Left(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Doses that came from another chart: its key, their ids, and the submission that ends them there."""

    chart: str
    doses: tuple[str, ...]
    msh_10: str


class Work(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The work of one file (`by` is its id) or of one correction on a chart, which a redelivered event finds."""

    by: str
    made: tuple[Made, ...] = ()
    left: tuple[Left, ...] = ()


class Correction(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A value that a person corrected. It is in force until the EHR changes its own value.

    Attributes:
        dose: Id of the dose; empty for a value of the patient.
        column: Column of vaxline's CSV layout, or `same_person`.
        value: The corrected value.
        instead_of: Hash of the EHR's value.
    """

    dose: str
    column: str
    value: str
    instead_of: str

    @property
    def corrects(self) -> tuple[str, str, str]:
        """The value of the EHR that it corrects."""
        return self.dose, self.column, self.instead_of


class Chart(msgspec.Struct, frozen=True, gc=False):
    """One version of a patient's chart.

    Attributes:
        key: See `identity.chart_key`.
        version: Number of writes, for the optimistic lock.
        revision: Number of submissions, which makes the next MSH-10 differ.
        person: The person whose doses these are; empty until one is known.
        as_of: The newest export with news of the patient.
        doses: The doses.
        works: The last files and corrections, the newest last.
        corrections: The corrections that are in force.
    """

    key: str
    version: int = 0
    revision: int = 0
    person: Person = Person()
    as_of: str = ""
    doses: tuple[DoseState, ...] = ()
    works: tuple[Work, ...] = ()
    corrections: tuple[Correction, ...] = ()

    def dose(self, dose_id: str) -> DoseState | None:
        """Return the dose of an id."""
        return next((dose for dose in self.doses if dose.id == dose_id), None)

    def by_id(self) -> dict[str, DoseState]:
        """Return the doses by id."""
        return {dose.id: dose for dose in self.doses}

    def work_of(self, by: str) -> Work:
        """Return the work of a file or a correction; empty if there is none."""
        return next((work for work in self.works if work.by == by), Work(by))

    def current_of(self, msh_10: str) -> tuple[str, ...]:
        """Return the ids of the doses whose newest submission this is."""
        return tuple(dose.id for dose in self.doses if dose.newest == msh_10)

    def with_doses(self, changed: Mapping[str, DoseState]) -> Chart:
        """Return the chart with changed and new doses."""
        return replace(self, doses=tuple({**self.by_id(), **changed}.values()))

    def with_work(self, work: Work) -> Chart:
        """Return the chart with the work of one more file, or with more work of a file that it names."""
        others = tuple(one for one in self.works if one.by != work.by)
        before = self.work_of(work.by)
        known = {made.msh_10 for made in before.made}
        made = (*before.made, *(one for one in work.made if one.msh_10 not in known))
        left = (*before.left, *(one for one in work.left if one not in before.left))
        return replace(self, works=(*others[-_WORKS + 1 :], Work(work.by, made, left)))

    def made_by(self, msh_10: str) -> str:
        """Return the name of the work that made a submission; empty if the chart does not name it."""
        return next((work.by for work in self.works if any(made.msh_10 == msh_10 for made in work.made)), "")

    def corrected_by(self, msh_10: str) -> str:
        """Return the submission that a correction with this MSH-10 corrects; empty if it is none."""
        by = self.made_by(msh_10)
        return by.removeprefix(_CORRECTION) if by.startswith(_CORRECTION) else ""


def correction_of(msh_10: str) -> str:
    """Return the name of a correction's work, of the submission that it corrects."""
    return _CORRECTION + msh_10


def unread_id(clinic: str, date: str) -> str:
    """Return the id under which a chart keeps the rows of a place that could not be read."""
    return f"\x1funread\x1f{clinic}\x1f{date}"


def is_unread(dose_id: str) -> bool:
    """Whether an id of a chart stands for rows that could not be read."""
    return dose_id.startswith("\x1f")


def replaced_by(chart: Chart, doses: Iterable[str]) -> tuple[str, ...]:
    """Return the submissions whose every newest dose is among these, so that a new one takes their place.

    Args:
        chart: The chart before the new submission.
        doses: The ids of its doses.
    """
    taken = set(doses)
    newest = dict.fromkeys(dose.newest for dose in chart.doses if dose.id in taken and dose.carriers)
    replaced: dict[str, None] = {}
    for msh_10 in newest:
        if taken.issuperset(chart.current_of(msh_10)):
            replaced[msh_10] = None
            # A correction that was cut off between its chart and its submission does not name what it corrects.
            corrected = chart.corrected_by(msh_10)
            if corrected:
                replaced[corrected] = None
    return tuple(replaced)


def without_left(chart: Chart, lefts: Iterable[Left], as_of: str) -> Chart:
    """Return the next version of a chart that doses left. A dose that was deleted there before stays as it is.

    Args:
        chart: The chart as the ledger has it.
        lefts: The doses, and the submissions that end them.
        as_of: The export that moved them (`Arrival.as_of`).
    """
    known = chart.by_id()
    changed = {
        dose: replace(known[dose].carried_by(left.msh_10), is_deleted=True, is_held=False, as_of=as_of)
        for left in lefts
        for dose in left.doses
        if dose in known and not known[dose].is_deleted
    }
    return replace(chart.with_doses(changed), version=chart.version + 1)


def after_correction(
    chart: Chart,
    made: Made,
    *,
    of: str,
    is_held: bool,
    clinic: str,
    person: Person | None,
    corrections: Sequence[Correction],
) -> Chart:
    """Return the next version of a chart, with a submission that a person made of some of its doses.

    The fingerprints stay those of the EHR, so that the same export says nothing new.

    Args:
        chart: The chart as the ledger has it.
        made: The new submission.
        of: The MSH-10 that it corrects.
        is_held: Whether it is held.
        clinic: The clinic of its doses.
        person: The person, where somebody said that two sets of data are one person.
        corrections: The values that were corrected; each takes the place of an earlier one of the same value.
    """
    known = chart.by_id()
    # A correction of the same submission that was cut off before it was written stands at its place.
    places = {of, *(one.msh_10 for one in chart.work_of(correction_of(of)).made)}
    changed = {
        dose: known[dose].corrected_by(
            made.msh_10,
            of=known[dose].newest if known[dose].newest in places else of,
            is_held=is_held,
            clinic=clinic,
        )
        for dose in made.doses
    }
    again = {one.corrects for one in corrections}
    kept = tuple(one for one in chart.corrections if one.corrects not in again)
    return replace(
        chart.with_doses(changed).with_work(Work(correction_of(of), (made,))),
        version=chart.version + 1,
        revision=max(chart.revision, made.revision + 1),
        person=person or chart.person,
        corrections=(*kept, *corrections),
    )
