"""Rows of a good export of the clinic elm, and the demo's configuration that reads them."""

from __future__ import annotations

from tests import places

CLINICS = places.CLINICS.read_text("utf-8")
WITH_ANY = f'{CLINICS}\n[sources.any]\nformat = "csv"\nid_prefix = "A-"\n'
"""The same with a source whose rows name their clinic."""
HEADER = (
    "patient_id,last_name,first_name,birth_date,sex,race,ethnicity,address_street,address_city,address_state,"
    "address_zip,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source,administered_by_npi"
)


def row(
    patient: str,
    dose: str = "",
    *,
    lot: str = "AB123",
    cvx: str = "115",
    mvx: str = "SKB",
    first_name: str = "Ada",
    birth_date: str = "1990-05-06",
    route: str = "IM",
) -> str:
    return (
        f"{patient},Sampleton,{first_name},{birth_date},F,2106-3,2186-5,1 Example Way,Hartford,CT,"
        f"06103,{dose or f'D-{patient}'},2026-03-02,{cvx},{mvx},{lot},{route},V01,PHC70,1234567893"
    )


def a_csv(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


def a_csv_of(clinic: str, *rows: str) -> bytes:
    """An export of the source `any`, all of one clinic."""
    return "\n".join((f"{HEADER},clinic", *(f"{one},{clinic}" for one in rows))).encode()
