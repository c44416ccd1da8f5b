"""A VXU built by hl7apy, from what it takes: segment names and fields."""

from __future__ import annotations

from typing import Any

from hl7apy.core import Message

Tree = list[tuple[str, list[str]]]


def tree_of(message: str) -> Tree:
    """Segment names and their fields, MSH-1 and MSH-2 left to the libraries."""
    lines = [line.split("|") for line in message.split("\r") if line]
    return [(fields[0], fields[2:] if fields[0] == "MSH" else fields[1:]) for fields in lines]


def with_hl7apy(tree: Tree) -> str:
    """As its documentation builds a message: segments in groups, fields by name."""
    message: Any = Message("VXU_V04", version="2.5.1")
    order: Any = None
    for name, fields in tree:
        if name == "ORC":
            order = message.add_group("VXU_V04_ORDER")
        home = message if order is None else order
        if name == "OBX":
            home = order.add_group("VXU_V04_OBSERVATION")
        segment = message.msh if name == "MSH" else home.add_segment(name)
        # MSH-22 is of HL7 2.7; hl7apy's 2.5.1 ends at MSH-21.
        for number, value in enumerate(fields[:20], 3 if name == "MSH" else 1):
            if value:
                setattr(segment, f"{name.lower()}_{number}", value)
    return str(message.to_er7())
