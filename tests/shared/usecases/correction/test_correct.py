"""A person's correction: of which doses it speaks, how long it stays in force, and that it is sent once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.domain.clinics import Clinic, Configuration
from shared.domain.lifecycle import Event, State
from shared.domain.model import Code, Name, Telecom, Visit
from shared.domain.submission import Submission
from shared.replaced import replace
from shared.usecases.correction.correct import LeftOut, NotResubmitted, Resubmitted
from shared.usecases.correction.remedy import Remedies, Remedy
from shared.usecases.delivery.lineage import standing_of
from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.intake.test_convert import CLINIC, Desk, a_configuration, a_dose, a_visit

OAK = Clinic("oak", "Oak", "F2", "ORG", "ORG-OAK", "oak", export_names=frozenset({"Oak Rd"}))
PHONE = Telecom("PRN", "PH", "860", "5550100")


@pytest.fixture
def desk() -> Desk:
    made = Desk(MemoryLedger())
    made.configurations.configuration = a_configuration(CLINIC, OAK)
    return made


def end(desk: Desk, msh_10: str, event: Event = Event.REFUSE, state: State = State.REFUSED) -> str:
    """The IIS answers a queued submission; what it refuses is in the worklist."""
    desk.end(msh_10, event, state)
    if state is State.REFUSED:
        desk.ledger.worklist.enter(msh_10, ("X",))
    return msh_10


def refused(desk: Desk, *visits: Visit) -> str:
    desk.file(*visits)
    return end(desk, desk.outbox.sent[-1])


def correct(desk: Desk, msh_10: str, changes: Mapping[str, str]) -> Submission:
    """Correct, and return the new submission; it is the only one that was queued or held for it."""
    result = desk.correct(msh_10, changes)
    assert isinstance(result, Resubmitted), result
    return desk.of(result.msh_10)


def reason(desk: Desk, msh_10: str, changes: Mapping[str, str]) -> str:
    before = len(desk.outbox.sent), dict(desk.ledger.memory.submissions)
    result = desk.correct(msh_10, changes)
    assert isinstance(result, NotResubmitted), result
    assert (len(desk.outbox.sent), desk.ledger.memory.submissions) == before
    return result.reason


def lots(submission: Submission) -> dict[str, str]:
    return {dose.id: dose.lot for dose in submission.visit.doses}


def carried(desk: Desk, old: str, dose: str, by: str) -> None:
    """Another submission has a dose and deletes it."""
    chart = desk.ledger.charts.get([desk.of(old).chart])[desk.of(old).chart]
    deleted = {dose: replace(chart.by_id()[dose].carried_by(by), is_deleted=True)}
    desk.ledger.charts.save(replace(chart.with_doses(deleted), version=chart.version + 1))


def after_the_export(desk: Desk, *visits: Visit) -> Submission:
    """What the next export made."""
    sent = len(desk.outbox.sent)
    desk.file(*visits)
    assert len(desk.outbox.sent) == sent + 1
    return desk.of(desk.outbox.sent[-1])


def with_dates(*formats: str) -> Configuration:
    configuration = a_configuration(CLINIC, OAK)
    source = replace(configuration.sources["demo"], date_formats=formats)
    return replace(configuration, version=f"v{formats}", sources={"demo": source})


def with_patient(visit: Visit, **values: object) -> Visit:
    return replace(visit, patient=replace(visit.patient, **values))  # type: ignore[arg-type]


# its own doses --------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(desk: Desk) -> tuple[str, str]:
    """A refused submission of two doses, and the newer submission that has the second of them."""
    old = refused(desk, a_visit(a_dose("d1", 1), a_dose("d2", 2)))
    desk.file(a_visit(a_dose("d2", 1, lot="LOT2")))
    return old, desk.outbox.sent[-1]


def test_a_correction_goes_out_with_its_own_doses_and_says_which_are_left_out(
    desk: Desk, shared: tuple[str, str]
) -> None:
    old, newer = shared
    for changes in ({"lot[1]": "AB1"}, {"sex": "F"}, {}, {"lot[1]": "AB1", "lot[2]": "AB1"}):
        preview = desk.correct(old, changes, dry_run=True)
        assert isinstance(preview, Resubmitted)
        assert preview.left_out == (LeftOut(2, "d2", newer),)
    new = correct(desk, old, {"lot[1]": "AB1"})
    assert lots(new) == {"d1": "AB1"}
    assert desk.of(newer).replaced_by == ""


def test_a_change_that_reaches_only_the_dose_of_another_is_refused_and_names_both(
    desk: Desk, shared: tuple[str, str]
) -> None:
    old, newer = shared
    for changes in ({"lot[2]": "AB1"}, {"lot[1]": "AB1", "lot[2]": "AB2"}, {"sex": "F", "lot[2]": "AB1"}):
        said = reason(desk, old, changes)
        assert "dose 2 (d2)" in said
        assert newer in said


def test_a_change_without_number_offers_only_doses_of_its_own(desk: Desk, shared: tuple[str, str]) -> None:
    result = desk.correct(shared[0], {"lot": "AB1"})
    assert isinstance(result, NotResubmitted)
    assert [choice.changes for choice in result.choices] == [{"lot[1]": "AB1"}]


def test_a_submission_whose_doses_are_all_reported_by_others_is_not_corrected(
    desk: Desk, shared: tuple[str, str]
) -> None:
    old, newer = shared
    carried(desk, old, "d1", "DELETION")
    said = reason(desk, old, {})
    assert "dose 1 (d1) is reported by DELETION" in said
    assert f"dose 2 (d2) is reported by {newer}" in said


def test_the_preview_of_a_remedy_names_the_doses_that_it_leaves_out(desk: Desk, shared: tuple[str, str]) -> None:
    old, newer = shared
    ledger = desk.ledger
    remedies = Remedies(submissions=ledger.submissions, worklist=ledger.worklist, correct=desk.correct)
    preview = remedies.preview(Remedy("X", changes={"sex": "F"}))
    assert (preview.submissions, preview.released) == (1, 1)
    assert preview.left_out == ((old, LeftOut(2, "d2", newer)),)


def test_a_deleted_dose_is_left_out(desk: Desk) -> None:
    old = refused(desk, a_visit(a_dose("d1", 1), a_dose("d2", 2)))
    carried(desk, old, "d2", "DELETION")
    assert lots(correct(desk, old, {"lot[1]": "AB1"})) == {"d1": "AB1"}


# in force until the EHR changes the value ------------------------------------------------------------------------------


def test_another_change_of_the_ehr_keeps_a_corrected_lot(desk: Desk) -> None:
    correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"lot": "AB1"})
    again = after_the_export(desk, with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,)))
    assert lots(again) == {"d1": "AB1"}
    once_more = after_the_export(desk, with_patient(a_visit(a_dose("d1", 1)), name=Name("Exampleson", "Ada")))
    assert lots(once_more) == {"d1": "AB1"}


def test_a_lot_that_the_ehr_changes_itself_ends_the_correction_for_good(desk: Desk) -> None:
    correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"lot": "AB1"})
    assert lots(after_the_export(desk, a_visit(a_dose("d1", 1, lot="LOT2")))) == {"d1": "LOT2"}
    assert lots(after_the_export(desk, a_visit(a_dose("d1", 1)))) == {"d1": "LOT1"}


def test_a_correction_that_cannot_be_read_any_more_holds_its_dose_until_it_is_made_again(desk: Desk) -> None:
    desk.configurations.configuration = with_dates("%m/%d/%Y")
    correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"dose_date": "02/28/2026"})
    desk.configurations.configuration = with_dates("%Y-%m-%d")
    desk.file(with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,)))
    held = desk.of(desk.resubmission.sent[-1])
    assert [(finding.code, finding.value) for finding in held.visit.findings] == [
        ("CORRECTION-UNREADABLE", "02/28/2026")
    ]
    new = correct(desk, held.msh_10, {"dose_date": "2026-02-28"})
    assert (new.state, new.visit.doses[0].date) == (State.QUEUED, "20260228")
    again = after_the_export(desk, a_visit(a_dose("d1", 1)))
    assert (again.state, again.visit.doses[0].date) == (State.QUEUED, "20260228")


def test_the_correction_of_a_correction_ends_when_the_ehr_changes_its_own_value(desk: Desk) -> None:
    first = correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"lot": "AB1"})
    end(desk, first.msh_10)
    correct(desk, first.msh_10, {"lot": "AB2"})
    assert lots(after_the_export(desk, with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,)))) == {"d1": "AB2"}
    assert lots(after_the_export(desk, a_visit(a_dose("d1", 1, lot="LOT2")))) == {"d1": "LOT2"}


def test_a_correction_of_one_dose_leaves_the_others_as_the_ehr_has_them(desk: Desk) -> None:
    old = refused(desk, a_visit(a_dose("d1", 1), a_dose("d2", 2)))
    correct(desk, old, {"lot[2]": "AB1"})
    again = after_the_export(desk, with_patient(a_visit(a_dose("d1", 1), a_dose("d2", 2)), telecoms=(PHONE,)))
    assert lots(again) == {"d1": "LOT1", "d2": "AB1"}


def test_new_wording_of_a_code_table_does_not_end_a_correction(desk: Desk) -> None:
    correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"cvx": "94"})
    reworded = replace(a_dose("d1", 1), vaccine=Code("03", "Measles, mumps, rubella", "CVX"))
    again = after_the_export(desk, with_patient(a_visit(reworded), telecoms=(PHONE,)))
    assert again.visit.doses[0].vaccine.code == "94"


def test_a_correction_goes_with_a_dose_that_moves_to_another_record_number(desk: Desk) -> None:
    correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"lot": "AB1"})
    desk.file(a_visit(a_dose("d1", 1), mrn="SYN-2"))
    moved = desk.of(desk.outbox.sent[-1])
    assert (moved.visit.patient.mrn, lots(moved)) == ("SYN-2", {"d1": "AB1"})
    again = after_the_export(desk, with_patient(a_visit(a_dose("d1", 1), mrn="SYN-2"), telecoms=(PHONE,)))
    assert lots(again) == {"d1": "AB1"}


def test_a_corrected_value_of_the_patient_holds_for_every_visit_until_the_ehr_changes_it(desk: Desk) -> None:
    wrong = a_visit(a_dose("d1", 1), sex="U")
    correct(desk, refused(desk, wrong), {"sex": "F"})
    later = a_visit(a_dose("d2", 2), sex="U", date="20260302")
    assert after_the_export(desk, wrong, later).visit.patient.sex == "F"
    ended = after_the_export(desk, replace(a_visit(a_dose("d3", 3), sex="M"), date="20260303"))
    assert ended.visit.patient.sex == "M"


def test_a_value_that_only_some_visits_of_the_ehr_have_stays_corrected_there(desk: Desk) -> None:
    wrong, right = a_visit(a_dose("d1", 1), sex=""), a_visit(a_dose("d2", 2), sex="F", date="20260302")
    desk.file(wrong, right)
    (held,) = desk.resubmission.sent
    correct(desk, held, {"sex": "F"})
    again = after_the_export(desk, with_patient(wrong, telecoms=(PHONE,)), right)
    assert (again.state, again.visit.patient.sex, lots(again)) == (State.QUEUED, "F", {"d1": "LOT1"})


@pytest.mark.parametrize(("column", "value", "digits"), [("phone", "203-555-0199", "5550199"), ("phone", "", "")])
def test_a_corrected_telephone_number_stays_until_the_ehr_has_another(
    desk: Desk, column: str, value: str, digits: str
) -> None:
    with_phone = with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,))
    correct(desk, refused(desk, with_phone), {column: value})
    again = after_the_export(desk, with_patient(with_phone, name=Name("Exampleson", "Ada")))
    assert "".join(one.local for one in again.visit.patient.telecoms) == digits
    other = replace(PHONE, local="5550111")
    ended = after_the_export(desk, with_patient(with_phone, telecoms=(other,)))
    assert ended.visit.patient.telecoms == (other,)


def test_a_corrected_clinic_is_that_of_its_dose_only_and_is_sent_once(desk: Desk) -> None:
    wrong = a_visit(a_dose("d1", 1), clinic="Elm St")
    moved = correct(desk, refused(desk, wrong), {"clinic": "oak"})
    assert moved.clinic == "oak"
    assert desk.file(wrong).unchanged == 1
    other = after_the_export(desk, wrong, a_visit(a_dose("d2", 2), clinic="Elm St"))
    assert (other.clinic, lots(other)) == ("elm", {"d2": "LOT1"})
    again = after_the_export(desk, with_patient(wrong, telecoms=(PHONE,)))
    assert (again.clinic, again.row_count) == ("oak", 1)


def test_a_corrected_record_number_is_that_of_its_dose_only(desk: Desk) -> None:
    both = a_visit(a_dose("d1", 1), a_dose("d2", 2))
    moved = correct(desk, refused(desk, a_visit(a_dose("d1", 1))), {"patient_id": "SYN-9"})
    assert moved.visit.patient.mrn == "SYN-9"
    assert after_the_export(desk, both).visit.patient.mrn == "SYN-1"
    changed = with_patient(both, telecoms=(PHONE,))
    sent = len(desk.outbox.sent)
    desk.file(changed)
    news = {desk.of(msh_10).visit.patient.mrn: desk.of(msh_10) for msh_10 in desk.outbox.sent[sent:]}
    assert {mrn: lots(one) for mrn, one in news.items()} == {"SYN-9": {"d1": "LOT1"}, "SYN-1": {"d2": "LOT1"}}
    assert news["SYN-9"].patient_group == moved.patient_group


@pytest.mark.parametrize("changes", [{"clinic": "oak"}, {"patient_id": "SYN-9"}])
def test_what_the_iis_may_have_is_moved_by_the_ehr_only(desk: Desk, changes: dict[str, str]) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    old = end(desk, desk.outbox.sent[-1], Event.ACCEPT_PARTLY, State.PARTLY_ACCEPTED)
    assert f"by {old} for clinic elm" in reason(desk, old, changes)


# one person -----------------------------------------------------------------------------------------------------------


def another(desk: Desk) -> tuple[str, Visit, Visit]:
    """A visit that is held because its patient has another birth date than the one of the chart."""
    known, other = a_visit(a_dose("d1", 1)), a_visit(a_dose("d2", 2), date="20260302")
    other = with_patient(other, birth_date="20200103")
    desk.file(known)
    desk.file(other)
    (held,) = desk.resubmission.sent
    assert [finding.code for finding in desk.of(held).visit.findings] == ["PATIENT-ANOTHER"]
    return held, known, other


def test_two_sets_of_data_that_a_person_calls_one_stay_one(desk: Desk) -> None:
    held, known, other = another(desk)
    new = correct(desk, held, {"same_person": "yes"})
    assert (new.state, new.visit.patient.birth_date) == (State.QUEUED, "20200103")
    assert desk.file(known, other).unchanged == 2
    for visit in (known, other):
        again = after_the_export(desk, with_patient(visit, telecoms=(PHONE,)))
        assert again.state is State.QUEUED, again.findings


def test_a_third_person_is_held_all_the_same(desk: Desk) -> None:
    held, _, other = another(desk)
    correct(desk, held, {"same_person": "yes"})
    desk.file(with_patient(replace(other, doses=(a_dose("d3", 3),)), birth_date="20111111"))
    assert desk.of(desk.resubmission.sent[-1]).visit.findings[-1].code == "PATIENT-ANOTHER"


def test_only_yes_says_that_it_is_one_person_and_only_where_two_were_found(desk: Desk) -> None:
    held, _, _ = another(desk)
    assert "only be yes" in reason(desk, held, {"same_person": "no"})
    other = refused(desk, a_visit(a_dose("e1", 1), mrn="SYN-8"))
    assert "was not found" in reason(desk, other, {"same_person": "yes"})


def test_a_dose_of_another_person_gets_the_number_of_that_person(desk: Desk) -> None:
    held, known, other = another(desk)
    new = correct(desk, held, {"patient_id": "SYN-9"})
    assert (new.state, new.visit.patient.mrn) == (State.QUEUED, "SYN-9")
    assert desk.file(known, other).unchanged == 2
    again = after_the_export(desk, known, with_patient(other, telecoms=(PHONE,)))
    assert (again.state, again.visit.patient.mrn) == (State.QUEUED, "SYN-9")
    assert after_the_export(desk, with_patient(known, telecoms=(PHONE,))).state is State.QUEUED


# once -----------------------------------------------------------------------------------------------------------------


class KilledError(Exception):
    """The process ends."""


class Writes:
    """Ends the process at a write of the ledger or a queue, counted from 1."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


