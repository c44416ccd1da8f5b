"""Queries to the IIS: about one patient, about the patients of query files, and reconciliation."""
