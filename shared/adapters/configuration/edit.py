"""Edit the text of a clinics.toml and keep everything else in it, comments included.

The edited text is not checked here; `reader.read_configuration` does that before it comes into force.
"""

from __future__ import annotations

import json
import re
from typing import Final

_SECTION_HEADER: Final = re.compile(r"^\s*\[", re.MULTILINE)


def add_code_mapping(text: str, source: str, table: str, code: str, meaning: str) -> str:
    """Map a local code of a source to a standard code (docs/configuration.md, "Local codes").

    Args:
        text: the clinics.toml.
        source: the source whose export uses the code.
        table: the code table, such as `vaccine`.
        code: the EHR's code.
        meaning: the standard code.
    """
    return _set_key(text, f"sources.{source}.codes.{table}", code, _toml_string(meaning))


def set_facility_code(text: str, clinic: str, facility: str) -> str:
    """Set the HL7 facility code of a clinic (RXA-11.4)."""
    return _set_key(text, f"clinics.{clinic}", "facility", _toml_string(facility))


def add_export_name(text: str, clinic: str, name: str) -> str:
    """Add a name by which exports call a clinic."""
    start, end = _section(text, f"clinics.{clinic}")
    names = re.search(r"^\s*export_names\s*=\s*\[", text[start:end], re.MULTILINE)
    if names is None:
        return _set_key(text, f"clinics.{clinic}", "export_names", f"[{_toml_string(name)}]")
    at = start + names.end()
    return f"{text[:at]}{_toml_string(name)}, {text[at:]}"


def _toml_string(value: str) -> str:
    """Return a TOML basic string; its escapes are JSON's."""
    return json.dumps(value, ensure_ascii=False)


def _set_key(text: str, section: str, key: str, value: str) -> str:
    """Replace the line of a key, or add it as the first line of its section, which is added where it is missing."""
    start, end = _section(text, section)
    spelled = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_string(key)
    line = f"{spelled} = {value}"
    if start < 0:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n"
    spellings = "|".join(map(re.escape, (key, _toml_string(key), f"'{key}'")))
    existing = re.compile(rf"^[ \t]*(?:{spellings})[ \t]*=.*$", re.MULTILINE).search(text, start, end)
    if existing is not None:
        return f"{text[: existing.start()]}{line}{text[existing.end() :]}"
    return f"{text[:start]}{line}\n{text[start:]}"


def _section(text: str, name: str) -> tuple[int, int]:
    """Return the offsets at which the lines of a section start and end; (-1, -1) where there is no such section."""
    header = re.compile(rf"^[ \t]*\[{re.escape(name)}\][^\n]*(?:\n|\Z)", re.MULTILINE).search(text)
    if header is None:
        return -1, -1
    following = _SECTION_HEADER.search(text, header.end())
    return header.end(), following.start() if following else len(text)
