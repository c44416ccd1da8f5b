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
from shared.exports.arrivals import is_complete, is_part, parts_to_convert, set_name
from shared.exports.csv_rows import CsvExports
from shared.exports.fhir_bulk import FhirBulkExports
from shared.ports import Exports

READERS: Final[Mapping[str, Exports]] = MappingProxyType({"csv": CsvExports(), "fhir": FhirBulkExports()})
CHECKS: Final[Mapping[str, Check]] = MappingProxyType(checks.BY_CODE | findings.BY_CODE)

__all__ = ["CHECKS", "READERS", "is_complete", "is_part", "parts_to_convert", "set_name"]
