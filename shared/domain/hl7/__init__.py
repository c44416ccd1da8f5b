"""HL7 v2.5.1 text: the ER7 codec, the messages that vaxline builds, and the answers that it reads."""
