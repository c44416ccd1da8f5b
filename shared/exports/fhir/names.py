"""Names of people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from shared.domain.model import Name
from shared.exports.fhir import model as fhir

# The name in use is the one whose `use` comes first here; names of other uses are not in use.
_USES: Final = ("official", "usual", "", "temp", "nickname", "anonymous")
_TITLES: Final = frozenset({"dr", "doctor", "mr", "mrs", "ms", "miss", "prof", "sr", "jr", "nurse"})
_CREDENTIALS: Final = frozenset(
    {"aprn", "arnp", "bs", "bsn", "cma", "cna", "cnm", "crnp", "dnp", "do", "fnp", "fnpbc", "fnpc", "lpn", "lvn", "ma"}
    | {"md", "mph", "msn", "np", "pa", "pac", "pharmd", "phd", "rma", "rn", "rph"}
)
_WORD: Final = re.compile(r"[^\s,;]+|,")


def current_name(names: Iterable[fhir.HumanName]) -> fhir.HumanName | None:
    """Return the name in use, of names that are in force; None if there is none."""
    usable = (name for name in names if name.use in _USES)
    return min(usable, key=lambda name: _USES.index(name.use), default=None)


def human_name(name: fhir.HumanName, kind: str = "L") -> Name:
    """Convert a HumanName; `kind` is the name type of HL7 table 0200."""
    given = [part.strip() for part in name.given if part.strip()]
    return Name(name.family.strip(), given[0] if given else "", " ".join(given[1:]), " ".join(name.suffix), kind)


def name_of_text(text: str) -> Name:
    """Read a provider's name from a text: `Nurseby, Nadia B`, `Dr. Nadia B Nurseby, RN`.

    Titles and credentials are left out. A single word is the last name. This is for providers only: a patient's name is
    never taken from a text.
    """
    parts = [""]
    for word in _WORD.findall(text):
        plain = word.replace(".", "").replace("-", "").casefold()
        if word == ",":
            parts.append("")
        elif plain not in _TITLES and plain not in _CREDENTIALS:
            parts[-1] = f"{parts[-1]} {word}".strip()
    filled = [part for part in parts if part]
    if not filled:
        return Name()
    if len(filled) > 1:
        family, given = filled[0], filled[1].split()
    else:
        *given, family = filled[0].split()
    return Name(family, given[0] if given else "", " ".join(given[1:]))
