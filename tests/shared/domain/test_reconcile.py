"""Comparing the IIS's history with our reports, and when it proves a submission."""

from datetime import timedelta

import pytest

from shared.domain.hl7.iis_profiles import CTWIZ, DEFAULT
from shared.domain.hl7.rsp_model import Identifier, Match, Person, Response, Vaccination, cvx_of
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.model import Action, Code, Completion, Dose, Name, Patient, Visit
from shared.domain.reconcile import Kind, compare, doses_in_doubt, proves
from shared.domain.submission import Attempt
from shared.replaced import replace
from tests.conftest import NOON, a_submission

DOSE = Dose("D1", "20260302", Code("115"), information_source=Code("00"), lot="AB123")
KNOWN = Person(ids=(Identifier("9001", "CT0000", "SR"), Identifier("SYN-1", "CT0100", "MR")), names=(Name("S", "A"),))


VXU = "MSH|^~\\&|VAXLINE|CT0100||CT0000|20260302\rPID|1||SYN-1^^^&1.2.3.4&ISO^MR\r"


def submission(*doses, msh_10="MSG1", state=State.UNKNOWN, minutes=0, attempts=1, vxu=VXU):
    made = a_submission(msh_10, state=state)
    visit = Visit("demo", Patient("SYN-1", Name("Sampleton", "Ada")), "20260302", doses=doses or (DOSE,))
    created = made.created + timedelta(minutes=minutes)
    return replace(made, visit=visit, created=created, attempt_count=attempts, vxu=vxu)


def partly(*unproven, doses=(DOSE,), closed_reason=""):
    attempt = Attempt(1, NOON, 1.0, State.PARTLY_ACCEPTED, unproven=unproven)
    made = submission(*doses, state=State.PARTLY_ACCEPTED)
    return replace(made, attempts=(attempt,), closed_reason=closed_reason)


def told(date="20260302", cvx="115", lot="AB123", completion="CP", action="A"):
    return Vaccination(date=date, vaccine=Code(cvx), lot=lot, completion=completion, action=action)


def answer(*vaccinations, patient=KNOWN, match=Match.FOUND):
    return Response(match, patient=patient, vaccinations=vaccinations)


def kinds(reported, *vaccinations):
    return [(line.kind, line.fields) for line in compare(reported, answer(*vaccinations))]


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ((told(),), [(Kind.SAME, ())]),
        ((told(lot="ab 123"),), [(Kind.SAME, ())]),
        ((told(lot=""),), [(Kind.SAME, ())]),
        ((told(lot="ZZ9"),), [(Kind.DIFFERS, ("lot",))]),
        ((told(date="20260303"),), [(Kind.DIFFERS, ("date",))]),
        ((told(cvx="113"),), [(Kind.DIFFERS, ("cvx",))]),
        ((), [(Kind.MISSING_THERE, ())]),
        ((told(date="20200101", cvx="08", lot=""),), [(Kind.MISSING_THERE, ()), (Kind.MISSING_HERE, ())]),
        ((told(), told(lot="ZZ9")), [(Kind.SAME, ()), (Kind.MISSING_HERE, ())]),
        ((told(lot="ZZ9"), told()), [(Kind.SAME, ()), (Kind.MISSING_HERE, ())]),
        ((told(completion="RE"),), [(Kind.MISSING_THERE, ())]),
        ((told(action="D"),), [(Kind.MISSING_THERE, ())]),
        ((told(action="U"),), [(Kind.SAME, ())]),
    ],
)
def test_a_vaccination_is_on_both_sides_or_reported_as_missing(theirs, expected):
    assert kinds([submission()], *theirs) == expected


CPT_FIRST = Code("90715", "Tdap", "CPT", "115", "Tdap", "CVX")


@pytest.mark.parametrize(
    ("vaccine", "cvx"),
    [
        (Code("8"), "08"),
        (Code("008", "", "CVX"), "08"),
        (Code("08", "", "HL70292"), "08"),
        (Code("115", "", "cvx"), "115"),
        (CPT_FIRST, "115"),
        (Code("90744", "", "C4", "8", "", "2.16.840.1.113883.12.292"), "08"),
        (Code("58160-0842-11", "", "NDC", "115", "", "CVX"), "115"),
        (Code("58160-0842-11", "", "NDC"), "115"),
        (Code("58160084211", "", "2.16.840.1.113883.6.69"), "115"),
        (Code("90715", "", "CPT"), "90715"),
        (Code("00000-0000-00", "", "NDC"), "00000-0000-00"),
        (Code("115", "", "L"), "115"),
        (Code("Tdap"), "Tdap"),
        (Code(), ""),
    ],
)
def test_the_cvx_of_a_history_is_found_in_every_form(vaccine, cvx):
    assert cvx_of(vaccine) == cvx
    assert replace(told(), vaccine=vaccine).cvx == cvx


