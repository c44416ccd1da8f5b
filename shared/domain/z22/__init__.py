"""Profile Z22 as a table, and the check of a message against it."""
