"""Packed values of the ledger."""

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.ledger import packing
from shared.adapters.ledger.items import submission_from, submission_item
from shared.domain.submission import FileSummary
from shared.replaced import replace
from tests.benchmarks import bench_delivery

UNIT = 1024
NEVER_CHANGE = {
    "packing_1.txt": "eba2d54b419fd3a3bbfa66c354d9578013ce475d145ecabde1eebd56ab30fd59",
    "packing_2.dict": "08f9fe9cec085ee5f9d1f8154021aabda93b964bf84ec6de0359af4d568c4efd",
}


@given(st.lists(st.text()))
def test_unpacking_returns_the_packed_value(values):
    assert packing.unpack(packing.pack(values), list[str]) == values


def test_a_value_deflated_without_a_dictionary_is_read():
    assert packing.unpack(zlib.compress(msgspec.json.encode(["Ada"])), list[str]) == ["Ada"]


def test_a_value_deflated_with_the_preset_dictionary_is_read():
    deflate = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, zdict=packing.words())
    assert packing.unpack(deflate.compress(b'["Ada"]') + deflate.flush(), list[str]) == ["Ada"]


def test_values_packed_by_several_threads_are_unpacked_correctly():
    values = [[f"{number} of Ada's rows"] * 50 for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        assert [packing.unpack(raw, list[str]) for raw in pool.map(packing.pack, values)] == values


def test_changed_bytes_are_refused():
    raw = packing.pack(["Ada", "Bo"])
    with pytest.raises(packing.zstd.ZstdError):
        packing.unpacked(raw[:-1] + bytes([raw[-1] ^ 1]))


def test_the_dictionaries_never_change():
    """Values in existing ledgers were packed with them. A new dictionary goes into another file."""
    folder = Path(packing.__file__).parent
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NEVER_CHANGE}
    assert found == NEVER_CHANGE


def test_a_submission_of_one_dose_takes_one_write_unit():
    submission = bench_delivery._submission(7)
    item = submission_item(submission)
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    assert size < 0.8 * UNIT
    assert submission_from(item | {"attempt_count": {"N": "1"}}) == replace(submission, attempt_count=1)


def test_the_dictionary_also_shrinks_other_values():
    summary = FileSummary("F", "inbox/a.csv", "a", submission_time(), 3, 0, complete=True)
    assert len(packing.pack(summary)) < len(zlib.compress(msgspec.json.encode(summary), 6))


def submission_time():
    return bench_delivery._submission(1).created