def test_a_vaccination_is_the_same_whatever_code_comes_first():
    theirs = replace(told(), vaccine=CPT_FIRST)
    assert kinds([submission()], theirs) == [(Kind.SAME, ())]
    assert proves(submission(), [], answer(theirs), CTWIZ)
    eight = submission(replace(DOSE, vaccine=Code("08", "HepB", "CVX")))
    assert kinds([eight], told(cvx="8")) == [(Kind.SAME, ())]


def test_the_newest_report_of_a_dose_counts():
    corrected = submission(replace(DOSE, lot="CD456"), msh_10="MSG2", state=State.ACCEPTED, minutes=5)
    older = submission(state=State.ACCEPTED)
    assert kinds([corrected, older], told(lot="CD456")) == [(Kind.SAME, ())]


def test_deleted_refused_and_unsent_doses_are_not_expected_at_the_iis():
    deleted = submission(replace(DOSE, action=Action.DELETE), msh_10="MSG2", state=State.ACCEPTED, minutes=5)
    assert kinds([submission(state=State.ACCEPTED), deleted]) == []
    assert kinds([submission(replace(DOSE, completion=Completion.REFUSED))]) == []
    assert kinds([submission(state=State.HELD)]) == []


def test_a_dose_that_only_this_submission_reported_proves_it():
    unknown = submission()
    assert proves(unknown, [unknown], answer(told()), CTWIZ)


@pytest.mark.parametrize(
    ("authority", "profile", "is_ours"),
    [
        ("CT0100", CTWIZ, True),
        ("ct0100", CTWIZ, True),
        ("1.2.3.4", CTWIZ, True),
        ("1.2.3.4", DEFAULT, True),
        ("CT0100", DEFAULT, False),
        ("CT0200", CTWIZ, False),
        ("", CTWIZ, False),
    ],
)
def test_a_record_number_is_ours_under_our_authority_only(authority, profile, is_ours):
    patient = replace(KNOWN, ids=(Identifier("SYN-1", authority, "MR"),))
    assert proves(submission(), [], answer(told(), patient=patient), profile) is is_ours


def test_the_doses_that_a_partial_acceptance_left_open_are_proven_alone():
    first, second, third = (replace(DOSE, id=f"D{number}", lot=f"LOT{number}") for number in (1, 2, 3))
    made = partly("D2", "D3", doses=(first, second, third))
    assert doses_in_doubt(made) == (second, third)
    there = (told(lot="LOT2"), told(lot="LOT3"))
    assert proves(made, [made], answer(*there), CTWIZ)
    assert not proves(made, [made], answer(told(lot="LOT1"), told(lot="LOT2")), CTWIZ)
    proven = replace(made, closed_reason="the answer to a query")
    assert proven.unproven == ()
    assert not proves(proven, [proven], answer(*there), CTWIZ)
    assert not proves(partly(doses=(first,)), [], answer(told(lot="LOT1")), CTWIZ), "nothing of it is in doubt"


@pytest.mark.parametrize(
    ("unknown", "others", "response"),
    [
        (submission(), [submission(msh_10="OLD", state=State.ACCEPTED)], answer(told())),
        (submission(), [submission(msh_10="OLD", state=State.SUPERSEDED)], answer(told())),
        (submission(), [], answer(told(lot="ZZ9"))),
        (submission(), [], answer(told(lot=""))),
        (submission(), [], answer()),
        (submission(), [], answer(told(), match=Match.CANDIDATES, patient=None)),
        (submission(), [], answer(told(), patient=replace(KNOWN, ids=KNOWN.ids[:1]))),
        (submission(DOSE, replace(DOSE, id="D2", date="20260301")), [], answer(told())),
        (submission(replace(DOSE, information_source=Code("01"))), [], answer(told())),
        (submission(replace(DOSE, action=Action.DELETE)), [], answer(told())),
        (submission(state=State.REFUSED), [], answer(told())),
        (submission(), [], answer(told(action="D"))),
        (submission(vxu=""), [], answer(told())),
    ],
    ids=[
        "reported before",
        "reported before and superseded",
        "another lot",
        "no lot told",
        "not there",
        "candidates only",
        "not known under our record number",
        "one dose of two",
        "historical: others may have reported it",
        "a delete",
        "not unknown",
        "deleted there",
        "we know no authority",
    ],
)
def test_a_weaker_match_proves_nothing(unknown, others, response):
    assert not proves(unknown, [unknown, *others], response, CTWIZ)


def test_submissions_that_were_never_sent_do_not_weaken_the_proof():
    unknown, held = submission(), submission(msh_10="HELD", state=State.HELD, attempts=0)
    assert proves(unknown, [unknown, held], answer(told()), CTWIZ)


def test_a_proof_moves_only_unknown_to_accepted():
    assert TRANSITIONS[Event.PROVE] == {State.UNKNOWN: State.ACCEPTED}
