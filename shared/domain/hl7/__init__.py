"""HL7 v2: the types that all readers share, the messages that vaxline builds, and the answers that it reads."""
