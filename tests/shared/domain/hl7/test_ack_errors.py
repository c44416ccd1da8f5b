"""A segment that an ERR names is found in the right ORDER group of our message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.hl7.ack_errors import OrderGroups
from shared.domain.model import Dose

MESSAGE = (
    "MSH|^~\\&|VAXLINE\rPID|1\r"
    "ORC|RE||D1^EX0000\rRXA|0|1\rRXR|C28161\rOBX|1\rOBX|2\r"
    "ORC|RE||9999^EX0000\rRXA|0|1\r"
    "ORC|RE||D\\S\\3^EX0000\rRXA|0|1\rRXR|C28161\rOBX|1\r"
)


def test_each_segment_is_found_in_its_order_group():
    orders = OrderGroups(MESSAGE, ())
    assert orders.dose_ids == ("D1", "9999", "D^3")
    counts = {name: orders.count(name) for name in ("PID", "ORC", "RXA", "RXR", "OBX", "NK1")}
    assert counts == {"PID": 1, "ORC": 3, "RXA": 3, "RXR": 2, "OBX": 3, "NK1": 0}
    assert orders.group_of("RXA", 2) == 1
    assert orders.group_of("RXR", 2) == 2
    assert orders.group_of("OBX", 3) == 2


@pytest.mark.parametrize(("segment", "sequence"), [("PID", 1), ("RXA", 4), ("RXA", 0)])
def test_what_is_in_no_order_group_has_none(segment, sequence):
    assert OrderGroups(MESSAGE, ()).group_of(segment, sequence) is None


def test_the_groups_are_those_of_the_doses_that_are_given():
    orders = OrderGroups(MESSAGE, [Dose(id="A", row=4), Dose(id="B", row=5), Dose(id="C", row=6)])
    assert (len(orders), orders.dose_ids, orders.dose(1)) == (3, ("A", "B", "C"), ("B", 5))


def test_an_empty_message_has_no_groups():
    orders = OrderGroups("", ())
    assert (orders.dose_ids, orders.count("ORC"), orders.group_of("ORC", 1)) == ((), 0, None)
    assert OrderGroups("ORC\rRXA|x\r", ()).dose_ids == ("",)


@given(st.lists(st.sampled_from(["PID", "ORC", "RXA", "RXR", "OBX"]), max_size=12))
def test_segments_are_found_where_counting_from_the_top_finds_them(names):
    orders = OrderGroups("".join(f"{name}|x|ORC OBX|RXA\r" for name in ["MSH", *names]), ())
    first = names.index("ORC") if "ORC" in names else len(names)
    for name in ("PID", "ORC", "RXA", "OBX"):
        assert orders.count(name) == names.count(name)
    for name in ("ORC", "RXA", "OBX"):
        groups = [names[: at + 1].count("ORC") - 1 for at, other in enumerate(names) if at >= first and other == name]
        found = [orders.group_of(name, number) for number in range(1, len(groups) + 2)]
        if names.count("ORC") == 1:
            assert set(found) == {0}
        else:
            assert found == [*groups, None]
