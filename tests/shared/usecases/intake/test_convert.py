from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shared import settings
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.lifecycle import Event, State
from shared.domain.model import Code, Dose, Finding, Name, Patient, Visit
from shared.domain.submission import Attempt, BackfillLane, FileSummary, Submission
from shared.ports.objects import Objects, StoredObject
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.usecases.correction.correct import Correct, NotResubmitted, Resubmitted
from shared.usecases.delivery.backfill import waiting_in_backfills
from shared.usecases.intake.arrival import Ignored
from shared.usecases.intake.convert import Convert, Converted
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger, ports_for

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLINIC = Clinic("elm", "Elm", "F1", "ORG", "ORG", "elm", export_names=frozenset({"Elm St"}))


def a_configuration(*clinics: Clinic) -> Configuration:
    return Configuration(
        "v1",
        "Example",
        "VAXLINE",
        Iis("http://127.0.0.1:1/"),
        {clinic.key: clinic for clinic in clinics},
        {"demo": Source("demo", "csv", clinic="elm")},
    )


def a_dose(name: str, row: int, *, lot: str = "LOT1", historical: bool = True) -> Dose:
    return Dose(
        id=name,
        date="20260301",
        vaccine=Code("03", "MMR", "CVX"),
        information_source=Code("01" if historical else "00", "", "NIP001"),
        lot=lot,
        row=row,
        part="a.csv",
    )


def a_visit(*doses: Dose, mrn: str = "SYN-1", date: str = "20260301", clinic: str = "", sex: str = "F") -> Visit:
    patient = Patient(mrn=mrn, name=Name("Sampleton", "Ada"), birth_date="20200102", sex=sex)
    rows = tuple((dose.part, dose.row) for dose in doses)
    return Visit("demo", patient, date, clinic=clinic, doses=doses, rows=rows)


class Objectory:
    """A bucket with one object, which can be stored again."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredObject] = {}

    def put(self, key: str, version: str, modified: datetime) -> None:
        self.stored[key] = StoredObject(key, version, 10, modified)

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        return self.stored.get(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter([item for item in self.stored.values() if item.key.startswith(prefix)])


class Reader:
    """A reader that yields the visits of the test."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []

    def read(self, parts: Sequence[StoredObject], source: Source, objects: Objects) -> Iterator[Visit]:
        yield from self.visits


class Queue:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.breaks_at = -1

    def depth(self) -> int:
        return 0

    def send(self, messages: Sequence[OutboxMessage | str]) -> None:
        for message in messages:
            if len(self.sent) == self.breaks_at:
                self.breaks_at = -1
                raise RuntimeError("synthetic outage")
            self.sent.append(message if isinstance(message, str) else message.msh_10)


class Opinion:
    """A second opinion with the answer of the test, which counts its calls."""

    def __init__(self) -> None:
        self.says = ""
        self.asked = 0

    def objection(self, vxu: str) -> str:
        self.asked += 1
        return self.says


