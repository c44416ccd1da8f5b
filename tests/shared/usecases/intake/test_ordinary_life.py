"""The ordinary life of a clinic: days, clinics and record numbers are corrected, doses deleted, patients merged."""

from __future__ import annotations

import pytest

from shared.domain.lifecycle import Event, State
from shared.usecases.correction.correct import Resubmitted
from tests.shared.usecases.intake.lives import CLINICS, Life, Row

DOSE = Row()
MERGED = Row(mrn="SYN-2")
BY_ID = Row(mrn="", day="", lot="", first="", last="", birth="", sex="", cvx="", action="D")
"""A deletion that names nothing but the dose."""


@pytest.fixture
def life() -> Life:
    return Life()


# moves ----------------------------------------------------------------------------------------------------------------


def test_a_day_that_is_corrected_and_corrected_back_is_three_messages(life: Life) -> None:
    for day in ("2026-03-02", "2026-03-03", "2026-03-02"):
        life.export(DOSE._replace(day=day))
    assert life.sent == ["CT9001 SYN-1 A:D1"] * 3
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 AB123"}


def test_a_clinic_that_is_corrected_and_corrected_back_deletes_where_the_authority_changes(life: Life) -> None:
    for clinic in ("elm", "oak", "elm"):
        life.export(DOSE._replace(clinic=clinic))
    assert life.sent == [
        "CT9001 SYN-1 A:D1",
        "CT9001 SYN-1 D:D1",
        "CT9002 SYN-1 A:D1",
        "CT9002 SYN-1 D:D1",
        "CT9001 SYN-1 A:D1",
    ]
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 AB123"}


def test_a_clinic_under_the_same_authority_takes_the_dose_over_without_a_deletion(life: Life) -> None:
    for clinic in ("elm", "ash", "elm"):
        life.export(DOSE._replace(clinic=clinic))
    assert life.sent == ["CT9001 SYN-1 A:D1"] * 3
    assert len(life.iis) == 1


def test_a_record_number_that_is_corrected_and_corrected_back_deletes_under_the_other(life: Life) -> None:
    for mrn in ("SYN-1", "SYN-2", "SYN-1"):
        life.export(DOSE._replace(mrn=mrn))
    assert life.sent == [
        "CT9001 SYN-1 A:D1",
        "CT9001 SYN-1 D:D1",
        "CT9001 SYN-2 A:D1",
        "CT9001 SYN-2 D:D1",
        "CT9001 SYN-1 A:D1",
    ]
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 AB123"}


@pytest.mark.parametrize("new", [{"day": "2026-03-03"}, {"clinic": "oak"}, {"mrn": "SYN-2"}, {"clinic": "ash"}])
def test_the_same_place_again_is_unchanged_after_a_move(life: Life, new: dict[str, str]) -> None:
    life.export(DOSE)
    life.export(DOSE._replace(**new))
    sent = life.sent
    assert life.export(DOSE._replace(**new)).unchanged == 1
    assert life.sent == sent


@pytest.mark.parametrize("new", [{"day": "2026-03-03"}, {"clinic": "oak"}, {"mrn": "SYN-2"}])
@pytest.mark.parametrize("failed", [State.HELD, State.REFUSED])
def test_what_failed_at_the_old_place_is_superseded_by_the_new_one(
    life: Life, new: dict[str, str], failed: State
) -> None:
    old = life.arrives(DOSE._replace(lot="" if failed is State.HELD else "AB123"))
    if failed is State.REFUSED:
        life.end(life.made()[-1], State.REFUSED)
    life.export(DOSE._replace(**new))
    assert life.open == []
    assert [one.state for one in life.made()] == [State.SUPERSEDED, State.ACCEPTED]
    assert len(life.iis) == 1
    counted = life.ledger.files.get(old.file_id)
    assert counted is not None
    assert counted.adds_up


def test_a_dose_that_moves_away_while_its_deletion_of_an_earlier_move_waits_leaves_nothing_behind(life: Life) -> None:
    life.export(DOSE._replace(clinic="elm"))
    life.arrives(DOSE._replace(mrn="SYN-2", clinic="elm"))
    life.export(DOSE._replace(clinic="oak"))
    assert life.iis == {"CT9002 SYN-1 D1": "20260302 AB123"}
    assert life.open == []


def test_a_dose_that_came_back_before_it_was_sent_elsewhere_is_not_deleted_there(life: Life) -> None:
    life.export(DOSE._replace(clinic="elm"))
    life.arrives(DOSE._replace(clinic="oak"))
    life.export(DOSE._replace(clinic="elm", lot="CD456"))
    assert life.sent == ["CT9001 SYN-1 A:D1", "CT9001 SYN-1 A:D1"]
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 CD456"}


