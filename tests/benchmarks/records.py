"""Synthetic visits with full content: one dose given here has eight observations, 1.4 kB as a message.

300 patients, so that names, addresses and ids differ while codes repeat, as in an export.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.hl7 import vxu
from shared.domain.model import Address, Code, Dose, Name, NextOfKin, Patient, Provider, Telecom, Vis, Visit
from shared.replaced import replace

PATIENTS: Final = 300

CLINIC: Final = Clinic(
    key="harbor",
    name="Harbor Example Pediatrics",
    facility="EX0001",
    sending_facility="EX0000",
    facility_id="EX0000",
    secret="example",
    address=Address("1 Example Way", "Suite 4", "Hartford", "CT", "06101", "USA"),
)
CONFIGURATION: Final = Configuration(
    "v1",
    "Example Health",
    "VAXLINE",
    # Everything is queued at once: what waits for its turn would cost the conversion less.
    Iis("https://iis.example", backfill_from=10**9, backfill_per_minute=10**9),
    {"harbor": CLINIC},
    {"bench": Source("bench", "csv", clinic="harbor"), "bulk": Source("bulk", "fhir", clinic="harbor")},
)
_NURSE: Final = Provider("1234567893", "Example", "Nora", "", "NPI", "NPI")
_DOSE: Final = Dose(
    date="20260301",
    vaccine=Code("110", "DTaP-Hep B-IPV", "CVX"),
    ndc="58160-0811-52",
    information_source=Code("00", "New immunization record", "NIP001"),
    amount="0.5",
    units=Code("mL", "milliliter", "UCUM"),
    lot="EX12345",
    expiry="20270630",
    manufacturer=Code("SKB", "GlaxoSmithKline", "MVX"),
    route=Code("C28161", "Intramuscular", "NCIT"),
    site=Code("LT", "Left thigh", "HL70163"),
    eligibility=Code("V02", "VFC eligible, Medicaid", "HL70064"),
    funding_source=Code("VXC50", "Public", "CDCPHINVS"),
    vis=(
        Vis(document="253088698300005911160720", presented="20260301"),
        Vis(vaccine=Code("107", "DTaP", "CVX"), edition="20200401", presented="20260301"),
    ),
    dose_number="1",
    administered_by=_NURSE,
    ordered_by=_NURSE,
    entered_by=_NURSE,
)


@cache
def visits(doses: int) -> list[Visit]:
    """One visit per patient, of so many doses."""
    made = []
    for number in range(PATIENTS):
        mother = Name(f"Sampleton{number}", "Mary")
        patient = Patient(
            mrn=f"SYN-{number}",
            name=Name(f"Sampleton{number}", "Ada", "B"),
            birth_date=f"2025{number % 12 + 1:02}{number % 28 + 1:02}",
            sex="F",
            mothers_maiden_name=f"Example{number}",
            races=(Code("2106-3", "White", "CDCREC"),),
            ethnicity=Code("2186-5", "Not Hispanic or Latino", "CDCREC"),
            addresses=(Address(f"{number} Example Way", "", "Hartford", "CT", "06101", "USA"),),
            telecoms=(Telecom(area="860", local=f"555{number:04}"),),
            next_of_kin=(NextOfKin(mother, Code("MTH", "Mother", "HL70063")),),
        )
        given = tuple(replace(_DOSE, id=f"DOSE-{number}-{dose}", lot=f"EX1234{dose}") for dose in range(doses))
        made.append(Visit("bench", patient, "20260301", doses=given))
    return made


# Made beforehand: what they cost is no part of a message's cost.
MSH_10S: Final = [f"BENCH{number:015}" for number in range(PATIENTS)]
TIMES: Final = [datetime(2026, 3, 1, 12, number % 60, tzinfo=UTC) for number in range(PATIENTS)]


def message(visit: Visit, number: int) -> str:
    """The VXU that the product builds."""
    return vxu.build(visit, msh_10=MSH_10S[number], clinic=CLINIC, configuration=CONFIGURATION, now=TIMES[number])


@cache
def messages(doses: int) -> list[str]:
    return [message(visit, number) for number, visit in enumerate(visits(doses))]
