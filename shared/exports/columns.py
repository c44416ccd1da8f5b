"""From an HL7 path to the column of vaxline's layout that fills it, so that a finding names what the analyst knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.exports.layout import COLUMNS

_INDEX: Final = re.compile(r"\[[0-9]+\]")
_OBSERVATION: Final = re.compile(r"OBX(?:-5)? \(?([0-9]+-[0-9])\)?")

# Where several columns fill one field, the component tells them apart.
_BY_COMPONENT: Final[Mapping[str, str]] = {
    "PID-5.2": "first_name",
    "PID-5.3": "middle_name",
    "PID-5.4": "suffix",
    "PID-11.2": "address_other",
    "PID-11.3": "address_city",
    "PID-11.4": "address_state",
    "PID-11.5": "address_zip",
    "PID-11.6": "address_country",
    "PID-11.7": "address_type",
    "PID-11.9": "address_county",
    "PID-13.2": "phone_use",
    "PID-13.4": "email",
    "NK1-2.2": "guardian_first_name",
    "RXA-5.2": "vaccine_name",
    "RXA-10.2": "administered_by_last_name",
    "RXA-10.3": "administered_by_first_name",
    "ORC-10.2": "entered_by_last_name",
    "ORC-10.3": "entered_by_first_name",
    "ORC-12.2": "ordered_by_last_name",
    "ORC-12.3": "ordered_by_first_name",
}
_BY_FIELD: Final[Mapping[str, str]] = {column.path: column.name for column in reversed(COLUMNS)}


def column_of(path: str, own: Mapping[str, str] | None = None) -> str:
    """The column that fills the field at `path` (`PID-7`, `PID-11.5`, `OBX-5 (64994-7)`, `RXA[2]-15`), else empty.

    A field with several columns is named by the first of the layout, unless its component says which. `own` is a
    source's mapping to its file's names (`Source.columns`).
    """
    name = _column_of(path)
    return own.get(name, name) if own else name


@lru_cache(maxsize=4096)
def _column_of(path: str) -> str:
    path = _INDEX.sub("", path)
    observation = _OBSERVATION.match(path)
    if observation:
        return _BY_FIELD.get(f"OBX {observation[1]}", "")
    components = path.split(".")
    return _BY_COMPONENT.get(".".join(components[:2])) or _BY_FIELD.get(components[0], "")