def test_a_dose_that_came_back_as_a_held_one_is_not_deleted_twice_where_it_was_in_between(life: Life) -> None:
    life.export(DOSE._replace(lot=""))
    life.export(DOSE._replace(mrn="SYN-2"))
    life.export(DOSE._replace(lot=""))
    life.export(DOSE._replace(mrn="SYN-3", lot=""))
    assert life.sent == ["CT9001 SYN-2 A:D1", "CT9001 SYN-2 D:D1"]
    assert life.open == ["HELD D1 LOT-MISSING"]


@pytest.mark.parametrize("new", [{"clinic": "oak"}, {"mrn": "SYN-2"}])
def test_a_deletion_that_was_refused_at_a_move_is_sent_again_and_finishes_the_move(
    life: Life, new: dict[str, str]
) -> None:
    life.export(DOSE._replace(clinic="elm"))
    life.arrives(DOSE._replace(clinic="elm")._replace(**new))
    (deletion,) = (one for one in life.ledger.memory.submissions.values() if one.deletes)
    life.end(deletion, State.REFUSED)
    life.deliver()
    assert len(life.iis) == 2
    done = life.correct(deletion.msh_10, {})
    assert isinstance(done, Resubmitted), done
    life.deliver()
    assert list(life.iis) == ["CT9002 SYN-1 D1" if "clinic" in new else "CT9001 SYN-2 D1"]
    assert life.open == []
    assert life.export(DOSE._replace(clinic="elm")._replace(**new)).unchanged == 1
    life.export(DOSE._replace(clinic="elm"))
    assert list(life.iis) == ["CT9001 SYN-1 D1"]


def test_a_clinic_name_that_is_mapped_later_to_another_clinic_leaves_nothing_at_the_old_one(life: Life) -> None:
    life.export(DOSE._replace(clinic="elm"))
    life.export(DOSE._replace(clinic="New Street"))
    assert life.open == ["HELD D1 CLINIC-UNKNOWN"]
    life.configure(CLINICS.replace('name = "Oak"', 'name = "Oak"\nexport_names = ["New Street"]'))
    life.export(DOSE._replace(clinic="New Street"))
    assert life.iis == {"CT9002 SYN-1 D1": "20260302 AB123"}
    assert life.open == []


def test_another_clinic_in_the_place_of_an_unknown_one_that_was_closed_is_news(life: Life) -> None:
    life.export(DOSE._replace(clinic="New Street"))
    (held,) = life.made()
    life.ledger.states.move(held.msh_10, Event.CLOSE, reason="reported by hand")
    assert life.export(DOSE._replace(clinic="New Street")).unchanged == 1
    life.export(DOSE._replace(clinic="oak"))
    assert life.iis == {"CT9002 SYN-1 D1": "20260302 AB123"}


# clinics and numbers as they are spelled ------------------------------------------------------------------------------


def test_another_spelling_of_a_clinic_or_a_clinic_column_that_appears_later_changes_nothing(life: Life) -> None:
    derived = Row(id="")
    life.export(derived)
    first = life.sent
    for clinic in ("elm", "ELM 01", "Elm Street Pediatrics"):
        assert life.export(derived._replace(clinic=clinic)).unchanged == 1
    assert life.sent == first


@pytest.mark.parametrize("spelled", [("ELM 01", "elm", "elm"), ("elm", "ELM 01", "elm"), ("elm", "elm", "")])
def test_derived_doses_of_one_day_keep_their_ids_when_the_clinic_is_spelled_in_two_ways(
    life: Life, spelled: tuple[str, ...]
) -> None:
    rows = [Row(id="", lot=lot, clinic="elm") for lot in ("ONE", "TWO", "THREE")]
    life.export(*rows)
    assert len(life.iis) == 3
    again = life.export(*(row._replace(clinic=clinic) for row, clinic in zip(rows, spelled, strict=True)))
    assert (again.unchanged, len(life.sent)) == (3, 1)


@pytest.mark.parametrize("spelled", [" SYN-1", "SYN-1\u200b", "SYN-1\u00a0", "\u00adSYN-1"])
def test_blanks_and_what_nobody_sees_in_a_number_change_nothing(life: Life, spelled: str) -> None:
    life.export(DOSE)
    assert life.export(DOSE._replace(mrn=spelled)).unchanged == 1
    assert life.export(DOSE._replace(id=spelled.replace("SYN-1", "D1"))).unchanged == 1


