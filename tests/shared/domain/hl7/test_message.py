"""Delimiters, segments, fields, repetitions and components are found in any message, and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.hl7.message import NO_SEGMENT, USUAL_SYNTAX, Repetition, Segment, Syntax, parse, syntax_of

PID = 'PID|1||M1^^^EHR&2.999&ISO^MR~M2||Sampleton&de^Ada\\T\\Eve|""| 20200102 '


def segment(line=PID, syntax=USUAL_SYNTAX):
    return Segment(line.split(syntax.field), syntax)


def test_fields_count_as_hl7_counts_them_and_msh_1_is_the_separator():
    message = parse("MSH|^~\\&|EHR|CLINIC\rPID|1||M1\r")
    msh = message.first("MSH")
    assert (msh.raw(1), msh.raw(2), msh.text(3), msh.text(4)) == ("|", "^~\\&", "EHR", "CLINIC")
    assert message.first("PID").text(3) == "M1"


def test_a_segment_gives_back_its_line():
    lines = ["MSH|^~\\&|EHR||", "PID|1||M1^^^EHR||"]
    assert [one.line for one in parse("\r".join(lines)).segments] == lines


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r"])
def test_segments_end_with_cr_lf_or_both(end):
    message = parse(f"\x0bMSH|^~\\&|{end}RXA|0{end}RXA|1{end}\x1c{end}")
    assert [one.raw(1) for one in message.named("RXA")] == ["0", "1"]


def test_each_message_has_the_delimiters_of_its_msh():
    message = parse("MSH#$*!%#EHR\rPID#1##M1$$$A%B*M2##x!R!y\r")
    pid = message.first("PID")
    assert [one.text() for one in pid.repetitions(3)] == ["M1", "M2"]
    assert pid.first(3).authority(4) == "A"
    assert pid.value(5) == "x~y"


@pytest.mark.parametrize(
    ("msh", "expected"),
    [
        ("MSH|^~\\&|EHR", USUAL_SYNTAX),
        ("MSH|^~\\&#|EHR", USUAL_SYNTAX),
        ("MSH|^~|EHR", USUAL_SYNTAX),
        ("MSH|^~\\&", USUAL_SYNTAX),
        ("MSH#$*!%#EHR", Syntax("#", "$", "*", "!", "%")),
        ("MSH|^^\\&|EHR", None),
        ("MSH||~\\&|EHR", None),
        ("MSH|", None),
        ("MSHabcdef", None),
        ("PID|1", None),
        ("", None),
    ],
)
def test_an_msh_names_distinct_delimiters_or_none(msh, expected):
    assert syntax_of(msh) == expected


def test_a_text_is_the_first_subcomponent_and_a_component_all_of_it():
    name = segment().first(5)
    assert (name.text(), name.component()) == ("Sampleton", "Sampleton&de")
    assert name.text(2) == name.component(2) == "Ada&Eve"


def test_an_authority_is_its_namespace_else_its_universal_id():
    assert segment().first(3).authority(4) == "EHR"
    assert Repetition("1^^^&2.999&ISO", USUAL_SYNTAX).authority(4) == "2.999"


def test_null_reads_as_empty_and_blanks_around_a_value_do_not_count():
    assert (segment().raw(6), segment().value(6), segment().text(6)) == ("", "", "")
    assert Repetition('""^x', USUAL_SYNTAX).text() == ""
    assert (segment().raw(7), segment().text(7)) == ("20200102", "20200102")


def test_a_text_stands_on_one_line_and_a_value_keeps_its_lines():
    note = segment("NTE|1||one\\.br\\ two\\X09\\")
    assert note.text(3) == "one two"
    assert note.value(3) == "one\n two"


def test_blank_repetitions_do_not_count():
    assert segment("PID|1||~ ~M2").text(3) == "M2"
    assert segment("PID|1||~").repetitions(3) == []


def test_what_is_not_there_is_empty():
    message = parse("")
    assert (message.segments, message.named("PID")) == ([], [])
    for one in (message.first("PID"), NO_SEGMENT, segment()):
        assert (one.raw(99), one.value(99), one.text(99), one.first(99).text(3, 4)) == ("", "", "", "")
    assert not segment().first(99)


@given(st.text(), st.text("MSHPID|^~\\&#\r\n\x0b\"'0123 ", max_size=80), st.integers(0, 9), st.integers(1, 9))
def test_any_text_can_be_taken_apart(anything, structure, number, part):
    for text in (anything, structure, f"MSH|^~\\&|{structure}", f"MSH{structure}"):
        for one in parse(text).segments:
            for repetition in one.repetitions(number):
                repetition.text(part, part)
                repetition.component(part)
            one.value(number)
            one.line  # noqa: B018
