"""How long the Z22 checks take per message, and how that compares with reading the message by hl7apy.

    python -m tests.benchmarks.bench_checks

One dose given here with eight observations, 1.4 kB; 300 patients, so that names, addresses and ids differ while codes
repeat, as in an export. Prints medians over rounds; nothing passes or fails by time.
"""

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime

from hl7apy.parser import parse_message

from shared.domain import conformance, vxu
from shared.domain.clinics import Clinic, Configuration, Iis
from shared.domain.model import Address, Code, Dose, Name, NextOfKin, Patient, Provider, Telecom, Vis, Visit

ROUNDS, PATIENTS = 30, 300

_CLINIC = Clinic(
    key="harbor",
    name="Harbor Example Pediatrics",
    facility="EX0001",
    sending_facility="EX0000",
    facility_id="EX0000",
    secret="example",
    address=Address("1 Example Way", "Suite 4", "Hartford", "CT", "06101", "USA"),
)
_CONFIGURATION = Configuration("v1", "Example Health", "VAXLINE", Iis("https://iis.example"), {"harbor": _CLINIC}, {})
_NURSE = Provider("1234567893", "Example", "Nora", "", "NPI", "NPI")
_DOSE = Dose(
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


def messages() -> list[str]:
    """One VXU per patient."""
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
        visit = Visit("bench", patient, "20260301", doses=(replace(_DOSE, id=f"DOSE-{number}"),))
        now = datetime(2026, 3, 1, 12, number % 60, tzinfo=UTC)
        made.append(
            vxu.build(visit, msh_10=f"BENCH{number:015}", clinic=_CLINIC, configuration=_CONFIGURATION, now=now)
        )
    return made


def main() -> None:
    """Measures and prints."""
    made = messages()
    assert not any(conformance.check(message) for message in made)
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for message in made:
            conformance.check(message)
        rounds.append((time.perf_counter() - start) / len(made) * 1e6)
    start = time.perf_counter()
    for message in made[:5]:
        parse_message(message, find_groups=True)
    parse = (time.perf_counter() - start) / 5 * 1e6
    median = statistics.median(rounds)
    size = sum(map(len, made)) / len(made)
    observations = made[0].count("\rOBX|")
    print(f"{len(made)} messages of {size:.0f} characters, {observations} OBX")  # noqa: T201
    print(f"check: {median:.0f} µs a message (best round {min(rounds):.0f})")  # noqa: T201
    print(f"hl7apy parse: {parse:.0f} µs a message, {parse / median:.0f} times as long")  # noqa: T201


if __name__ == "__main__":
    main()
