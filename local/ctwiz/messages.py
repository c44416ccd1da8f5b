"""Parse messages on the simulator's side. It has its own parser on purpose, so that it can disagree with vaxline's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.hl7 import er7


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Attributes:
        name: its name.
        number: its number among the segments of that name, from 1.
        fields: the parts between field separators; the first is the name.
        text: the whole segment.
    """

    name: str
    number: int
    fields: tuple[str, ...]
    text: str

    def value(self, position: int, component: int = 1) -> str:
        """Return a decoded component of the first repetition of a field; empty where there is none."""
        index = position - 1 if self.name == "MSH" else position
        if not 0 <= index < len(self.fields):
            return ""
        parts = self.fields[index].split(er7.REPETITION)[0].split(er7.COMPONENT)
        return er7.decode(parts[component - 1]) if component <= len(parts) else ""


EMPTY: Final = Segment("", 0, (), "")


@dataclass(frozen=True, slots=True)
class Order:
    """One order group: the segments from an ORC to the next one."""

    number: int
    segments: tuple[Segment, ...]

    def first(self, name: str) -> Segment:
        return next((segment for segment in self.segments if segment.name == name), EMPTY)

    @property
    def key(self) -> str:
        """ORC-3 with its namespace; for 9999, which refusals share, with vaccine and day."""
        orc, rxa = self.first("ORC"), self.first("RXA")
        filler = f"{orc.value(3)}^{orc.value(3, 2)}"
        return filler if orc.value(3) != "9999" else f"{filler}^{rxa.value(5)}^{rxa.value(3)}"

    @property
    def is_deletion(self) -> bool:
        return self.first("RXA").value(21) == "D"

    @property
    def text(self) -> str:
        return er7.SEGMENT_END.join(segment.text for segment in self.segments)

    @property
    def is_given_here(self) -> bool:
        rxa = self.first("RXA")
        return rxa.value(9) == "00" and rxa.value(20) in ("", "CP", "PA")

    def observation(self, code: str) -> str:
        """Return OBX-5.1 of the first observation with this OBX-3.1."""
        observations = (segment for segment in self.segments if segment.name == "OBX" and segment.value(3) == code)
        return next((segment.value(5) for segment in observations), "")


@dataclass(frozen=True, slots=True)
class Message:
    """A VXU in groups."""

    msh: Segment
    pid: Segment
    orders: tuple[Order, ...]
    pd1: Segment = EMPTY

    @property
    def control_id(self) -> str:
        return self.msh.value(10)


def parse_message(text: str) -> Message | None:
    """Parse a message; return None where it does not start with an MSH with the usual delimiters."""
    lines = er7.segments(text)
    if not lines or not lines[0].startswith("MSH|^~\\&|"):
        return None
    counts: dict[str, int] = {}
    head: dict[str, Segment] = {}
    groups: list[list[Segment]] = []
    for line in lines:
        fields = tuple(line.split(er7.FIELD))
        name = fields[0]
        counts[name] = counts.get(name, 0) + 1
        segment = Segment(name, counts[name], fields, line)
        if name == "ORC":
            groups.append([segment])
        elif groups:
            groups[-1].append(segment)
        else:
            head.setdefault(name, segment)
    orders = tuple(Order(number, tuple(group)) for number, group in enumerate(groups, 1))
    return Message(head["MSH"], head.get("PID", EMPTY), orders, head.get("PD1", EMPTY))
