"""Diseases of which an IIS takes evidence of immunity (SNOMED CT; PHVS_EvidenceOfImmunity_IIS of the National IG)."""

from __future__ import annotations

import re
from typing import Final

from shared.domain.codes.table import Table
from shared.domain.model import Code

DISEASE: Final = Table(
    "disease (SNOMED CT)",
    "SCT",
    (
        ("409498004", "Anthrax", ()),
        ("840539006", "COVID-19", ("COVID", "SARS-CoV-2")),
        ("397428000", "Diphtheria", ()),
        ("91428005", "Haemophilus influenzae type b", ("Hib",)),
        ("40468003", "Hepatitis A", ("hep A", "HAV", "viral hepatitis A")),
        ("66071002", "Hepatitis B", ("hep B", "HBV", "viral hepatitis B")),
        ("240532009", "Human papillomavirus", ("HPV",)),
        ("6142004", "Influenza", ("flu",)),
        ("52947006", "Japanese encephalitis", ("JE",)),
        ("14189004", "Measles", ("rubeola",)),
        ("23511006", "Meningococcal disease", ("meningococcal",)),
        ("36989005", "Mumps", ()),
        ("27836007", "Pertussis", ("whooping cough",)),
        ("16814004", "Pneumococcal disease", ("pneumococcal",)),
        ("398102009", "Poliomyelitis", ("polio",)),
        ("14168008", "Rabies", ()),
        ("18624000", "Rotavirus disease", ("rotavirus",)),
        ("36653000", "Rubella", ("german measles",)),
        ("76902006", "Tetanus", ()),
        ("4834000", "Typhoid fever", ("typhoid",)),
        ("111852003", "Vaccinia", ()),
        ("38907003", "Varicella", ("chickenpox", "chicken pox", "VZV")),
        ("16541001", "Yellow fever", ("YF",)),
    ),
    state_codes=re.compile(r"[1-9]\d{5,17}"),
)

_SNOMED: Final = re.compile(r"[1-9]\d{5,17}")
_PHIN: Final = re.compile(r"VXC\d{1,3}")


def observed(raw: str) -> Code | None:
    """Return a code of SNOMED CT or CDCPHINVS (`VXC12`), by which contraindications and reactions are named."""
    text = raw.strip().upper()
    if _SNOMED.fullmatch(text):
        return Code(text, "", "SCT")
    return Code(text, "", "CDCPHINVS") if _PHIN.fullmatch(text) else None