def a_desk(writes: Writes) -> Desk:
    desk = Desk(MemoryLedger(before_write=writes))
    for queue in (desk.outbox, desk.resubmission):
        send = queue.send

        def counted(messages: object, send: object = send) -> None:
            writes()
            send(messages)  # type: ignore[operator]

        queue.send = counted  # type: ignore[method-assign, assignment]
    return desk


def settle(desk: Desk) -> list[dict[str, str]]:
    """Delivers what is queued, also what the sweep finds, and returns the lots of what goes out."""
    ledger, sent = desk.ledger, []
    queued = [*desk.outbox.sent, *(waiting.message.msh_10 for waiting in ledger.backlog.waiting())]
    for msh_10 in dict.fromkeys(queued):
        claimed = ledger.states.claim(msh_10, desk.time)
        if isinstance(claimed, Submission):
            assert claimed.vxu
            if not standing_of(ledger.charts, ledger.submissions, claimed).is_overtaken:
                sent.append(lots(claimed))
    return sent


KILLED_AT = range(1, 7)
"""Chart, search keys, submission, queue, name in the old one; and not at all."""


@pytest.mark.parametrize("write", KILLED_AT)
def test_the_same_correction_after_a_cut_off_is_sent_once(write: int) -> None:
    writes = Writes()
    desk = a_desk(writes)
    old = refused(desk, a_visit(a_dose("d1", 1)))
    writes.left = write
    if write < 6:
        with pytest.raises(KilledError):
            desk.correct(old, {"lot": "AB1"})
    else:
        desk.correct(old, {"lot": "AB1"})
    writes.left = 0
    result = desk.correct(old, {"lot": "AB1"})
    done = [one for one in desk.ledger.memory.submissions.values() if one.replaces == old]
    assert len(done) == 1
    assert desk.of(old).replaced_by == done[0].msh_10
    assert list(desk.ledger.worklist.entries()) == []
    assert settle(desk) == [{"d1": "AB1"}]
    if write < 6:
        assert isinstance(result, Resubmitted)
        assert result.msh_10 == done[0].msh_10
    else:
        assert result == NotResubmitted(old, f"it was replaced already, by {done[0].msh_10}")
    assert lots(after_the_export(desk, with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,)))) == {"d1": "AB1"}


