"""An HL7 v2 message taken apart: delimiters, segments, fields, repetitions, components (v2.5.1, chapter 2).

All readers share these types: exports, acknowledgments, answers to queries, guidance and the console. MSH names the
delimiters. Fields, components and subcomponents count from 1. The null value `""` reads as empty. A part that is not
there is empty, and nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.domain.hl7 import er7
from shared.domain.identity import normalized_id

# ASCII alone: a damaged byte is no delimiter, and repairing the text must not change what the delimiters are.
_MSH: Final = re.compile(r"MSH([!-/:-@\[-^`{-~])([!-/:-@\[-^`{-~]{2,5})(?:\1|$)")
_USUAL: Final = "^~\\&"


class Syntax(NamedTuple):
    """The delimiters of a message."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @classmethod
    def of(cls, field: str, encoding_characters: str) -> Syntax:
        """Return the syntax of MSH-1 and MSH-2. Delimiters that MSH-2 leaves out are the usual ones."""
        return cls(field, *encoding_characters[:4], *_USUAL[len(encoding_characters) :])

    def decode(self, raw: str) -> str:
        """Undo the escapes of a text, without blanks around it; empty for the null value."""
        if self.escape in raw:
            raw = er7.decode(raw.replace(self.escape, er7.ESCAPE))
        text = raw.strip()
        return "" if text == er7.NULL else text


USUAL_SYNTAX: Final = Syntax.of(er7.FIELD, _USUAL)


def syntax_of(msh: str) -> Syntax | None:
    """Return the delimiters that an MSH segment names (v2.5.1, 2.15.9.1 and 2.15.9.2), or None if it names none."""
    match = _MSH.match(msh)
    if match is None:
        return None
    syntax = Syntax.of(match[1], match[2])
    return syntax if len(set(syntax)) == len(syntax) else None


class Repetition(NamedTuple):
    """One repetition of a field."""

    raw: str
    syntax: Syntax

    def __bool__(self) -> bool:
        """Tell if anything stands there."""
        return self.raw != ""

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        """Return a subcomponent as text on one line."""
        if not self.raw:
            return ""
        parts = self._component(component).split(self.syntax.subcomponent, subcomponent)
        return one_line(self.syntax.decode(parts[subcomponent - 1])) if len(parts) >= subcomponent else ""

    def id(self) -> str:
        """Return the first component as a record number or an order number (`identity.normalized_id`).

        It has no subcomponents: an ampersand in it is a character of the number that nobody escaped.
        """
        return normalized_id(self.syntax.decode(self._component(1)))

    def component(self, number: int = 1) -> str:
        """Return a whole component as text on one line, for senders that do not escape an ampersand."""
        return one_line(self.syntax.decode(self._component(number)))

    def whole(self) -> str:
        """Return the whole repetition as text on one line, for fields without components (ST, TX)."""
        return one_line(self.syntax.decode(self.raw))

    def name(self, number: int = 1) -> str:
        """Return a component that may have parts of its own (FN, SAD): its first part, which repeats the others.

        Where the others are not repeated, the sender did not escape an ampersand of the text, and all of it is meant.
        """
        raw = self._component(number)
        if self.syntax.subcomponent not in raw:
            return one_line(self.syntax.decode(raw))
        first, *rest = [one_line(self.syntax.decode(part)) for part in raw.split(self.syntax.subcomponent)]
        if first and all(part.casefold() in first.casefold() for part in rest):
            return first
        if not first:
            return " ".join(filter(None, rest))
        return self.component(number)

    def authority(self, component: int) -> str:
        """Return the namespace of an HD, or the universal id if it has none."""
        return self.text(component, 1) or self.text(component, 2)

    def _component(self, number: int) -> str:
        parts = self.raw.split(self.syntax.component, number)
        return parts[number - 1] if len(parts) >= number else ""


def one_line(text: str) -> str:
    """Return the text on one line: if any character does not print, each run of such and blanks becomes one blank."""
    if text.isprintable():
        return text
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One segment.

    Attributes:
        fields: The fields as they stand, by HL7's numbers: 0 is the segment's name, and of MSH 1 the field separator.
        syntax: The delimiters of the message.
    """

    fields: list[str]
    syntax: Syntax = USUAL_SYNTAX

    @property
    def name(self) -> str:
        return self.fields[0]

    @property
    def line(self) -> str:
        """The segment as it stands in the message."""
        fields = ["MSH", *self.fields[2:]] if self.name == "MSH" else self.fields
        return self.syntax.field.join(fields)

    def raw(self, number: int) -> str:
        """Return a field as it stands, without blanks around it; empty if it is null."""
        raw = self.fields[number].strip() if number < len(self.fields) else ""
        return "" if raw == er7.NULL else raw

    def value(self, number: int) -> str:
        """Return a whole field as text, with its line breaks."""
        return self.syntax.decode(self.raw(number))

    def repetitions(self, number: int) -> list[Repetition]:
        """Return the repetitions of a field that are not blank."""
        return [Repetition(raw, self.syntax) for raw in self.raw(number).split(self.syntax.repetition) if raw.strip()]

    def first(self, number: int) -> Repetition:
        """Return the first repetition of a field that is not blank."""
        raw = self.raw(number)
        if self.syntax.repetition in raw:
            raw = next((part for part in raw.split(self.syntax.repetition) if part.strip()), "")
        return Repetition(raw, self.syntax)

    def text(self, number: int, component: int = 1) -> str:
        """Return the first subcomponent of a component of the first repetition, as text on one line."""
        return self.first(number).text(component)

    def id(self, number: int) -> str:
        """Return the first repetition of a field as a record number or an order number."""
        return self.first(number).id()


NO_SEGMENT: Final = Segment([""])


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message: its segments in order, MSH first."""

    segments: Sequence[Segment]

    def named(self, name: str) -> list[Segment]:
        """Return the segments of that name."""
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment:
        """Return the first segment of that name, or one without fields."""
        return next((segment for segment in self.segments if segment.name == name), NO_SEGMENT)


def parse(text: str, syntax: Syntax | None = None) -> Message:
    """Take a message apart.

    Args:
        text: The message. Segments end with CR, LF or CRLF.
        syntax: Its delimiters; if None, those of its first segment, or the usual ones if that is no MSH.
    """
    lines = er7.segments(text)
    if syntax is None:
        syntax = (syntax_of(lines[0]) if lines else None) or USUAL_SYNTAX
    return Message([_segment(line, syntax) for line in lines])


def _segment(line: str, syntax: Syntax) -> Segment:
    fields = line.split(syntax.field)
    if fields[0] == "MSH":
        fields.insert(1, syntax.field)
    return Segment(fields, syntax)
