"""Code tables: HL7's and NIP's, CDC's code sets, and a clinic's local codes."""
