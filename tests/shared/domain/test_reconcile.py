"""Comparing the IIS's history with our reports, and when it proves a submission."""

from datetime import timedelta

import pytest

from shared.domain.hl7.rsp_model import Identifier, Match, Person, Response, Vaccination
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.model import Action, Code, Completion, Dose, Name, Patient, Visit
from shared.domain.reconcile import Kind, compare, proves
from shared.replaced import replace
from tests.conftest import a_submission

DOSE = Dose("D1", "20260302", Code("115"), information_source=Code("00"), lot="AB123")
KNOWN = Person(ids=(Identifier("9001", "CT0000", "SR"), Identifier("SYN-1", "CT0100", "MR")), names=(Name("S", "A"),))


def submission(*doses, msh_10="MSG1", state=State.UNKNOWN, minutes=0, attempts=1):
    made = a_submission(msh_10, state=state)
    visit = Visit("demo", Patient("SYN-1", Name("Sampleton", "Ada")), "20260302", doses=doses or (DOSE,))
    return replace(made, visit=visit, created=made.created + timedelta(minutes=minutes), attempt_count=attempts)


def told(date="20260302", cvx="115", lot="AB123", completion="CP"):
    return Vaccination(date=date, vaccine=Code(cvx), lot=lot, completion=completion)


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
    ],
)
def test_a_vaccination_is_on_both_sides_or_reported_as_missing(theirs, expected):
    assert kinds([submission()], *theirs) == expected


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
    assert proves(unknown, [unknown], answer(told()))


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
    ],
)
def test_a_weaker_match_proves_nothing(unknown, others, response):
    assert not proves(unknown, [unknown, *others], response)


def test_submissions_that_were_never_sent_do_not_weaken_the_proof():
    unknown, held = submission(), submission(msh_10="HELD", state=State.HELD, attempts=0)
    assert proves(unknown, [unknown, held], answer(told()))


def test_a_proof_moves_only_unknown_to_accepted():
    assert TRANSITIONS[Event.PROVE] == {State.UNKNOWN: State.ACCEPTED}
