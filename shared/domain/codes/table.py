"""A table of codes, and the look-up of an EHR's spelling in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Final

from shared.domain.model import NO_CODE, Code

_PUNCTUATION: Final = re.compile(r"[^\w]+|_")

_LOCAL: Final = "L"

Row = tuple[str, str, tuple[str, ...]]
"""A code, its text in vaxline, and other spellings of it. A row with an empty code lists spellings of "not known"."""


def normalized(raw: str) -> str:
    """Return a spelling without case, punctuation and extra space: `Left  Arm.` and `left-arm` become equal."""
    return " ".join(_PUNCTUATION.sub(" ", raw).split()).casefold()


class Table:
    """One table of codes.

    Attributes:
        name: What it is and its number in HL7, for people.
        system: The coding system of its codes (HL7 table 0396).
        rows: Its codes.
        state_codes: The form of codes that a state may add; they are accepted as they are.
        unsent: Codes of exports that profile Z22 does not allow in a message.
        broader: Returns the code under which a value counts that the table does not have, None if there is none.
        coarse: Spellings of which their code tells only a part.
    """

    def __init__(
        self,
        name: str,
        system: str,
        rows: tuple[Row, ...],
        *,
        state_codes: re.Pattern[str] | None = None,
        unsent: frozenset[str] = frozenset(),
        broader: Callable[[str], Code | None] | None = None,
        coarse: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.system = system
        self.rows = rows
        self.state_codes = state_codes
        self.unsent = unsent
        self.broader = broader
        self.coarse = frozenset(map(normalized, coarse))

    @property
    def sent(self) -> frozenset[str]:
        """The codes that a message may hold."""
        return frozenset(code for code, _, _ in self.rows if code) - self.unsent

    @cached_property
    def by_spelling(self) -> dict[str, Code]:
        """The code of every spelling. Made at the first look-up, because most functions read no exports."""
        codes: dict[str, Code] = {}
        for code, text, spellings in self.rows:
            meaning = Code(code, text, self.system) if code else NO_CODE
            for spelling in (code, text, *spellings):
                codes.setdefault(normalized(spelling), meaning)
                codes.setdefault(spelling, meaning)
        # A code means itself, even if it is a spelling in another row.
        for code, text, _ in self.rows:
            if code:
                codes[normalized(code)] = codes[code] = Code(code, text, self.system)
        codes.pop("", None)
        return codes

    def look_up(self, raw: str) -> Code | None:
        """Find the code that a spelling means, however it is spaced, punctuated or capitalized.

        Returns:
            The code; the empty code if the spelling says "not known"; None if the table does not have it.
        """
        code = self.by_spelling.get(raw)
        if code is None:
            code = self.by_spelling.get(normalized(raw))
        if code is None and self.state_codes is not None:
            upper = raw.strip().upper()
            return Code(upper, "", self.system) if self.state_codes.fullmatch(upper) else None
        if code is None and self.broader is not None:
            return self._counted(raw)
        return code

    def is_coarse(self, raw: str) -> bool:
        """Tell whether a spelling says more than the code that the table has for it."""
        return bool(self.coarse) and normalized(raw) in self.coarse

    def _counted(self, raw: str) -> Code | None:
        """The code under which a value counts, with the value as the alternate."""
        assert self.broader is not None
        own = raw.strip()
        by_code = self.broader(own)
        code = by_code or self.broader(normalized(own))
        if code is None or code.code == own:
            return code
        return Code(code.code, code.text, code.system, own, "", code.system if by_code else _LOCAL)
