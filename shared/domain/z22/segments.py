"""Profile Z22 (unsolicited immunization update) as one table: its segments, and where each may stand.

The segments are in `patient_segments` and `dose_segments`, data types in `types`, statements about several fields in
`rules`, value sets in `valuesets`. `model` explains the terms, `conformance` checks messages against the table. Source:
National IG R1.5 of October 2014 with the addendum of July 2015.
"""

from __future__ import annotations

from typing import Final

from shared.domain.z22.dose_segments import NTE, OBX, ORC, RXA, RXR
from shared.domain.z22.model import Segment
from shared.domain.z22.patient_segments import IN1, MSH, NK1, PD1, PID

SEGMENTS: Final[dict[str, Segment]] = {
    segment.name: segment for segment in (MSH, PID, PD1, NK1, IN1, ORC, RXA, RXR, OBX, NTE)
}

MAY_FOLLOW: Final[dict[str, frozenset[str]]] = {
    name: frozenset(before.split())
    for name, before in {
        "SFT": "MSH SFT",
        "PID": "MSH SFT",
        "PD1": "PID",
        "NK1": "PID PD1 NK1",
        "PV1": "PID PD1 NK1",
        "PV2": "PV1",
        "GT1": "PID PD1 NK1 PV1 PV2 GT1",
        "IN1": "PID PD1 NK1 PV1 PV2 GT1 IN1 IN2 IN3",
        "IN2": "IN1",
        "IN3": "IN1 IN2",
        "ORC": "PID PD1 NK1 PV1 PV2 GT1 IN1 IN2 IN3 RXA RXR OBX NTE",
        "TQ1": "ORC TQ1 TQ2",
        "TQ2": "TQ1",
        "RXA": "ORC TQ1 TQ2",
        "RXR": "RXA",
        "OBX": "RXA RXR OBX NTE",
        "NTE": "OBX",
    }.items()
}
"""The segments that each segment may follow, in VXU_V04 as the profile has it. MSH begins the message."""
