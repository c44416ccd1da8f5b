"""The formats that exports come in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.exports.csv_rows import CsvExports
from shared.exports.fhir_bulk import FhirBulkExports
from shared.exports.fhir_bundle import FhirBundleExports
from shared.exports.hl7_files import Hl7Exports
from shared.ports import Exports

READERS: Final[Mapping[str, Exports]] = MappingProxyType(
    {"csv": CsvExports(), "fhir": FhirBulkExports(), "hl7": Hl7Exports(), "fhir-bundle": FhirBundleExports()}
)
