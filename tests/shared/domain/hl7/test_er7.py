from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.hl7 import er7

anything = st.text(st.characters(exclude_categories=()))
structure = st.text(st.sampled_from('|^~\\&\r\n\x00\x0b\x1c\x85\u2028\ud800"XFSTREHN.br0D '))
values = st.one_of(anything, structure)


@given(values)
@example("\\X0D\\")
@example("\\E\\F\\E\\")
@example('""')
@example("\\.br\\")
@example("\ud83d\ude00")
def test_what_was_encoded_decodes_to_itself(value):
    assert er7.decode(er7.encode(value)) == value


@given(values)
def test_an_encoded_value_holds_no_structure(value):
    encoded = er7.encode(value)
    assert not set(encoded) & set("|^~&")
    assert len(f"x{encoded}x".splitlines()) == 1
    assert encoded != '""'


@given(values)
def test_an_encoded_value_can_travel_in_xml(value):
    encoded = er7.encode(value)
    assert encoded.encode().decode() == encoded
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in encoded)
    assert not set(encoded) & {"\ufffe", "\uffff"}


def test_delimiters_are_escaped_by_their_letters():
    assert er7.encode("a|b^c~d\\e&f") == "a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f"


def test_plain_text_is_not_touched():
    assert er7.encode("Müller-O'Neill, Ltd. #5") == "Müller-O'Neill, Ltd. #5"


def test_a_value_never_reads_as_the_null_that_deletes():
    assert er7.encode('""') == "\\X2222\\"


@given(anything)
def test_any_text_can_be_decoded(text):
    er7.decode(text)


def test_unknown_and_broken_escapes_stay_as_they_are():
    for text in ("\\X81\\", "\\X0\\", "\\", "a\\b", "\\C2842\\", "\\Zown\\", "\\.zz\\"):
        assert er7.decode(text) == text


def test_formatted_text_becomes_plain_text():
    for text, plain in (
        ("\\H\\bold\\N\\", "bold"),
        ("one\\.br\\two", "one\ntwo"),
        ("one\\.sp2\\two", "one\ntwo"),
        ("one\\.sp\\two", "one\ntwo"),
        ("one\\.in+4\\two", "one two"),
        ("\\.fi\\text\\.nf\\", "text"),
        ("caf\\XE9\\", "caf\u00e9"),
        ("caf\\XC3A9\\", "caf\u00e9"),
    ):
        assert er7.decode(text) == plain


def test_the_line_break_of_formatted_text_is_a_line_feed():
    assert er7.decode("one\\.br\\two") == "one\ntwo"


def test_segments_end_with_cr_lf_or_both():
    assert er7.segments("\x0bMSH|1\r\nPID|1\nRXA|1\r\r\x1c\r") == ["MSH|1", "PID|1", "RXA|1"]
