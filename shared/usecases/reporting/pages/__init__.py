"""Reports and readiness as HTML and CSV."""
