"""Code tables of HL7 and NIP, CDC's code sets, and local codes."""
