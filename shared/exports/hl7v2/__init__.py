"""The reader of HL7 v2 exports (VXU messages)."""
