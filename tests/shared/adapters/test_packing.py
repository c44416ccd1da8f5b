"""One binary attribute of the ledger, packed against words that stay as they are."""

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters import packing
from shared.adapters.dynamodb_items import submission_from, submission_item
from shared.domain.submission import FileSummary
from shared.replaced import replace
from tests.benchmarks import bench_delivery

UNIT = 1024
ADLER = 628463840


@given(st.lists(st.text()))
def test_what_is_packed_comes_back(values):
    assert packing.unpack(packing.pack(values), list[str]) == values


def test_what_was_packed_before_there_were_words_is_read():
    assert packing.unpack(zlib.compress(msgspec.json.encode(["Ada"])), list[str]) == ["Ada"]


def test_the_words_never_change():
    """Whatever a ledger holds was packed against them: other words go into another file."""
    assert zlib.adler32(packing._WORDS) == ADLER


def test_the_submission_of_one_dose_is_one_write_unit():
    submission = bench_delivery._submission(7)
    item = submission_item(submission)
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    assert size < 0.9 * UNIT
    assert submission_from(item | {"attempt_count": {"N": "1"}}) == replace(submission, attempt_count=1)


def test_other_values_are_smaller_for_the_words_too():
    summary = FileSummary("F", "inbox/a.csv", "a", submission_time(), 3, 0, complete=True)
    assert len(packing.pack(summary)) < len(zlib.compress(msgspec.json.encode(summary), 6))


def submission_time():
    return bench_delivery._submission(1).created
