"""The second pair of eyes: hl7apy, which holds the tables of HL7 2.5.1, reads and validates a message that we built.

It costs some 40 ms a message, so convert asks it about a few messages of a file and check about the first (ADR 0002).
"""

from __future__ import annotations

from typing import Final

from shared.domain.hl7.er7 import FIELD, SEGMENT_END

_MSH_FIELDS_OF_2_5_1: Final = 21


class Hl7apyOpinion:
    """Port `SecondOpinion`. hl7apy loads when it is first asked, not when a function starts."""

    def objection(self, vxu: str) -> str:
        from hl7apy.exceptions import HL7apyException  # noqa: PLC0415 - 50 ms that most invocations need not pay
        from hl7apy.parser import parse_message  # noqa: PLC0415 - as above

        # The IG takes MSH-22 over from HL7 2.7; 2.5.1, which hl7apy judges by, ends at MSH-21.
        msh, _, rest = vxu.partition(SEGMENT_END)
        known = FIELD.join(msh.split(FIELD)[:_MSH_FIELDS_OF_2_5_1]) + SEGMENT_END + rest
        try:
            parse_message(known, find_groups=True).validate()
        except HL7apyException as error:
            return type(error).__name__
        return ""