@pytest.mark.parametrize("write", KILLED_AT)
def test_another_correction_after_a_cut_off_does_not_send_two(write: int) -> None:
    writes = Writes()
    desk = a_desk(writes)
    old = refused(desk, a_visit(a_dose("d1", 1)))
    writes.left = write
    if write < 6:
        with pytest.raises(KilledError):
            desk.correct(old, {"lot": "AB1"})
    else:
        desk.correct(old, {"lot": "AB1"})
    writes.left = 0
    result = desk.correct(old, {"lot": "AB2"})
    (done,) = [one for one in desk.ledger.memory.submissions.values() if one.replaces == old]
    assert desk.of(old).replaced_by == done.msh_10
    lot = "AB2" if write <= 3 else "AB1"
    assert settle(desk) == [{"d1": lot}]
    if lot == "AB1":
        assert result == NotResubmitted(old, f"it was replaced already, by {done.msh_10}")
    assert lots(after_the_export(desk, with_patient(a_visit(a_dose("d1", 1)), telecoms=(PHONE,)))) == {"d1": lot}


def test_a_correction_that_was_cut_off_in_its_chart_is_part_of_the_next_one() -> None:
    writes = Writes()
    desk = a_desk(writes)
    old = refused(desk, a_visit(a_dose("d1", 1), sex="U"))
    writes.left = 2
    with pytest.raises(KilledError):
        desk.correct(old, {"lot": "AB1"})
    new = correct(desk, old, {"sex": "F"})
    assert (new.visit.patient.sex, lots(new)) == ("F", {"d1": "AB1"})


