"""Failures and their correction: triage, the worklist, resubmission, remedies and notices."""
