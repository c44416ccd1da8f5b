"""Reading what EHRs export into domain records, as a stream.

    arrived file ──parts_to_convert──► parts ──READERS[format].read──► visits

`READERS` are the formats, `CHECKS` every finding that readers and checks can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.domain import checks
from shared.domain.checks import Check
from shared.exports import findings
from shared.exports.arrivals import is_complete, is_part, is_set, looks_like, parts_to_convert, set_name
from shared.exports.csv_rows import CsvExports
from shared.exports.fhir_bulk import FhirBulkExports
from shared.exports.fhir_bundle import FhirBundleExports
from shared.exports.hl7_files import Hl7Exports
from shared.ports import Exports

READERS: Final[Mapping[str, Exports]] = MappingProxyType(
    {"csv": CsvExports(), "fhir": FhirBulkExports(), "hl7": Hl7Exports(), "fhir-bundle": FhirBundleExports()}
)
CHECKS: Final[Mapping[str, Check]] = MappingProxyType(checks.BY_CODE | findings.BY_CODE)

__all__ = ["CHECKS", "READERS", "is_complete", "is_part", "is_set", "looks_like", "parts_to_convert", "set_name"]
