"""Asking the IIS: queries, files of queries, reconciliation."""
