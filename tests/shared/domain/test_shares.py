"""Shares of a file: each patient is of exactly one, and together they are the file."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.lifecycle import State
from shared.domain.model import Finding
from shared.domain.shares import EVERYBODY, PatientShare, ids_of, shares, together, whole_id
from shared.domain.submission import Checkpoint, FileSummary
from shared.replaced import replace
from tests.conftest import NOON

FILE = FileSummary("FILE", "inbox/demo/a.csv", "demo", NOON, 0, 0, complete=False, shares=2)
FIRST = replace(
    FILE, file_id="FILE-0of2", rows=5, unchanged=2, complete=True, shares=0, findings=(Finding("FILE-CUT-OFF"),)
)
SECOND = replace(FIRST, file_id="FILE-1of2", rows=7, findings=())


@given(patient=st.text(), of=st.integers(1, 40))
def test_every_patient_is_of_exactly_one_share(patient: str, of: int) -> None:
    assert sum(share.keeps(patient) for share in shares(of)) == 1


@given(of=st.integers(1, 40))
def test_what_names_no_patient_is_of_the_first_share_which_tells_of_the_file_too(of: int) -> None:
    assert [share.keeps("") for share in shares(of)] == [share.is_first for share in shares(of)]
    assert shares(of)[0].is_first


def test_a_record_number_that_differs_in_its_spaces_alone_is_of_the_same_share() -> None:
    for number in range(200):
        assert PatientShare(1, 3).keeps(f"SYN {number}") == PatientShare(1, 3).keeps(f"SYN\t{number}\n")


def test_which_share_a_patient_is_of_never_changes() -> None:
    """What is under way when vaxline itself is changed goes on with the same patients."""
    found = [next(share.number for share in shares(4) if share.keeps(f"SYN-{number}")) for number in range(12)]
    assert found == [3, 1, 3, 1, 2, 0, 2, 0, 1, 3, 3, 1]


def test_shares_are_about_equally_large() -> None:
    for pattern in ("SYN{}", "{:08}", "MRN-{}-X", "{}"):
        sizes = Counter(share.number for n in range(8_000) for share in shares(4) if share.keeps(pattern.format(n)))
        assert all(1_700 < size < 2_300 for size in sizes.values()), (pattern, sizes)


def test_everybody_is_of_the_one_share_of_a_whole_file() -> None:
    assert shares(1) == (EVERYBODY,)


def test_a_share_is_known_by_its_files_id_and_sorts_behind_it() -> None:
    assert ids_of(FILE) == ("FILE-0of2", "FILE-1of2")
    assert ids_of(FIRST) == ("FILE-0of2",)
    assert [whole_id(one) for one in ("FILE", *ids_of(FILE), "FILE-2")] == ["FILE", "FILE", "FILE", "FILE-2"]


def test_a_split_file_has_the_counts_of_its_shares_together() -> None:
    places = (("elm", State.QUEUED, 2), ("oak", State.HELD, 1))
    more = (("elm", State.QUEUED, 3), ("elm", State.HELD, 1), ("oak", State.HELD, 1))
    whole = together(FILE, [replace(FIRST, places=places), replace(SECOND, places=more)])
    assert (whole.file_id, whole.rows, whole.unchanged, whole.complete) == ("FILE", 12, 4, True)
    assert whole.places == (("elm", State.HELD, 1), ("elm", State.QUEUED, 5), ("oak", State.HELD, 2))
    assert (whole.adds_up, whole.findings) == (True, FIRST.findings)


def test_a_split_file_is_complete_when_every_share_is() -> None:
    going = replace(SECOND, complete=False, checkpoint=Checkpoint(5, 1))
    assert not together(FILE, []).complete
    assert not together(FILE, [FIRST]).complete
    assert not together(FILE, [FIRST, going]).complete
    assert not together(FILE, [FIRST, replace(FIRST, file_id="FILE-1of3")]).complete
    assert together(FILE, [SECOND, FIRST]).complete


def test_a_file_that_was_not_split_is_as_it_was() -> None:
    assert together(FIRST, [SECOND]) is FIRST
