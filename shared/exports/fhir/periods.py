"""Whether a name, address, telephone number or identifier is in force."""

from __future__ import annotations

from shared.exports.fhir import model as fhir


def is_in_force(period: fhir.Period, as_of: str) -> bool:
    """Tell whether a period includes a day.

    Args:
        period: The period. Its ends are FHIR dateTimes of any precision, and belong to it: an end `2026` is the last
            day of 2026.
        as_of: The day (ISO 8601). If it is empty, every period without end does.
    """
    if not period.start and not period.end:
        return True
    start, end = period.start[:10], period.end[:10]
    if not as_of:
        return not end
    return start <= as_of[: len(start)] and (not end or end >= as_of[: len(end)])
