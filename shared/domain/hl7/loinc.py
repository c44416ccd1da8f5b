"""LOINC codes of OBX-3 in immunization messages (National IG R1.5, chapter 5 and appendix A, NIP003).

Codes of a dose are sent and read in a VXU, those of evaluation and forecast are read in an RSP.
"""

from __future__ import annotations

from typing import Final

# a dose
ELIGIBILITY: Final = "64994-7"
FUNDING_SOURCE: Final = "30963-3"
VIS_DOCUMENT: Final = "69764-9"
VACCINE: Final = "30956-7"
"""In a VXU the vaccine of a VIS, in an RSP the vaccine of an evaluation or forecast."""
VIS_EDITION: Final = "29768-9"
VIS_PRESENTED: Final = "29769-7"
DOSE_NUMBER: Final = "30973-2"
ANNOTATION: Final = "48767-8"
IMMUNITY: Final = "59784-9"
"""Evidence of immunity: the disease that the patient had."""
SEROLOGY: Final = "75505-8"
"""Evidence of immunity by a laboratory: the disease against which there are antibodies."""
CONTRAINDICATION: Final = "30945-0"
CONTRAINDICATION_BEGINS: Final = "30946-8"
CONTRAINDICATION_ENDS: Final = "30944-3"
REACTION: Final = "31044-1"
INDICATION: Final = "59785-6"
OBSERVED: Final = {
    IMMUNITY: "Disease with presumed immunity",
    SEROLOGY: "Disease with serological evidence of immunity",
    CONTRAINDICATION: "Vaccination contraindication and precaution",
    REACTION: "Vaccination adverse event outcome or reaction",
    INDICATION: "Special indication for vaccination",
}
"""Observations that are reported beside a dose, or instead of one (CVX 998), with their texts."""

# evaluation and forecast
EARLIEST: Final = "30981-5"
DUE: Final = "30980-7"
LATEST: Final = "59777-3"
OVERDUE: Final = "59778-1"
VALIDITY: Final = "59781-5"
SERIES: Final = "59780-7"
DOSES_IN_SERIES: Final = "59782-3"
STATUS: Final = "59783-1"
SCHEDULE: Final = "59779-9"
REASON: Final = "30982-3"
COMPONENT_VACCINE: Final = "38890-0"
DUE_VACCINE: Final = "30979-9"
