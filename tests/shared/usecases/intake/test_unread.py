"""A file in the inbox that nothing has read is an entry with what to do, until it is read or gone."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import permutations

import pytest

from shared.domain.submission import FileSummary
from shared.replaced import replace
from shared.usecases.correction.file_problems import close_file, file_groups
from shared.usecases.intake.unread import CODES, UnreadFiles
from tests.shared.usecases.intake.feeds import Feeds, a_csv, row
from tests.shared.usecases.intake.test_wrong_kind import CLINICS

DOSES = a_csv(row("SYN-1", "D1"))
PATIENT = json.dumps(
    {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "SYN-9"}],
        "name": [{"family": "Sampleton", "given": ["Ada"]}],
        "birthDate": "1990-05-06",
        "gender": "female",
    }
).encode()
DOSE = json.dumps(
    {
        "resourceType": "Immunization",
        "id": "i",
        "status": "completed",
        "patient": {"reference": "Patient/p"},
        "occurrenceDateTime": "2026-03-02",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "115"}]},
        "primarySource": False,
    }
).encode()


def manifest(*names: str) -> bytes:
    return json.dumps({"output": [{"type": "X", "url": f"https://ehr.example.org/{name}"} for name in names]}).encode()


class Inbox(Feeds):
    """Feeds with the check of the inbox."""

    def __init__(self) -> None:
        super().__init__(CLINICS)
        self.lists = 0
        self.unread = UnreadFiles(
            objects=self.bucket, files=self.ledger.files, configurations=self.configurations, clock=self, bucket="b"
        )

    def lay(self, key: str, body: bytes) -> None:
        """Store an object whose event gets lost."""
        self.time += timedelta(minutes=1)
        self.bucket.put(f"inbox/{key}", body, self.time)

    def remove(self, key: str) -> None:
        del self.bucket._versions[f"inbox/{key}"]

    def looked(self) -> dict[str, list[str]]:
        """The codes and file names of the entries an hour later, by the names of entries."""
        self.time += timedelta(hours=1)
        entries = self.unread()
        kept = [file for file in self.ledger.files.summaries() if CODES & {one.code for one in file.findings}]
        assert sorted(file.name for file in kept if not file.closed_reason) == sorted(file.name for file in entries)
        return {
            file.name.removeprefix("inbox/"): [f"{one.code} {one.value}" for one in file.findings] for file in entries
        }

    def worklist(self) -> set[str]:
        return {group.cause for group in file_groups(self.ledger.files, self.configurations.configuration)}


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.mark.parametrize("name", ["_doses.csv", ".hidden.csv"])
@pytest.mark.parametrize("folder", ["elm/", "bulk/1/", "elm/2026/"])
def test_a_name_that_no_format_takes_is_shown_until_the_file_is_gone(inbox: Inbox, folder: str, name: str) -> None:
    inbox.put(folder + name, DOSES)
    assert inbox.looked() == {folder + name: [f"FILE-NAME-SKIPPED {name}"]}
    assert inbox.worklist() == {"FILE-NAME-SKIPPED"}
    inbox.remove(folder + name)
    assert inbox.looked() == {}
    assert inbox.worklist() == set()


def test_what_holds_nothing_or_was_read_is_not_shown(inbox: Inbox) -> None:
    inbox.put("elm/doses.csv", DOSES)
    inbox.put("elm/_SUCCESS", b"")
    inbox.put("elm/.keep", b"")
    inbox.put("elm/", b"")
    inbox.put("nobody/doses.csv", DOSES)
    inbox.put("doses.csv", DOSES)
    for name in ("Patient", "Immunization", "_SUCCESS"):
        inbox.put(f"bulk/1/{name}", {"Patient": PATIENT, "Immunization": DOSE}.get(name, b""))
    inbox.put("bulk/nothing-new/manifest.json", manifest())
    assert inbox.looked() == {}


def test_a_file_whose_event_got_lost_is_shown_until_it_is_read(inbox: Inbox) -> None:
    inbox.lay("elm/doses.csv", DOSES)
    assert inbox.looked() == {"elm/doses.csv": ["FILE-NOT-TAKEN-UP doses.csv"]}
    inbox.convert("inbox/elm/doses.csv")
    assert inbox.worklist() == set()
    assert inbox.looked() == {}
    inbox.lay("elm/doses.csv", a_csv(row("SYN-1", "D1", lot="ZZ1")))
    assert inbox.looked() == {"elm/doses.csv": ["FILE-NOT-TAKEN-UP doses.csv"]}


def test_a_set_whose_marker_does_not_land_is_shown_until_it_does(inbox: Inbox) -> None:
    inbox.put("bulk/1/Patient.ndjson", PATIENT)
    inbox.put("bulk/1/Immunization.ndjson", DOSE)
    shown = ["SET-MARKER-MISSING Immunization.ndjson", "SET-MARKER-MISSING Patient.ndjson"]
    assert inbox.looked() == {"bulk/1/": shown}
    assert isinstance(inbox.put("bulk/1/_SUCCESS", b""), FileSummary)
    assert inbox.looked() == {}
    assert inbox.worklist() == set()


def test_a_file_after_the_marker_is_shown_until_the_marker_comes_again(inbox: Inbox) -> None:
    inbox.put("bulk/1/Patient.ndjson", PATIENT)
    inbox.put("bulk/1/_SUCCESS", b"")
    inbox.put("bulk/1/Immunization.ndjson", DOSE)
    assert inbox.looked() == {"bulk/1/": ["SET-FILE-LATE Immunization.ndjson"]}
    taken = inbox.put("bulk/1/_SUCCESS", b"")
    assert isinstance(taken, FileSummary)
    assert taken.rows == 1
    assert inbox.looked() == {}


def test_a_listed_file_that_is_missing_is_named_until_it_comes(inbox: Inbox) -> None:
    inbox.put("bulk/1/manifest.json", manifest("Patient.ndjson", "Immunization.ndjson"))
    inbox.put("bulk/1/Patient.ndjson", PATIENT)
    assert inbox.looked() == {"bulk/1/": ["SET-INCOMPLETE Immunization.ndjson"]}
    assert isinstance(inbox.put("bulk/1/Immunization.ndjson", DOSE), FileSummary)
    assert inbox.looked() == {}


def test_a_file_that_the_manifest_does_not_list_is_said_once(inbox: Inbox) -> None:
    inbox.put("bulk/1/manifest.json", manifest("Patient.ndjson"))
    inbox.put("bulk/1/more.ndjson", DOSE)
    read = inbox.put("bulk/1/Patient.ndjson", PATIENT)
    assert isinstance(read, FileSummary)
    assert "MANIFEST-NOT-LISTED" in {finding.code for finding in read.findings}
    assert inbox.looked() == {}
    inbox.put("bulk/1/late.ndjson", DOSE)
    assert inbox.looked() == {"bulk/1/": ["SET-FILE-LATE late.ndjson"]}


@pytest.mark.parametrize("order", list(permutations(["Patient.ndjson", "Immunization.ndjson", "_SUCCESS"])))
def test_a_marker_of_the_same_second_counts_for_the_parts_after_it_too(inbox: Inbox, order: tuple[str, ...]) -> None:
    bodies = {"Patient.ndjson": PATIENT, "Immunization.ndjson": DOSE}
    for name in order:
        inbox.bucket.put(f"inbox/bulk/1/{name}", bodies.get(name, b""), inbox.time)
        inbox.convert(f"inbox/bulk/1/{name}")
    assert inbox.looked() == {}
    newest = max(inbox.ledger.files.summaries(), key=lambda file: file.rows)
    assert (newest.rows, newest.findings) == (1, ())
    assert [one.state for one in inbox.made() if not one.deletes and one.state == "QUEUED"] != []


def test_an_upload_that_still_goes_on_is_not_shown(inbox: Inbox) -> None:
    inbox.put("bulk/1/Patient.ndjson", PATIENT)
    inbox.put("elm/_doses.csv", DOSES)
    inbox.time += timedelta(minutes=55)
    inbox.put("bulk/1/Immunization.ndjson", DOSE)
    inbox.time += timedelta(minutes=30)
    assert [file.name for file in inbox.unread()] == ["inbox/elm/_doses.csv"]
    assert len(inbox.unread(at_once=True)) == 2


def test_an_entry_that_a_person_closed_stays_closed_until_something_changes(inbox: Inbox) -> None:
    inbox.put("bulk/1/Patient.ndjson", PATIENT)
    inbox.looked()
    (entry,) = inbox.ledger.files.summaries()
    assert close_file(inbox.ledger.files, entry.file_id, "of a test")
    inbox.looked()
    assert inbox.worklist() == set()
    inbox.put("bulk/1/Immunization.ndjson", DOSE)
    inbox.looked()
    assert inbox.worklist() == {"SET-MARKER-MISSING"}


def test_the_inbox_and_the_ledger_are_read_once_however_much_is_unread(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        inbox.lay(f"elm/{number}.csv", DOSES)
        inbox.lay(f"bulk/{number}/Patient.ndjson", PATIENT)
    calls = []
    listing, summaries = inbox.bucket.list, inbox.ledger.files.summaries
    monkeypatch.setattr(inbox.bucket, "list", lambda prefix: calls.append(prefix) or listing(prefix))
    monkeypatch.setattr(type(inbox.ledger.files), "summaries", lambda _: calls.append("files") or summaries())
    assert len(inbox.unread(at_once=True)) == 60
    assert calls == ["files", "inbox/"]


def test_entries_of_the_ledger_are_not_written_again_where_nothing_changed(inbox: Inbox) -> None:
    inbox.put("elm/_doses.csv", DOSES)
    inbox.looked()
    (entry,) = inbox.ledger.files.summaries()
    marked = replace(entry, closed_reason="kept")
    inbox.ledger.files.save(marked)
    inbox.looked()
    assert list(inbox.ledger.files.summaries()) == [marked]