class Desk:
    """The use case convert with visits of the test."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.objects = Objectory()
        self.reader = Reader()
        self.outbox = Queue()
        self.resubmission = Queue()
        self.configurations = Fixed(a_configuration(CLINIC))
        self.time = NOW
        self._version = 0
        common = {
            "outbox": self.outbox,
            "resubmission": self.resubmission,
            "configurations": self.configurations,
            "clock": self,
        }
        self.opinion = Opinion()
        self.convert = Convert(
            **ports_for(Convert, ledger),
            **common,
            objects=self.objects,
            second_opinion=self.opinion,
            bucket="b",
            readers={"csv": self.reader},
        )  # type: ignore[arg-type]
        self.correct = Correct(**ports_for(Correct, ledger), **common)  # type: ignore[arg-type]

    def now(self) -> datetime:
        return self.time

    def arrive(self, *visits: Visit, again: bool = False, minutes: int | None = None) -> Converted:
        """Convert an export with these visits; `again` delivers the last event again."""
        self.reader.visits = list(visits)
        if not again:
            self._version += 1
        at = NOW + timedelta(minutes=self._version if minutes is None else minutes)
        self.objects.put("inbox/demo/a.csv", f"v{self._version}", at)
        return self.convert("inbox/demo/a.csv")

    def file(self, *visits: Visit, **options: int) -> FileSummary:
        converted = self.arrive(*visits, **options)  # type: ignore[arg-type]
        assert isinstance(converted, FileSummary)
        assert converted.adds_up
        return converted

    def of(self, msh_10: str) -> Submission:
        found = self.ledger.submissions.get(msh_10)
        assert found is not None
        return found

    def end(self, msh_10: str, event: Event, state: State) -> None:
        claimed = self.ledger.states.claim(msh_10, self.time)
        assert isinstance(claimed, Submission)
        self.ledger.states.finish(claimed, event, Attempt(1, self.time, 0.1, state), causes=("X",))


@pytest.fixture
def desk() -> Desk:
    return Desk(MemoryLedger())


def test_a_new_visit_is_queued_with_its_message_and_all_its_doses(desk: Desk) -> None:
    summary = desk.file(a_visit(a_dose("d1", 1), a_dose("d2", 2)))
    assert summary.submitted == {State.QUEUED: 2}
    (msh_10,) = desk.outbox.sent
    queued = desk.of(msh_10)
    assert queued.vxu.count("RXA|") == 2
    assert f"|{msh_10}|" in queued.vxu
    assert (queued.config_version, queued.clinic, len(msh_10)) == ("v1", "elm", 20)


def test_the_same_visit_in_another_export_is_unchanged_even_at_another_row(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    summary = desk.file(a_visit(a_dose("d1", 7)))
    assert (summary.unchanged, summary.submitted) == (1, {})
    assert len(desk.outbox.sent) == 1


def test_a_changed_visit_gets_a_new_msh_10_and_names_what_it_replaces(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    desk.file(a_visit(a_dose("d1", 1, lot="LOT2")))
    first, second = desk.outbox.sent
    assert first != second
    assert desk.of(second).replaces == first
    assert desk.of(first).replaced_by == second


def test_a_visit_that_changes_back_is_sent_again_under_an_msh_10_of_its_own(desk: Desk) -> None:
    for lot in ("LOT1", "LOT2", "LOT1"):
        desk.file(a_visit(a_dose("d1", 1, lot=lot)))
    assert len(set(desk.outbox.sent)) == 3


def test_a_partial_export_adds_its_dose_and_leaves_the_others_alone(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    desk.file(a_visit(a_dose("d2", 1)))
    first, second = desk.outbox.sent
    assert desk.of(second).replaces == ""
    assert desk.of(first).replaced_by == ""
    assert desk.file(a_visit(a_dose("d1", 1))).unchanged == 1


def test_an_export_that_arrives_late_does_not_undo_a_newer_one(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1, lot="NEW")), minutes=60)
    late = desk.file(a_visit(a_dose("d1", 1, lot="OLD"), a_dose("d2", 2)), minutes=5)
    assert late.submitted == {State.QUEUED: 2}
    assert "OLD" not in desk.of(desk.outbox.sent[-1]).vxu
    assert desk.file(a_visit(a_dose("d1", 1, lot="OLD")), minutes=6).unchanged == 1


def test_an_error_holds_a_visit_and_the_rest_goes_on(desk: Desk) -> None:
    summary = desk.file(a_visit(a_dose("d1", 1), sex=""), a_visit(a_dose("d2", 2), mrn="SYN-2"))
    assert (summary.held, summary.submitted) == (1, {State.QUEUED: 1})
    held = desk.of(desk.resubmission.sent[0])
    assert (held.state, held.vxu) == (State.HELD, "")
    assert "SEX-MISSING" in [finding.code for finding in held.findings]


def test_an_unknown_clinic_holds_its_visits_until_the_configuration_knows_it(desk: Desk) -> None:
    held = desk.file(a_visit(a_dose("d1", 1), clinic="Oak Rd"))
    assert held.held == 1
    again = desk.file(a_visit(a_dose("d1", 1), clinic="Oak Rd"))
    assert (again.unchanged, again.held) == (1, 0)
    desk.configurations.configuration = a_configuration(replace(CLINIC, export_names=frozenset({"Oak Rd"})))
    released = desk.file(a_visit(a_dose("d1", 1), clinic="Oak Rd"))
    assert released.submitted == {State.QUEUED: 1}
    assert desk.of(desk.outbox.sent[0]).replaces == desk.resubmission.sent[0]


def test_what_a_person_closed_is_not_released_by_a_new_configuration(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1), clinic="Oak Rd"))
    desk.ledger.states.move(desk.resubmission.sent[0], Event.CLOSE, reason="reported by hand")
    desk.configurations.configuration = a_configuration(replace(CLINIC, export_names=frozenset({"Oak Rd"})))
    assert desk.file(a_visit(a_dose("d1", 1), clinic="Oak Rd")).unchanged == 1
    assert desk.outbox.sent == []


def test_a_row_that_cannot_be_read_is_held_once_and_unchanged_ever_after(desk: Desk) -> None:
    bad = Visit(
        "demo",
        Patient(),
        "",
        rows=(("a.csv", 3),),
        findings=(Finding("PATIENT-ID-MISSING", "PID-3", 3),),
        raw="a,b,c",
    )
    assert desk.file(bad).held == 1
    twice = desk.file(bad, replace(bad, rows=(("a.csv", 9),)))
    assert (twice.unchanged, twice.held) == (2, 0)


def test_the_same_unreadable_row_twice_in_one_file_is_counted_once_as_held(desk: Desk) -> None:
    bad = Visit("demo", Patient(), "", rows=(("a.csv", 3),), raw="x", findings=(Finding("PATIENT-ID-MISSING"),))
    summary = desk.file(bad, replace(bad, rows=(("a.csv", 4),)))
    assert (summary.rows, summary.held, summary.unchanged) == (2, 1, 1)


def test_an_objection_of_the_second_opinion_holds_the_files_rest(desk: Desk) -> None:
    desk.opinion.says = "ValidationError"
    summary = desk.file(*(a_visit(a_dose(f"d{n}", n), mrn=f"SYN-{n}") for n in range(3)))
    assert (summary.held, summary.submitted, desk.opinion.asked) == (3, {}, 1)


def test_the_second_opinion_is_asked_about_the_first_message_and_seldom_after(desk: Desk) -> None:
    desk.file(*(a_visit(a_dose(f"d{n}", n), mrn=f"SYN-{n}") for n in range(60)))
    assert desk.opinion.asked == 1


def test_the_second_opinion_is_asked_about_the_first_messages_that_differ_in_their_segments(desk: Desk) -> None:
    sizes = [1, 2, 1, 3, 2, 4, 5, 6, 7, 8]
    desk.file(
        *(
            a_visit(*(a_dose(f"d{n}-{dose}", 10 * n + dose) for dose in range(size)), mrn=f"SYN-{n}")
            for n, size in enumerate(sizes)
        )
    )
    assert desk.opinion.asked == 5


def test_a_redelivered_event_of_a_finished_file_does_nothing(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    assert isinstance(desk.arrive(a_visit(a_dose("d1", 1)), again=True), Ignored)
    assert len(desk.outbox.sent) == 1


@pytest.mark.parametrize("breaks_at", [0, 1, 2])
def test_a_crash_while_queueing_is_finished_by_the_redelivered_event(desk: Desk, breaks_at: int) -> None:
    visits = [a_visit(a_dose(f"d{n}", n), mrn=f"SYN-{n}") for n in range(1, 4)]
    desk.outbox.breaks_at = breaks_at
    with pytest.raises(RuntimeError):
        desk.arrive(*visits)
    summary = desk.arrive(*visits, again=True)
    assert isinstance(summary, FileSummary)
    assert summary.adds_up
    assert summary.submitted == {State.QUEUED: 3}
    assert len(set(desk.outbox.sent)) == 3


def test_a_crash_between_record_and_submission_is_finished_by_the_redelivered_event(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Sequence[Submission]) -> None:
        raise RuntimeError("synthetic outage")

    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger.submissions, "add_all", broken)
        with pytest.raises(RuntimeError):
            desk.arrive(a_visit(a_dose("d1", 1)))
    summary = desk.arrive(a_visit(a_dose("d1", 1)), again=True)
    assert isinstance(summary, FileSummary)
    assert summary.submitted == {State.QUEUED: 1}
    assert desk.of(desk.outbox.sent[0]).state is State.QUEUED


def test_a_crash_before_the_predecessor_is_told_is_finished_by_the_redelivered_event(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file(a_visit(a_dose("d1", 1)))
    (first,) = desk.outbox.sent

    def broken(*_: str) -> None:
        raise RuntimeError("synthetic outage")

    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger.submissions, "name_replacement", broken)
        with pytest.raises(RuntimeError):
            desk.arrive(a_visit(a_dose("d1", 1, lot="LOT2")))
    desk.arrive(a_visit(a_dose("d1", 1, lot="LOT2")), again=True)
    assert desk.of(first).replaced_by == desk.outbox.sent[-1] != first


def test_a_submission_rebuilt_after_a_crash_replaces_its_predecessor_and_never_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Sequence[Submission]) -> None:
        raise RuntimeError("synthetic outage")

    for lot, predecessors in (("LOT1", 0), ("LOT2", 1)):
        before = list(desk.outbox.sent)
        with monkeypatch.context() as patched:
            patched.setattr(desk.ledger.submissions, "add_all", broken)
            with pytest.raises(RuntimeError):
                desk.arrive(a_visit(a_dose("d1", 1, lot=lot)))
        desk.arrive(a_visit(a_dose("d1", 1, lot=lot)), again=True)
        made = desk.of(desk.outbox.sent[-1])
        assert (made.replaces, made.replaced_by) == (before[-1] if predecessors else "", "")
        assert made.revision == predecessors
        assert f"|{made.msh_10}|" in made.vxu
        if predecessors:
            assert desk.of(before[-1]).replaced_by == made.msh_10


def test_a_rebuilt_submission_holds_only_what_no_newer_export_took_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            desk.ledger.submissions, "add_all", lambda _: (_ for _ in ()).throw(RuntimeError("synthetic outage"))
        )
        with pytest.raises(RuntimeError):
            desk.arrive(a_visit(a_dose("d1", 1, lot="OLD"), a_dose("d2", 2)))
    desk.file(a_visit(a_dose("d1", 1, lot="NEW")))
    desk._version = 1
    desk.arrive(a_visit(a_dose("d1", 1, lot="OLD"), a_dose("d2", 2)), again=True)
    assert "OLD" not in "".join(desk.of(msh_10).vxu for msh_10 in desk.outbox.sent)


def test_an_accepted_dose_is_not_sent_again_because_another_of_its_visit_is_held(desk: Desk) -> None:
    accepted, held = a_dose("d1", 1), a_dose("d2", 2, lot="", historical=False)
    desk.file(a_visit(accepted))
    desk.end(desk.outbox.sent[0], Event.ACCEPT, State.ACCEPTED)
    desk.file(a_visit(held))
    assert desk.file(a_visit(accepted)).unchanged == 1
    assert len(desk.outbox.sent) == 1


def test_a_late_export_does_not_replace_a_newer_one_that_is_held(desk: Desk) -> None:
    desk.file(a_visit(a_dose("d1", 1, lot="", historical=False)), minutes=60)
    assert desk.file(a_visit(a_dose("d1", 1, lot="OLD")), minutes=5).unchanged == 1
    assert desk.outbox.sent == []


def test_a_record_number_of_any_length_and_a_huge_bad_row_stop_no_file(desk: Desk) -> None:
    long = a_visit(a_dose("d1", 1), mrn="9" * 3_000)
    huge = Visit(
        "demo",
        Patient(),
        "",
        rows=(("a.csv", 2),),
        raw="".join(chr(0x4E00 + n % 20_000) for n in range(900_000)),
        findings=(Finding("ROW-PATIENT-MISSING", "PID-3", 2, value="x" * 500_000),),
    )
    assert desk.file(long, huge, a_visit(a_dose("d3", 3), mrn="SYN-3")).rows == 3


@pytest.mark.parametrize(("key", "code"), [("inbox/nobody/a.csv", "SOURCE-UNKNOWN"), ("inbox/a.csv", "FOLDER-MISSING")])
def test_a_file_of_no_source_is_shown_with_what_to_do(desk: Desk, key: str, code: str) -> None:
    desk.objects.put(key, "v1", NOW)
    summary = desk.convert(key)
    assert isinstance(summary, FileSummary)
    assert [finding.code for finding in summary.findings] == [code]
    assert [file.name for file in desk.ledger.files.all()] == [key]


@pytest.mark.parametrize("key", ["inbox/", "inbox/demo/", "inbox/demo/.hidden", "elsewhere/a.csv"])
def test_what_is_no_export_by_its_key_is_ignored(desk: Desk, key: str) -> None:
    desk.objects.put(key, "v1", NOW)
    assert isinstance(desk.convert(key), Ignored)
    assert list(desk.ledger.files.all()) == []


# corrections by a person ----------------------------------------------------------------------------------------------


def refused(desk: Desk) -> str:
    desk.file(a_visit(a_dose("d1", 1)))
    (msh_10,) = desk.outbox.sent
    desk.end(msh_10, Event.REFUSE, State.REFUSED)
    desk.ledger.worklist.enter(msh_10, ("X",))
    return msh_10


def test_a_correction_gets_a_new_msh_10_and_leaves_the_files_counts_alone(desk: Desk) -> None:
    old = refused(desk)
    result = desk.correct(old, {"lot": "AB123"})
    assert isinstance(result, Resubmitted)
    assert result.state is State.QUEUED
    assert "|AB123|" in result.vxu
    assert desk.outbox.sent == [old, result.msh_10]
    assert desk.of(result.msh_10).replaces == old
    assert [entry.msh_10 for entry in desk.ledger.worklist.entries(clinic="elm")] == []
    (file,) = desk.ledger.files.all()
    assert file.adds_up


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    old = refused(desk)
    result = desk.correct(old, {"lot": "AB123"}, dry_run=True)
    assert isinstance(result, Resubmitted)
    assert desk.ledger.submissions.get(result.msh_10) is None
    assert [entry.msh_10 for entry in desk.ledger.worklist.entries(clinic="elm")] == [old]


def test_the_next_export_of_the_same_wrong_row_does_not_undo_a_correction(desk: Desk) -> None:
    desk.correct(refused(desk), {"lot": "AB123"})
    assert desk.file(a_visit(a_dose("d1", 1))).unchanged == 1


def test_what_was_accepted_replaced_or_is_on_its_way_is_not_sent_again(desk: Desk) -> None:
    old = refused(desk)
    desk.correct(old, {"lot": "AB123"})
    new = desk.outbox.sent[-1]
    assert isinstance(desk.correct(old, {}), NotResubmitted)
    assert isinstance(desk.correct(new, {}), NotResubmitted)
    desk.end(new, Event.ACCEPT, State.ACCEPTED)
    assert isinstance(desk.correct(new, {}), NotResubmitted)
    assert isinstance(desk.correct("NEVER", {}), NotResubmitted)


def test_a_correction_that_names_no_such_column_is_refused_with_a_reason(desk: Desk) -> None:
    result = desk.correct(refused(desk), {"lott": "AB123"})
    assert isinstance(result, NotResubmitted)
    assert "lott" in result.reason


def test_a_correction_that_is_still_wrong_is_held_and_in_the_worklist_again(desk: Desk) -> None:
    old = refused(desk)
    result = desk.correct(old, {"dose_date": "2019-01-01"})
    assert isinstance(result, Resubmitted)
    assert (result.state, result.causes) == (State.HELD, ("DOSE-BEFORE-BIRTH",))
    assert desk.resubmission.sent == [result.msh_10]


def test_of_two_rows_that_are_one_record_the_first_is_taken_up_and_the_other_is_unchanged(desk: Desk) -> None:
    bad = Visit("demo", Patient(), "", rows=(("a.csv", 3),), raw="x", findings=(Finding("PATIENT-ID-MISSING"),))
    for number in range(5):
        said = replace(bad, raw=f"x{number}")
        desk.file(said, replace(said, rows=(("a.csv", 4),)))
        assert desk.of(desk.resubmission.sent[-1]).visit.rows == (("a.csv", 3),)


def test_references_are_queued_in_the_order_of_the_visits_however_their_writes_overtake_each_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_all = desk.ledger.submissions.add_all

    def slow_at_first(submissions: Sequence[Submission]) -> None:
        time.sleep(0.05 if submissions[0].visit.date == "20260101" else 0)
        add_all(submissions)

    monkeypatch.setattr("shared.usecases.intake.convert._BATCH", 1)
    monkeypatch.setattr(desk.ledger.submissions, "add_all", slow_at_first)
    days = [f"202601{day:02}" for day in range(1, 9)]
    desk.file(*(a_visit(a_dose(f"d{day}", n), date=day) for n, day in enumerate(days)))
    assert [desk.of(msh_10).visit.date for msh_10 in desk.outbox.sent] == days


def test_no_reference_is_queued_before_its_submission_is_written(desk: Desk) -> None:
    send = desk.outbox.send

    def checked(messages: Sequence[OutboxMessage | str]) -> None:
        assert all(desk.ledger.submissions.get(one.msh_10) for one in messages if isinstance(one, OutboxMessage))
        send(messages)

    desk.outbox.send = checked  # type: ignore[method-assign]
    assert desk.file(*(a_visit(a_dose(f"d{n}", n), mrn=f"SYN-{n}") for n in range(40))).submitted == {State.QUEUED: 40}


def test_a_visit_beyond_what_the_ledger_can_hold_is_held_with_its_rows_counted_and_stops_no_file(desk: Desk) -> None:
    many = a_visit(*(a_dose(f"d{number}", number) for number in range(1, 2_001)), mrn="EVERYBODY")
    wide = a_visit(replace(a_dose("w", 3_000), comment="".join(map(chr, range(0x4E00, 0x9E00))) * 6), mrn="SYN-W")
    half = a_visit(replace(a_dose("h", 3_001), lot="LOT\ud800"), mrn="SYN-H")
    file = desk.file(many, wide, half, a_visit(a_dose("d3", 3_002), mrn="SYN-3"))
    assert file.adds_up
    assert (file.rows, file.held, file.submitted) == (2_003, 2_002, {State.QUEUED: 1})
    held = [desk.ledger.submissions.get(msh_10) for msh_10 in desk.ledger.files.msh_10s(file.file_id)]
    codes = sorted(one.findings[0].code for one in held if one is not None and one.state is State.HELD)
    assert codes == ["ROW-ENCODING-UNREADABLE", "VISIT-HUGE", "VISIT-HUGE"]
    again = desk.file(many, wide, half)
    assert again.unchanged == 2_002


def test_another_content_beyond_what_the_ledger_can_hold_is_not_taken_for_the_same(desk: Desk) -> None:
    def content(lot: str) -> Visit:
        return a_visit(*(a_dose(f"d{number}", number, lot=lot) for number in range(1, 2_001)), mrn="EVERYBODY")

    desk.file(content("LOT1"))
    assert desk.file(content("LOT2")).unchanged == 0


# backfill -------------------------------------------------------------------------------------------------------------


def many(count: int, *, since: int = 1) -> list[Visit]:
    return [a_visit(a_dose(f"D{n}", n), mrn=f"SYN-{n}") for n in range(since, since + count)]


def shared_out(desk: Desk, share: int) -> None:
    configuration = desk.configurations.configuration
    iis = replace(configuration.iis, backfill_from=share)
    desk.configurations.configuration = replace(configuration, iis=iis)


def turns(desk: Desk) -> list[str]:
    return [one.message.msh_10 for one in waiting_in_backfills(desk.ledger.backfills, 100)]


def test_the_first_of_a_day_are_queued_and_the_rest_waits_for_its_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.usecases.intake.convert.CHUNK", 2)
    shared_out(desk, 2)
    summary = desk.file(*many(5))
    assert summary.submitted == {State.QUEUED: 5}
    assert (len(desk.outbox.sent), len(turns(desk))) == (2, 3)
    assert desk.ledger.backfills.lanes() == [BackfillLane("demo", "elm")]


def test_a_backfill_in_many_small_files_waits_as_one_in_a_large_file_does(desk: Desk) -> None:
    shared_out(desk, 3)
    for number in range(1, 6):
        desk.file(*many(1, since=number))
    assert (len(desk.outbox.sent), len(turns(desk))) == (3, 2)


def test_what_is_unchanged_takes_nothing_of_the_share(desk: Desk) -> None:
    shared_out(desk, 3)
    for _ in range(5):
        desk.file(*many(2))
    desk.file(*many(3))
    assert (len(desk.outbox.sent), turns(desk)) == (3, [])


def test_what_is_new_while_something_waits_goes_behind_it(desk: Desk) -> None:
    shared_out(desk, 0)
    desk.file(*many(3))
    shared_out(desk, 1000)
    desk.time += timedelta(seconds=30)
    desk.file(a_visit(a_dose("D1", 1, lot="OTHER"), mrn="SYN-1"))
    order = turns(desk)
    assert (desk.outbox.sent, len(order)) == ([], 4)
    assert desk.of(order[-1]).replaces in order[:3]


def test_a_clinic_is_quick_again_once_its_backfill_is_over(desk: Desk) -> None:
    shared_out(desk, 0)
    desk.file(*many(1))
    shared_out(desk, 1000)
    desk.time += timedelta(seconds=settings.BACKFILL_LASTS)
    desk.file(*many(1, since=9))
    assert (len(desk.outbox.sent), len(turns(desk))) == (1, 1)


def test_a_redelivered_event_sends_nothing_that_waits_for_its_turn(desk: Desk) -> None:
    shared_out(desk, 0)
    summary = desk.file(*many(3))
    # The process ended before the file was written as complete.
    desk.ledger.files.save(replace(summary, complete=False, checkpoint=None))
    desk.arrive(*many(3), again=True)
    assert (desk.outbox.sent, len(turns(desk))) == ([], 3)


def test_a_correction_of_a_person_does_not_wait_for_a_turn(desk: Desk) -> None:
    shared_out(desk, 0)
    desk.file(a_visit(a_dose("D1", 1), sex=""))
    [held] = [entry.msh_10 for entry in desk.ledger.worklist.entries()] or list(desk.resubmission.sent)
    result = desk.correct(held, {"sex": "F"})
    assert isinstance(result, Resubmitted)
    assert result.state is State.QUEUED
    assert len(desk.outbox.sent) == 1
    assert not desk.of(result.msh_10).backfill