def test_a_number_of_combined_letters_is_that_of_composed_ones_and_case_counts(life: Life) -> None:
    life.export(DOSE._replace(mrn="SYN-\u00e9"))
    assert life.export(DOSE._replace(mrn="SYN-e\u0301")).unchanged == 1
    life.export(Row(id="d1", mrn="SYN-\u00e9", day="2026-03-04"))
    assert len(life.iis) == 2


# deletions ------------------------------------------------------------------------------------------------------------


def test_a_deletion_that_says_only_the_id_goes_with_what_was_sent(life: Life) -> None:
    life.export(DOSE)
    life.export(BY_ID)
    assert life.sent[1:] == ["CT9001 SYN-1 D:D1"]
    assert "AB123" in life.registry.received[-1]
    assert life.iis == {}


def test_a_deletion_of_a_dose_that_was_only_held_sends_nothing_and_ends_it(life: Life) -> None:
    life.export(DOSE._replace(lot=""))
    life.export(DOSE._replace(lot="", action="D"))
    assert (life.sent, life.open) == ([], [])
    assert [one.state for one in life.made()] == [State.SUPERSEDED]


def test_what_a_held_dose_replaced_ends_with_it(life: Life) -> None:
    held = [life.arrives(DOSE._replace(lot="", day=day)) for day in ("2026-03-02", "2026-03-03")]
    life.export(DOSE._replace(action="D"))
    counted = [life.ledger.files.get(one.file_id) for one in held]
    assert [one and (one.held, one.submitted) for one in counted] == [(0, {State.SUPERSEDED: 1})] * 2


@pytest.mark.parametrize("deletion", [BY_ID, DOSE._replace(action="D"), DOSE._replace(action="D", birth="2026-03-05")])
def test_a_deletion_of_what_was_never_reported_is_said_and_no_failure(life: Life, deletion: Row) -> None:
    summary = life.export(deletion)
    assert [finding.code for finding in summary.findings] == ["DELETE-NOTHING"]
    assert (life.sent, life.open, summary.unchanged) == ([], [], 1)


def test_no_rule_about_giving_a_dose_holds_its_deletion(life: Life) -> None:
    life.export(DOSE)
    life.export(DOSE._replace(action="D", day="1990-05-05", lot="", cvx=""))
    assert life.sent[1:] == ["CT9001 SYN-1 D:D1"]


def test_a_repeated_deletion_is_unchanged(life: Life) -> None:
    life.export(DOSE)
    life.export(DOSE._replace(action="D"))
    assert life.export(DOSE._replace(action="D")).unchanged == 1
    assert len(life.sent) == 2


def test_a_repeated_deletion_does_not_end_the_first_one_while_that_waits(life: Life) -> None:
    life.export(DOSE)
    life.arrives(DOSE._replace(action="D"))
    life.export(DOSE._replace(action="D"))
    assert life.sent[1:] == ["CT9001 SYN-1 D:D1"]
    assert life.iis == {}


def test_a_deletion_at_the_record_number_that_a_dose_left_does_not_end_the_one_that_waits(life: Life) -> None:
    life.arrives(DOSE)
    life.arrives(MERGED)
    life.export(DOSE._replace(action="D"))
    assert life.iis == {"CT9001 SYN-2 D1": "20260302 AB123"}


def test_a_deletion_deletes_what_was_stored_although_a_newer_version_was_never_sent(life: Life) -> None:
    life.export(DOSE)
    life.arrives(DOSE._replace(day="2026-03-03"))
    life.export(DOSE._replace(action="D"))
    assert life.iis == {}
    assert life.open == []


def test_a_dose_that_is_deleted_under_the_record_number_of_a_merge_is_found_by_its_id(life: Life) -> None:
    life.export(DOSE)
    summary = life.export(MERGED._replace(action="D"))
    assert summary.findings == ()
    assert life.sent[1:] == ["CT9001 SYN-1 D:D1"]


def test_a_deletion_of_another_person_does_not_delete_a_dose_with_the_same_id(life: Life) -> None:
    life.export(DOSE)
    summary = life.export(MERGED._replace(action="D", first="Bea", birth="1980-01-02"))
    assert [finding.code for finding in summary.findings] == ["DELETE-NOTHING"]
    assert len(life.iis) == 1


def test_of_one_visit_what_is_deleted_by_id_and_what_is_given_go_their_ways(life: Life) -> None:
    life.export(DOSE)
    life.export(MERGED._replace(action="D"), MERGED._replace(id="D2"))
    assert life.iis == {"CT9001 SYN-2 D2": "20260302 AB123"}


