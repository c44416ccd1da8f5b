"""What a person does about a failure: triage, worklist, correction, remedies, notices."""
