"""The numbers of two EHRs under one clinic, through conversion, correction, search and queries."""

from __future__ import annotations

from datetime import date

import pytest

from local.ctwiz.registry import WebIz
from shared.adapters.configuration.reader import read_configuration
from shared.domain.hl7.er7 import segments
from shared.domain.hl7.iis_profiles import CTWIZ
from shared.domain.hl7.message import parse
from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp_model import Identifier, Match, Person, Response, Vaccination
from shared.domain.lifecycle import State
from shared.domain.model import Code, Name, Patient
from shared.domain.reconcile import proves
from shared.domain.submission import Answer, Credentials, Submission
from shared.usecases.correction.correct import Resubmitted
from shared.usecases.registry.query import SOURCE_NOT_NAMED, Query
from shared.usecases.reporting.search import Search, SearchCriteria
from tests.fakes.ledger import ports_for
from tests.shared.usecases.intake.feeds import Feeds, a_csv, row

CLINICS = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"
[iis]
endpoint = "http://127.0.0.1:9/"
[clinics.elm]
name = "Elm"
facility = "CT9001"
[sources.old]
format = "csv"
clinic = "elm"
[sources.new]
format = "csv"
clinic = "elm"
id_prefix = "N-"
authority = "CT9000.NEW"
[sources.new-delta]
format = "csv"
clinic = "elm"
numbers_of = "new"
"""


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CLINICS)


def ids(submission: Submission) -> tuple[str, str]:
    """PID-3 and ORC-3 of a message."""
    fields = {line[:3]: line.split("|") for line in segments(submission.vxu)}
    return fields["PID"][3], fields["ORC"][3]


def by_source(feeds: Feeds) -> dict[str, Submission]:
    return {one.source: one for one in feeds.made()}


def test_patient_1001_and_dose_1_of_two_ehrs_are_two_at_the_iis(feeds: Feeds) -> None:
    feeds.file("old/a.csv", a_csv(row("1001", "1")))
    feeds.file("new/a.csv", a_csv(row("1001", "1", first="Zoe")))
    made = by_source(feeds)
    assert ids(made["old"]) == ("1001^^^CT9000^MR", "1^CT9000")
    assert ids(made["new"]) == ("N-1001^^^CT9000.NEW^MR", "N-1^CT9000.NEW")
    iis = WebIz(facilities=["CT9000"], clinic_codes=["CT9001"], today=lambda: date(2026, 11, 2))
    for one in made.values():
        iis.receive(one.vxu)
    assert {(one.pid_3, one.name) for one in iis.stored()} == {("1001", "Sampleton, Ada"), ("N-1001", "Sampleton, Zoe")}


def test_a_second_feed_of_one_ehr_writes_the_ids_of_the_first(feeds: Feeds) -> None:
    feeds.file("new/a.csv", a_csv(row("1001", "")))
    assert feeds.file("new-delta/a.csv", a_csv(row("1001", ""))).unchanged == 1
    feeds.file("new-delta/b.csv", a_csv(row("1001", "", lot="CORRECTED")))
    made = by_source(feeds)
    assert ids(made["new"]) == ids(made["new-delta"])


def test_people_search_by_the_ehr_s_number_or_by_the_message_s(feeds: Feeds) -> None:
    feeds.file("new/a.csv", a_csv(row("1001", "1")))
    (made,) = feeds.made()
    search = Search(**ports_for(Search, feeds.ledger))
    for wanted in (
        SearchCriteria(mrn="1001"),
        SearchCriteria(mrn="N-1001"),
        SearchCriteria(orc_3="1"),
        SearchCriteria(orc_3="N-1"),
    ):
        assert [hit.msh_10 for hit in search(wanted, feeds.now().date()).hits] == [made.msh_10], wanted
    assert made.visit.patient.mrn == "1001", "the ledger and the screens have the EHR's own number"


def test_a_problem_of_the_message_names_the_ehr_s_dose_and_its_row(feeds: Feeds) -> None:
    feeds.file("new/a.csv", a_csv(row("1001", "1"), row("1001", "2")))
    (made,) = feeds.made()
    empty = [(one.dose_id, one.row) for one in made.findings if one.code == "Z22-RXA-16-EMPTY"]
    assert empty == [("1", 2), ("2", 3)]


def with_another_prefix() -> str:
    return CLINICS.replace('id_prefix = "N-"', 'id_prefix = "M-"')


@pytest.mark.parametrize(
    ("state", "number"),
    [(State.REFUSED, "M-1001"), (State.UNKNOWN, "N-1001")],
)
def test_a_correction_keeps_the_prefix_of_a_message_that_the_iis_may_have(
    feeds: Feeds, state: State, number: str
) -> None:
    feeds.file("new/a.csv", a_csv(row("1001", "1")))
    (sent,) = feeds.made()
    feeds.end(sent, state)
    if state is State.UNKNOWN:
        feeds.end(sent, state)
    feeds.configurations.configuration = read_configuration(with_another_prefix())
    corrected = feeds.correct(sent.msh_10, {"lot": "ZZ9"})
    assert isinstance(corrected, Resubmitted), corrected
    assert f"|{number}^^^" in corrected.vxu
    assert "|N-1001^^^" in sent.vxu


def test_an_answer_proves_a_submission_by_the_number_that_it_was_sent_with(feeds: Feeds) -> None:
    feeds.file("new/a.csv", a_csv(row("1001", "1")))
    (sent,) = feeds.made()
    feeds.end(sent, State.UNKNOWN)
    unknown = feeds.ledger.submissions.get(sent.msh_10)
    assert unknown is not None
    told = Vaccination(date="20260302", vaccine=Code("115"), lot="AB123", completion="CP")

    authority = parse(sent.vxu).first("PID").first(3).authority(4)

    def answer(number: str) -> Response:
        person = Person(ids=(Identifier(number, authority, "MR"),))
        return Response(Match.FOUND, patient=person, vaccinations=(told,))

    assert proves(unknown, [unknown], answer("N-1001"), CTWIZ)
    assert not proves(unknown, [unknown], answer("1001"), CTWIZ)


# Queries --------------------------------------------------------------------------------------------------------------


class _Iis:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer:
        self.asked.append(message)
        return Answer("", 200, 0.1)

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials:
        return Credentials("user", "password")


@pytest.fixture
def iis() -> _Iis:
    return _Iis()


@pytest.fixture
def query(feeds: Feeds, iis: _Iis) -> Query:
    return Query(
        **ports_for(Query, feeds.ledger), configurations=feeds.configurations, secrets=iis, iis=iis, clock=feeds
    )  # type: ignore[arg-type]


ADA = Patient("1001", Name("Sampleton", "Ada"), "19900506")


@pytest.mark.parametrize(
    ("source", "number"),
    [("old", "1001^^^CT9000^MR"), ("new", "N-1001^^^CT9000.NEW^MR"), ("new-delta", "N-1001^^^CT9000.NEW^MR")],
)
def test_a_query_asks_by_the_number_that_the_source_s_messages_have(
    query: Query, iis: _Iis, source: str, number: str
) -> None:
    query(Request(ADA, source=source), "elm")
    (asked,) = iis.asked
    assert f"|{number}|" in asked


def test_a_number_that_may_be_two_patients_is_not_asked_about_without_its_source(query: Query, iis: _Iis) -> None:
    asked = query(Request(ADA), "elm")
    assert (asked.not_asked, asked.missing) == (SOURCE_NOT_NAMED, ("source",))
    assert iis.asked == []


def test_a_patient_without_a_number_is_asked_about_without_a_source(query: Query, iis: _Iis) -> None:
    query(Request(Patient(name=ADA.name, birth_date=ADA.birth_date)), "elm")
    assert len(iis.asked) == 1