@pytest.mark.parametrize("new", [{"day": "2026-03-01"}, {"day": "2026-03-05"}, {"clinic": "oak"}, {"mrn": "SYN-2"}])
def test_deleted_at_one_place_and_added_at_another_in_one_file_is_a_move(life: Life, new: dict[str, str]) -> None:
    life.export(DOSE._replace(clinic="elm"))
    life.export(DOSE._replace(clinic="elm", action="D"), DOSE._replace(**{"clinic": "elm", **new}))
    (place,) = life.iis
    row = DOSE._replace(**{"clinic": "elm", **new})
    assert place == f"{'CT9002' if row.clinic == 'oak' else 'CT9001'} {row.mrn} D1"
    assert life.iis[place] == f"{row.day.replace('-', '')} AB123"
    assert life.open == []


# the order of exports -------------------------------------------------------------------------------------------------


def test_an_older_file_that_comes_after_a_deletion_does_not_bring_the_dose_back(life: Life) -> None:
    for day, action in (("2026-11-01", "A"), ("2026-11-03", "D"), ("2026-11-02", "A")):
        life.export(DOSE._replace(action=action), key=f"dated/{day}.csv")
    assert life.iis == {}


def test_an_older_file_that_comes_after_the_deletion_of_what_was_never_reported_does_not_report_it(life: Life) -> None:
    life.export(DOSE._replace(action="D"), key="dated/2026-11-03.csv")
    life.export(DOSE, key="dated/2026-11-02.csv")
    assert life.sent == []


@pytest.mark.parametrize("old", [{"day": "2026-03-05"}, {"clinic": "oak"}, {"mrn": "SYN-2"}, {"lot": "OLD1"}])
def test_an_older_file_moves_nothing_back(life: Life, old: dict[str, str]) -> None:
    life.export(DOSE._replace(**old), key="dated/2026-11-01.csv")
    life.export(DOSE, key="dated/2026-11-03.csv")
    has = life.iis
    life.export(DOSE._replace(**old), key="dated/2026-11-02.csv")
    assert life.iis == has
    assert life.open == []


# two doses, two people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"day": "2026-03-04"}, {"clinic": "oak"}, {"mrn": "SYN-2", "first": "Bea"}])
def test_one_id_of_two_doses_in_one_file_is_held(life: Life, other: dict[str, str]) -> None:
    life.export(DOSE, DOSE._replace(**other))
    assert life.open
    assert all("DOSE-ID-ANOTHER" in one for one in life.open)
    assert len(life.iis) <= 1


