"""Small changes to the text of a clinics.toml that leave everything else of it, comments included, as it is.

The changed text is checked like any other before it comes into force (`clinics_toml.parse`).
"""

from __future__ import annotations

import json
import re
from typing import Final

_HEAD: Final = re.compile(r"^\s*\[", re.MULTILINE)


def with_code(text: str, source: str, table: str, code: str, meaning: str) -> str:
    """With one more line in a source's map of local codes (docs/configuration.md, "Local codes")."""
    return _with_line(text, f"sources.{source}.codes.{table}", code, json.dumps(meaning, ensure_ascii=False))


def with_facility(text: str, clinic: str, facility: str) -> str:
    """With another HL7 facility code of a clinic (RXA-11.4)."""
    return _with_line(text, f"clinics.{clinic}", "facility", json.dumps(facility, ensure_ascii=False))


def with_export_name(text: str, clinic: str, name: str) -> str:
    """With one more name by which exports call a clinic."""
    start, end = _section(text, f"clinics.{clinic}")
    section, said = text[start:end], json.dumps(name, ensure_ascii=False)
    names = re.search(r"^\s*export_names\s*=\s*\[", section, re.MULTILINE)
    if names is None:
        return _with_line(text, f"clinics.{clinic}", "export_names", f"[{said}]")
    at = start + names.end()
    return f"{text[:at]}{said}, {text[at:]}"


def _with_line(text: str, section: str, key: str, value: str) -> str:
    """With `key = value` in a section: in place of the line that has the key, or as its first; made where it is not."""
    start, end = _section(text, section)
    spelled = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
    line = f"{spelled} = {value}"
    if start < 0:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n"
    spellings = "|".join(map(re.escape, (key, json.dumps(key, ensure_ascii=False), f"'{key}'")))
    there = re.compile(rf"^[ \t]*(?:{spellings})[ \t]*=.*$", re.MULTILINE).search(text, start, end)
    if there is not None:
        return f"{text[: there.start()]}{line}{text[there.end() :]}"
    return f"{text[:start]}{line}\n{text[start:]}"


def _section(text: str, name: str) -> tuple[int, int]:
    """Where the lines of a section start and end; (-1, -1) where there is none."""
    head = re.compile(rf"^[ \t]*\[{re.escape(name)}\][^\n]*(?:\n|\Z)", re.MULTILINE).search(text)
    if head is None:
        return -1, -1
    following = _HEAD.search(text, head.end())
    return head.end(), following.start() if following else len(text)
