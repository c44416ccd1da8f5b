"""The order of a message's segments: where each stands, and what is wrong with it."""

import pytest

from shared.domain.z22.structure import structure_of

GOOD = ("MSH", "PID", "PD1", "NK1", "NK1", "ORC", "RXA", "RXR", "OBX", "OBX", "NTE", "ORC", "RXA")


def test_a_message_in_order_has_no_problem_and_each_segment_its_order_group():
    structure = structure_of(GOOD)
    assert structure.problems == ()
    assert structure.orders == 2
    assert [place.order for place in structure.places] == [-1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert [place.label for place in structure.places[-2:]] == ["ORC[2]", "RXA[2]"]


@pytest.mark.parametrize(
    ("names", "problems"),
    [
        (("MSH", "PID", "PID"), {("Z22-PID-REPEATS", "PID[2]")}),
        (("MSH", "ORC", "RXA"), {("Z22-PID-MISSING", "PID")}),
        (("PID",), {("Z22-SEGMENT-PLACE", "PID"), ("Z22-MSH-MISSING", "MSH")}),
        (("MSH", "PID", "ORC", "ORC", "RXA"), {("Z22-RXA-MISSING", "RXA"), ("Z22-ORC-REPEATS", "ORC[2]")}),
        (("MSH", "PID", "ORC", "RXA", "PD1"), {("Z22-SEGMENT-PLACE", "PD1")}),
        (("MSH", "PID", "ORC", "RXR"), {("Z22-RXA-MISSING", "RXA")}),
        (("MSH", "PID", "ZZZ"), {("Z22-SEGMENT-UNKNOWN", "ZZZ")}),
        (("MSH", "PID", "no "), {("Z22-SEGMENT-UNREADABLE", "no ")}),
    ],
)
def test_a_segment_that_is_missing_or_misplaced_is_named(names, problems):
    assert set(structure_of(names).problems) == problems