OTHERS = {
    "birth date": {"birth": "1991-05-06"},
    "sex": {"sex": "M"},
    "first name": {"first": "Bea"},
    "rhyming first name": {"first": "Ida"},
    "birth order": {"order": "2"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_person_under_one_record_number_is_held_and_both_are_shown(life: Life, other: dict[str, str]) -> None:
    first = DOSE._replace(order="1" if "order" in other else "")
    life.export(first)
    life.export(first._replace(id="D2", day="2026-03-04", **other))
    assert life.open == ["HELD D2 PATIENT-ANOTHER"]
    (finding,) = (one for one in life.made()[-1].findings if one.code == "PATIENT-ANOTHER")
    assert finding.value.count("Sampleton, ") == 2
    assert len(life.iis) == 1


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_two_people_under_one_record_number_in_one_file_are_both_held(life: Life, other: dict[str, str]) -> None:
    first = DOSE._replace(order="1" if "order" in other else "")
    life.export(first, first._replace(id="D2", **other))
    assert life.sent == []
    assert all("PATIENT-ANOTHER" in one for one in life.open)


SAME = {
    "surname": {"last": "Mockford"},
    "spelling": {"first": "Adda"},
    "middle name": {"first": "Ada Mae"},
    "unknown sex": {"sex": "U"},
}


@pytest.mark.parametrize("same", SAME.values(), ids=SAME)
def test_a_changed_surname_or_spelling_is_the_same_person(life: Life, same: dict[str, str]) -> None:
    life.export(DOSE._replace(first="Adda" if same == {"first": "Adda"} else "Ada"))
    life.export(DOSE._replace(**same))
    assert life.open == []


def test_a_newborn_whose_placeholder_becomes_a_name_is_one_person(life: Life) -> None:
    life.export(DOSE._replace(first="Baby Girl"))
    assert life.open == ["HELD D1 PATIENT-NAME-PLACEHOLDER"]
    named = [DOSE._replace(first="Cleo"), DOSE._replace(first="Cleo", id="D2", day="2026-03-05")]
    life.export(*named)
    assert life.open == []
    assert [patient.name for patient in life.registry.stored()] == ["Sampleton, Cleo"]
    assert life.export(*named).unchanged == 2


def test_a_newborn_whom_a_person_named_stays_so_until_the_export_has_the_name(life: Life) -> None:
    life.export(DOSE._replace(first="Baby Girl"))
    life.correct(life.made()[-1].msh_10, {"first_name": "Cleo"})
    life.deliver()
    life.export(DOSE._replace(first="Baby Girl", phone="860-555-0199"))
    life.export(DOSE._replace(first="Cleo", phone="860-555-0199"))
    assert life.open == []
    assert [patient.name for patient in life.registry.stored()] == ["Sampleton, Cleo"]


def test_two_newborns_without_names_under_one_record_number_are_two(life: Life) -> None:
    life.export(DOSE._replace(first="Baby A"), DOSE._replace(first="Baby B", id="D2"))
    assert life.sent == []
    assert all("PATIENT-ANOTHER" in one for one in life.open)


def test_somebody_who_says_that_two_are_one_person_is_asked_no_more(life: Life) -> None:
    life.export(DOSE)
    corrected = DOSE._replace(birth="1991-05-06")
    life.export(corrected)
    assert life.open == ["HELD D1 PATIENT-ANOTHER"]
    life.correct(life.made()[-1].msh_10, {"same_person": "yes"})
    life.deliver()
    assert life.open == []
    assert life.export(corrected).unchanged == 1
    life.export(corrected._replace(phone="860-555-0199"))
    assert life.open == []
    assert "860" in life.registry.received[-1]


def test_a_merged_patient_keeps_nothing_under_the_old_record_number(life: Life) -> None:
    life.export(DOSE, Row(id="D2", day="2026-03-04"), Row(id="D3", lot="", day="2026-03-05"))
    rows = [MERGED, MERGED._replace(id="D2", day="2026-03-04"), MERGED._replace(id="D3", day="2026-03-05")]
    life.export(*rows)
    assert sorted(life.iis) == ["CT9001 SYN-2 D1", "CT9001 SYN-2 D2", "CT9001 SYN-2 D3"]
    assert life.open == []
    assert life.export(*rows).unchanged == 3


# a configuration that changes -----------------------------------------------------------------------------------------


def test_what_was_never_received_goes_out_under_the_corrected_facility_code() -> None:
    life = Life(CLINICS.replace('"CT9001"', '"CT9009"'))
    life.export(DOSE)
    assert life.iis == {}
    stopped = life.ledger.stops.current().facilities
    assert list(stopped) == ["CT9009"]
    life.configure(CLINICS)
    for facility in stopped:
        life.ledger.stops.open_facility(facility)
    life.deliver()
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 AB123"}
    assert life.registry.received[-1].split("|")[3].split("^")[0] == "CT9001"


# a person's correction ------------------------------------------------------------------------------------------------


def test_a_correction_stays_when_the_export_changes_something_else_and_ends_when_it_has_a_value(life: Life) -> None:
    typed = DOSE._replace(lot="")
    life.export(typed)
    life.correct(life.made()[-1].msh_10, {"lot": "FOUND1"})
    life.deliver()
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 FOUND1"}
    life.export(typed._replace(phone="860-555-0199"))
    assert life.open == []
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 FOUND1"}
    life.export(typed._replace(phone="860-555-0199", lot="EHR1"))
    assert life.iis == {"CT9001 SYN-1 D1": "20260302 EHR1"}


@pytest.mark.parametrize("new", [{"day": "2026-03-03"}, {"clinic": "oak"}, {"mrn": "SYN-2"}])
def test_a_correction_goes_along_when_the_dose_moves(life: Life, new: dict[str, str]) -> None:
    life.export(DOSE._replace(lot=""))
    life.correct(life.made()[-1].msh_10, {"lot": "FOUND1"})
    life.deliver()
    life.export(DOSE._replace(lot="", **new))
    assert [one.split(" ")[1] for one in life.iis.values()] == ["FOUND1"]
    assert life.open == []


def test_what_an_export_took_over_meanwhile_cannot_be_corrected_and_a_correction_twice_is_sent_once(life: Life) -> None:
    life.export(DOSE._replace(lot=""))
    first = life.made()[-1].msh_10
    for _ in range(2):
        life.correct(first, {"lot": "FOUND1"})
    life.deliver()
    assert len(life.sent) == 1
    life.export(DOSE._replace(lot="", id="D2", day="2026-03-04"))
    second = life.made()[-1].msh_10
    life.export(DOSE._replace(lot="EHR1", id="D2", day="2026-03-04"))
    sent = len(life.sent)
    life.correct(second, {"lot": "OLD1"})
    life.deliver()
    assert len(life.sent) == sent
