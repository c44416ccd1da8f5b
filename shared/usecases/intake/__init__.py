"""From an export to submissions: arrival, conversion and checks."""
