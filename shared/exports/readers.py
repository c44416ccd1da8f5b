"""The reader of each export format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.exports.csv.rows import CsvFile
from shared.exports.fhir.bulk import FhirBulkExports
from shared.exports.fhir.bundle import BundleFile
from shared.exports.hl7v2.files import Hl7File
from shared.exports.single import EachFile
from shared.ports.objects import Exports

READERS: Final[Mapping[str, Exports]] = MappingProxyType(
    {
        "csv": EachFile(CsvFile),
        "fhir": FhirBulkExports(),
        "hl7": EachFile(Hl7File),
        "fhir-bundle": EachFile(BundleFile),
    }
)
"""Readers by the names of `formats.FORMATS`. They are apart from it, because most functions need the names only."""
