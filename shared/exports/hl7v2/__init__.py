"""HL7 v2 VXU exports."""
