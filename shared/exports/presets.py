"""Layouts that several EHRs write: what a source's `preset` stands for. One row of `PRESETS` for each.

CDC's CVRS: the COVID-19 Vaccination Reporting Specification, versions 1 and 2, one tab-delimited row per dose. Version
2 has no `recip_missed_appt`. The IIS functional standards' names of data elements are those of the test data of IZ
Gateway's tools; their two files (patients, immunizations) must be joined by "IIS Patient ID" to one row per dose.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Preset(msgspec.Struct, frozen=True):
    """One layout. What a source states itself goes before it.

    Attributes:
        format: The format of the sources that may name it.
        words: What it is, for docs/csv-columns.md.
        columns: vaxline's column → the file's own; names that vaxline knows anyway are not repeated.
        left_out: The file's columns that are not reported → why.
        not_known: Values that mean "not known" in it.
        delimiter: The delimiter of its files.
    """

    format: str
    words: str
    columns: Mapping[str, str] = _NOTHING
    left_out: Mapping[str, str] = _NOTHING
    not_known: tuple[str, ...] = ()
    delimiter: str = ","


_ADMIN_ADDRESS: Final = ("street", "street_2", "city", "county", "state", "zip")

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "cvrs": Preset(
            "csv",
            "CDC's COVID-19 Vaccination Reporting Specification, versions 1 and 2",
            {
                "was_refused": "vax_refusal",
                "missed_appointment": "recip_missed_appt",
                "extract_type": "ext_type",
            },
            {
                "pprl_id": "a token for linking records without names",
                "vax_series_complete": "the registry works this out from the doses",
                "responsible_org": "the organization in clinics.toml reports",
                "vtrcks_prov_pin": "the facility code in clinics.toml is sent",
                "admin_type": "the registry knows what kind of place a facility is",
                **{f"admin_address_{part}": "the clinic's address in clinics.toml is sent" for part in _ADMIN_ADDRESS},
                "vax_prov_suffix": "the layout does not name the person whose degree it is",
                "cmorbid_status": "it is about COVID-19 alone, and the registry does not ask for it",
                "serology": "it is about COVID-19 alone, and the registry does not ask for it",
            },
            not_known=("UNK", "POL", "INV"),
            delimiter="\t",
        ),
        "functional-standard": Preset(
            "csv",
            "the data elements of the IIS functional standards, by the names that IZ Gateway's tools use",
            {
                "patient_id": "IIS Patient ID",
                "last_name": "Name - Last",
                "first_name": "Name - First",
                "middle_name": "Name - Middle",
                "suffix": "Name - Suffix",
                "mothers_maiden_name": "Mothers Maiden Name",
                "guardian_last_name": "Mothers Name: Last",
                "guardian_first_name": "Guardian Name: First",
                "dose_id": "IIS Vaccination Event ID",
                "cvx": "Vaccine Type (CVX)",
                "ndc": "Vaccine Type (NDC)",
                "information_source": "Event Record Type",
            },
            {
                "Record Creation Date": "the message says when it was made",
                "Mothers Name: Middle": "a parent is told by family and given name",
            },
        ),
    }
)
