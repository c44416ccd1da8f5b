"""The sheets about messages: answers of CT WiZ, traffic, facility codes, message profiles."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Final

from shared.domain.lifecycle import MEANING, State
from shared.domain.local_days import days_between
from shared.domain.outcome import ANSWERED, KINDS
from shared.domain.report import Cell, Sheet, percentage
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.reporting.sheets import (
    FAILED,
    MAX_ROWS,
    OUTCOME_STATES,
    SheetInput,
    clinic_label,
    most_frequent_first,
)
from shared.usecases.reporting.tally import SECONDS, totals

_SEVERITIES: Final = {"E": "error", "W": "warning", "I": "information", "F": "fatal error", "": "none given"}
"""ERR-4, HL7 table 0516."""

_FACILITY_FIELDS: Final = ("MSH-4", "MSH-22", "RXA-11", "PID-3")
_STATE_COLUMNS: Final = tuple(state.value.lower().replace("_", " ") for state in OUTCOME_STATES)


# ACK results ----------------------------------------------------------------------------------------------------------


def answers(data: SheetInput) -> Sheet:
    """Messages by state."""
    counts = totals(data.counts, "answers", 2)
    total = counts.total()
    rows = tuple(
        (state.value, counts[(state,)], percentage(counts[(state,)], total), MEANING[state]) for state in OUTCOME_STATES
    )
    return Sheet("What became of the messages", ("state", "messages", "percentage", "meaning"), rows, chart="bars")


def trend(data: SheetInput) -> Sheet:
    """Messages by day, with the percentage that failed."""
    counts = totals(data.counts, "answers", 1, 2)

    def row(day: date) -> tuple[Cell, ...]:
        by_state = {state: counts[day.isoformat(), state] for state in State}
        answered, failed = sum(by_state[state] for state in ANSWERED), sum(by_state[state] for state in FAILED)
        warned = by_state[State.ACCEPTED_WITH_WARNINGS]
        return day.isoformat(), answered, warned, failed, percentage(failed, answered), by_state[State.HELD]

    columns = ("day", "answered", "with warnings", "with errors", "errors", "held before sending")
    return Sheet("Day by day", columns, tuple(map(row, days_between(data.since, data.until))), chart="columns")


def causes(data: SheetInput) -> Sheet:
    """Messages by cause, with the fix and who can make it."""
    clinics: dict[str, set[str]] = {}
    for cause, clinic in totals(data.counts, "causes", 1, 0):
        clinics.setdefault(cause, set()).add(clinic)

    def row(cause: str, count: int) -> tuple[Cell, ...]:
        explained = explanation(cause) or UNEXPLAINED
        return cause, count, len(clinics[cause]), explained.words, explained.fix, explained.who

    rows = tuple(row(cause, count) for (cause,), count in most_frequent_first(totals(data.counts, "causes", 1)))
    columns = ("cause", "messages", "clinics", "in plain words", "how to fix it", "who")
    note = "Errors and warnings of CT WiZ, faults of delivery, and what vaxline held; a message may have several."
    return Sheet("By cause", columns, rows, note, "bars")


def errors(data: SheetInput) -> Sheet:
    """The most frequent ERR segments."""
    rows = tuple(
        (_SEVERITIES.get(severity, severity), code, path, count)
        for (severity, code, path), count in most_frequent_first(totals(data.counts, "errors", 1, 2, 3))[:MAX_ROWS]
    )
    return Sheet("ERR segments by severity", ("severity", "code", "field", "messages"), rows)


def by_clinic(data: SheetInput) -> Sheet:
    """Messages by clinic and state, with the refusal rate."""
    counts = totals(data.counts, "answers", 0, 2)

    def row(clinic: str) -> tuple[Cell, ...]:
        by_state = [counts[clinic, state] for state in OUTCOME_STATES]
        answered = sum(counts[clinic, state] for state in ANSWERED)
        return clinic_label(clinic), sum(by_state), *by_state, percentage(counts[clinic, State.REFUSED], answered)

    rows = tuple(row(clinic) for clinic in sorted({clinic for clinic, _ in counts}))
    return Sheet("By clinic", ("clinic", "messages", *_STATE_COLUMNS, "refusal rate"), rows)


# HL7 activity ---------------------------------------------------------------------------------------------------------


def daily(data: SheetInput) -> Sheet:
    """Messages and doses by day."""
    messages, doses = totals(data.counts, "answers", 1), totals(data.counts, "doses", 1)
    rows = tuple(
        (f"{day:%Y-%m-%d}", messages[(f"{day}",)], doses[(f"{day}",)], f"{day:%A}")
        for day in days_between(data.since, data.until)
    )
    return Sheet("Traffic by day", ("day", "messages", "doses", "weekday"), rows, chart="columns")


def hourly(data: SheetInput) -> Sheet:
    """Messages by the hour of their answer."""
    counts = totals(data.counts, "hours", 1)
    rows = tuple((f"{hour:02}:00", counts[(f"{hour:02}",)]) for hour in range(24))
    note = f"The hour of the answer, on the clock of {data.configuration.iis.time_zone}."
    return Sheet("Traffic by hour", ("hour", "messages"), rows, note, "columns")


def clinic_traffic(data: SheetInput) -> Sheet:
    """Messages, doses and active days by clinic, silent clinics included."""
    messages, doses = totals(data.counts, "answers", 0), totals(data.counts, "doses", 0)
    active_days = Counter(clinic for clinic, _ in totals(data.counts, "answers", 0, 1))
    clinics = sorted({*data.configuration.clinics, *(clinic for (clinic,) in messages)})
    rows = tuple((clinic_label(key), messages[(key,)], doses[(key,)], active_days[key]) for key in clinics)
    note = "If a configured clinic has no message, ask whether its feed still runs."
    return Sheet("Traffic by clinic", ("clinic", "messages", "doses", "days with messages"), rows, note, "bars")


def seconds(data: SheetInput) -> Sheet:
    """Messages by answer time."""
    counts = totals(data.counts, "seconds", 1)
    rows = tuple((band, counts[(band,)]) for band in SECONDS)
    return Sheet("Answer times of CT WiZ", ("answered in", "messages"), rows, chart="bars")


def attempts(data: SheetInput) -> Sheet:
    """Messages by number of attempts."""
    counts = totals(data.counts, "attempts", 1)
    rows = tuple((number, counts[(number,)]) for number in sorted((key for (key,) in counts), key=int))
    return Sheet("Attempts until the answer", ("attempts", "messages"), rows)


# facility codes -------------------------------------------------------------------------------------------------------


def configured(data: SheetInput) -> Sheet:
    """The codes in clinics.toml, with the messages sent under them."""
    used = totals(data.counts, "facilities", 0, 1)
    refused = totals(data.counts, "facilities", 0, 1, 2)
    rows = tuple(
        (
            clinic.key,
            clinic.name,
            clinic.facility,
            clinic.sending_facility,
            clinic.facility_id,
            used[clinic.key, clinic.facility],
            refused[clinic.key, clinic.facility, State.REFUSED],
        )
        for clinic in data.configuration.clinics.values()
    )
    columns = ("clinic", "name", "RXA-11.4", "MSH-4", "facilityID", "messages", "refused")
    return Sheet("Configured", columns, rows, "The codes in clinics.toml, and the messages sent under them.")


def used(data: SheetInput) -> Sheet:
    """The codes in messages, and whether clinics.toml still has them."""
    in_force = {
        code for clinic in data.configuration.clinics.values() for code in (clinic.facility, clinic.sending_facility)
    }
    rows = tuple(
        (code, clinic_label(clinic), count, "yes" if code in in_force else "not any more")
        for (code, clinic), count in most_frequent_first(totals(data.counts, "facilities", 1, 0))
    )
    return Sheet("Used", ("facility code", "clinic", "messages", "in clinics.toml"), rows)


def unknown(data: SheetInput) -> Sheet:
    """Causes that concern facility codes."""
    rows: list[tuple[Cell, ...]] = []
    for (cause, clinic), count in most_frequent_first(totals(data.counts, "causes", 1, 0)):
        field = cause.partition(" ")[2].partition(".")[0]
        if field in _FACILITY_FIELDS or cause in ("CLINIC-UNKNOWN", "SECURITY-FAULT") or "-AUTH-" in cause:
            explained = explanation(cause) or UNEXPLAINED
            rows.append((clinic_label(clinic), cause, count, explained.words, explained.fix))
    note = "Answers and findings about facility codes: unknown to CT WiZ, refused, or missing in clinics.toml."
    return Sheet("Unknown or refused", ("clinic", "cause", "messages", "in plain words", "fix"), tuple(rows), note)


# totals by message profile --------------------------------------------------------------------------------------------


def profiles(data: SheetInput) -> Sheet:
    """Messages by profile and state."""
    counts = totals(data.counts, "profiles", 1, 2)

    def row(profile: str) -> tuple[Cell, ...]:
        by_state = [counts[profile, state] for state in OUTCOME_STATES]
        return profile, sum(by_state), *by_state

    rows = tuple(row(profile) for profile in sorted({profile for profile, _ in counts}))
    columns = ("profile (MSH-21)", "messages", *_STATE_COLUMNS)
    return Sheet("Messages by profile", columns, rows, "Z22 is the VXU of CDC's National IG.")


def kinds_of_message(data: SheetInput) -> Sheet:
    """First reports and corrections."""
    counts = totals(data.counts, "kinds_of_message", 1)
    rows = (
        ("first reports of a record's version", counts[("first",)]),
        ("corrections that replace a message", counts[("correction",)]),
    )
    return Sheet("First reports and corrections", ("messages that are", "messages"), rows)


def kinds_of_dose(data: SheetInput) -> Sheet:
    """Doses by what they say happened."""
    counts = totals(data.counts, "doses", 2)
    rows = tuple((kind, counts[(kind,)], percentage(counts[(kind,)], counts.total())) for kind in KINDS)
    note = "From RXA-9 (NIP001), RXA-20 (table 0322) and RXA-21 (table 0323)."
    return Sheet("Doses by kind", ("kind", "doses", "percentage"), rows, note, "bars")
