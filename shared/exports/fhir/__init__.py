"""FHIR R4 exports: bulk NDJSON and Bundles."""
