"""Reading a VXU on the simulator's side: segments, order groups, values. Its own code, so that it can disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.hl7 import er7


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: `number` counts those of its name, `fields` starts with the name (for MSH, so that MSH-1 counts)."""

    name: str
    number: int
    fields: tuple[str, ...]
    text: str

    def value(self, position: int, component: int = 1) -> str:
        """A component of the first repetition, decoded; empty where there is none."""
        index = position - 1 if self.name == "MSH" else position
        if not 0 <= index < len(self.fields):
            return ""
        parts = self.fields[index].split(er7.REPETITION)[0].split(er7.COMPONENT)
        return er7.decode(parts[component - 1]) if component <= len(parts) else ""


EMPTY: Final = Segment("", 0, (), "")


@dataclass(frozen=True, slots=True)
class Order:
    """One order group: ORC, RXA and what follows until the next ORC."""

    number: int
    segments: tuple[Segment, ...]

    def first(self, name: str) -> Segment:
        return next((segment for segment in self.segments if segment.name == name), EMPTY)

    @property
    def key(self) -> str:
        """ORC-3 with its namespace; refusals share 9999 and are told apart by vaccine and day."""
        orc, rxa = self.first("ORC"), self.first("RXA")
        placer = f"{orc.value(3)}^{orc.value(3, 2)}"
        return placer if orc.value(3) != "9999" else f"{placer}^{rxa.value(5)}^{rxa.value(3)}"

    @property
    def text(self) -> str:
        return er7.SEGMENT_END.join(segment.text for segment in self.segments)

    @property
    def is_given_here(self) -> bool:
        rxa = self.first("RXA")
        return rxa.value(9) == "00" and rxa.value(20) in ("", "CP", "PA")

    def observation(self, code: str) -> str:
        """OBX-5.1 of the first observation with this OBX-3.1."""
        return next((s.value(5) for s in self.segments if s.name == "OBX" and s.value(3) == code), "")


@dataclass(frozen=True, slots=True)
class Message:
    msh: Segment
    pid: Segment
    orders: tuple[Order, ...]
    pd1: Segment = EMPTY

    @property
    def control_id(self) -> str:
        return self.msh.value(10)


def parse_message(text: str) -> Message | None:
    """The message in groups; None where it does not start with an MSH of the usual delimiters."""
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