@pytest.mark.parametrize("write", range(1, 5))
@pytest.mark.parametrize("other", ["AB1", "AB2"])
def test_of_two_people_at_once_one_is_sent_or_the_last_word_counts(write: int, other: str) -> None:
    """The second corrects while the first is between two writes."""
    desk = a_desk(Writes())
    old = refused(desk, a_visit(a_dose("d1", 1)))
    writes = 0

    def meanwhile() -> None:
        nonlocal writes
        writes += 1
        if writes == write:
            desk.correct(old, {"lot": other})

    desk.ledger.memory.before_write = meanwhile
    desk.correct(old, {"lot": "AB1"})
    desk.ledger.memory.before_write = lambda: None
    sent = settle(desk)
    assert len(sent) == 1
    chart = desk.ledger.memory.charts[desk.of(old).chart]
    assert [lots(desk.of(dose.newest)) for dose in chart.doses] == sent
    assert desk.of(old).replaced_by


@pytest.mark.parametrize("other", ["F", "M"])
def test_of_two_people_at_one_remedy_each_submission_is_corrected_once(desk: Desk, other: str) -> None:
    desk.file(*(a_visit(a_dose(f"d{number}", number), mrn=f"SYN-{number}") for number in range(1, 5)))
    for msh_10 in list(desk.outbox.sent):
        end(desk, msh_10)
    ledger = desk.ledger
    remedies = Remedies(submissions=ledger.submissions, worklist=ledger.worklist, correct=desk.correct)
    mine, others = Remedy("X", changes={"sex": "F"}), Remedy("X", changes={"sex": other})
    members = remedies.members(mine)
    # One after the other, in turns.
    in_turns = zip(remedies.apply(mine, members), remedies.apply(others, members), strict=True)
    results = [result for pair in in_turns for result in pair]
    assert sum(isinstance(result, Resubmitted) for result in results) == len(members) == 4
    assert all("replaced already" in result.reason for result in results if isinstance(result, NotResubmitted))
    assert len(settle(desk)) == 4


def test_a_held_correction_that_was_cut_off_before_its_queue_comes_into_the_worklist() -> None:
    writes = Writes()
    desk = a_desk(writes)
    old = refused(desk, a_visit(a_dose("d1", 1)))
    writes.left = 4
    with pytest.raises(KilledError):
        desk.correct(old, {"dose_date": "2019-01-01"})
    result = desk.correct(old, {"dose_date": "2019-01-01"})
    assert isinstance(result, Resubmitted)
    assert (result.state, result.causes) == (State.HELD, ("DOSE-BEFORE-BIRTH",))
    assert desk.resubmission.sent == [result.msh_10]


def test_an_export_between_reading_and_writing_is_seen(desk: Desk) -> None:
    old = refused(desk, a_visit(a_dose("d1", 1)))
    memory = desk.ledger.memory

    def meanwhile() -> None:
        memory.before_write = lambda: None
        desk.file(a_visit(a_dose("d1", 1, lot="LOT2")))

    memory.before_write = meanwhile
    result = desk.correct(old, {"lot": "AB1"})
    assert isinstance(result, NotResubmitted)
    assert desk.outbox.sent[-1] in result.reason
    assert settle(desk) == [{"d1": "LOT2"}]
