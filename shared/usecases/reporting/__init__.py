"""Counts and pages: tallies, reports, readiness, search and trace."""
