"""A view of one clinic shows everything of it, and hides only what belongs to others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.domain.audit import AuditEntry
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.replaced import replace
from shared.usecases.reporting.by_clinic import entries_of, expectations_of, files_of
from shared.usecases.reporting.expectations import CredentialsDue, Expectations, SourceDue
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger

CLINICS = """
organization = { name = "Sampleton Health", sending_facility = "CT9000" }
iis = { endpoint = "http://127.0.0.1:9/" }
clinics.elm = { name = "Elm", facility = "CT9001", facility_id = "F-ELM" }
clinics.oak = { name = "Oak", facility = "CT9002", facility_id = "F-OAK" }
clinics.ash = { name = "Ash", facility = "CT9003" }
sources.elm = { format = "csv", clinic = "elm" }
sources.oak = { format = "csv", clinic = "oak", numbers_of = "elm" }
sources.both = { format = "csv", numbers_of = "elm" }
"""
CONFIGURATION = read_configuration(CLINICS)


def file(file_id: str, source: str, *places: tuple[str, State, int], unchanged: int = 0) -> FileSummary:
    rows = unchanged + sum(place[2] for place in places)
    return FileSummary(file_id, f"inbox/{source}/a.csv", source, NOON, rows, unchanged, complete=True, places=places)


FILES = (
    file("ELM", "elm", ("elm", State.ACCEPTED, 2)),
    file("OAK", "oak", ("oak", State.ACCEPTED, 2)),
    file("BOTH", "both", ("elm", State.HELD, 1), ("oak", State.ACCEPTED, 5), unchanged=3),
    file("QUIET", "elm", unchanged=4),
    file("GONE", "gone", ("oak", State.REFUSED, 1)),
)


def test_a_clinic_s_files_are_those_with_its_rows_and_those_of_its_source() -> None:
    found = {one.file_id: one for one in files_of(FILES, CONFIGURATION, "elm")}
    assert list(found) == ["ELM", "BOTH", "QUIET"]
    assert (found["BOTH"].held, found["BOTH"].submitted) == (1, {})
    assert (found["BOTH"].rows, found["BOTH"].unchanged) == (9, 3), "what the file has, it has"


def test_the_clinics_together_have_every_row_of_every_file_once() -> None:
    each = [one for clinic in CONFIGURATION.clinics for one in files_of(FILES, CONFIGURATION, clinic)]
    assert sum(place[2] for one in each for place in one.places) == sum(one.rows - one.unchanged for one in FILES)


def test_what_is_expected_of_a_clinic_leaves_out_what_is_another_s() -> None:
    sources = tuple(SourceDue(name, NOON, NOON + timedelta(days=1), late=False) for name in ("elm", "oak", "both"))
    credentials = tuple(CredentialsDue(name, "secret", date(2026, 9, 9), 9) for name in ("F-ELM", "F-OAK"))
    everything = Expectations(sources, credentials, {"F-ELM": "AUTH", "F-OAK": "AUTH"})
    found = expectations_of(everything, CONFIGURATION, "elm")
    assert [one.source for one in found.sources] == ["elm", "both"], "rows of `both` say whose they are"
    assert ([one.facility for one in found.credentials], dict(found.stopped)) == (["F-ELM"], {"F-ELM": "AUTH"})


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("elm", True),
        ("oak", False),
        ("all clinics", True),
        ("F-ELM", True),
        ("F-OAK", False),
        ("OF-ELM", True),
        ("OF-OAK", False),
        ("OF-NOBODY", True),
        ("BOTH", True),
        ("QUIET", True),
        ("OAK", False),
        ("elm/20260302T120000-00.csv", True),
        ("oak/20260302T120000-00.csv", False),
        ("a version of clinics.toml", True),
    ],
)
def test_the_trail_of_a_clinic_leaves_out_only_what_is_surely_another_s(subject: str, shown: bool) -> None:
    ledger = MemoryLedger()
    for one in FILES:
        ledger.files.save(replace(one, places=()))
    for name, clinic, source, file_id in (
        ("OF-ELM", "elm", "elm", "ELM"),
        ("OF-OAK", "oak", "oak", "OAK"),
        ("OF-NOBODY", "", "both", "BOTH"),
        ("B1", "elm", "both", "BOTH"),
        ("B2", "oak", "both", "BOTH"),
    ):
        ledger.submissions.add(replace(a_submission(msh_10=name), clinic=clinic, source=source, file_id=file_id))
    entry = AuditEntry(NOON, "somebody", "show", subject)
    assert (entries_of([entry], ledger.submissions, ledger.files, CONFIGURATION, "elm") == [entry]) is shown
