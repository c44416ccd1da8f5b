"""The sheets about messages: answers of CT WiZ, traffic, facility codes, profiles."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Final

from shared.domain.lifecycle import MEANING, State
from shared.domain.outcome import ANSWERED, KINDS
from shared.domain.report import Cell, Sheet
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.reporting.sheets import FAILED, OUTCOMES, TOP, Asked, clinic_name, ranked, share
from shared.usecases.reporting.tally import SECONDS, by, days

_SEVERITIES: Final = {"E": "error", "W": "warning", "I": "information", "F": "fatal error", "": "none given"}
"""ERR-4, HL7 table 0516."""

_FACILITY_FIELDS: Final = ("MSH-4", "MSH-22", "RXA-11", "PID-3")


# ACK results ----------------------------------------------------------------------------------------------------------


def answers(asked: Asked) -> Sheet:
    counts = by(asked.counts, "answers", 2)
    total = counts.total()
    rows = tuple((state.value, counts[(state,)], share(counts[(state,)], total), MEANING[state]) for state in OUTCOMES)
    return Sheet("What became of the messages", ("state", "messages", "share", "meaning"), rows, chart="bars")


def trend(asked: Asked) -> Sheet:
    counts = by(asked.counts, "answers", 1, 2)

    def row(day: date) -> tuple[Cell, ...]:
        of = {state: counts[day.isoformat(), state] for state in State}
        answered, failed = sum(of[state] for state in ANSWERED), sum(of[state] for state in FAILED)
        warned = of[State.ACCEPTED_WITH_WARNINGS]
        return day.isoformat(), answered, warned, failed, share(failed, answered), of[State.HELD]

    columns = ("day", "answered", "with warnings", "with errors", "errors", "held before sending")
    return Sheet("Day by day", columns, tuple(map(row, days(asked.since, asked.until))), chart="columns")


def causes(asked: Asked) -> Sheet:
    clinics: dict[str, set[str]] = {}
    for cause, clinic in by(asked.counts, "causes", 1, 0):
        clinics.setdefault(cause, set()).add(clinic)

    def row(cause: str, count: int) -> tuple[Cell, ...]:
        known = explanation(cause) or UNEXPLAINED
        return cause, count, len(clinics[cause]), known.words, known.fix, known.who

    rows = tuple(row(cause, count) for (cause,), count in ranked(by(asked.counts, "causes", 1)))
    columns = ("cause", "messages", "clinics", "in plain words", "how to fix it", "who")
    note = "Errors and warnings of CT WiZ, faults of delivery, and what vaxline held; a message may have several."
    return Sheet("By cause", columns, rows, note, "bars")


def errors(asked: Asked) -> Sheet:
    rows = tuple(
        (_SEVERITIES.get(severity, severity), code, path, count)
        for (severity, code, path), count in ranked(by(asked.counts, "errors", 1, 2, 3))[:TOP]
    )
    return Sheet("ERR segments by severity", ("severity", "code", "field", "messages"), rows)


def by_clinic(asked: Asked) -> Sheet:
    counts = by(asked.counts, "answers", 0, 2)

    def row(clinic: str) -> tuple[Cell, ...]:
        of = [counts[clinic, state] for state in OUTCOMES]
        answered = sum(counts[clinic, state] for state in ANSWERED)
        return clinic_name(clinic), sum(of), *of, share(counts[clinic, State.REFUSED], answered)

    rows = tuple(row(clinic) for clinic in sorted({clinic for clinic, _ in counts}))
    columns = ("clinic", "messages", *(state.value.lower().replace("_", " ") for state in OUTCOMES), "refusal rate")
    return Sheet("By clinic", columns, rows)


# HL7 activity ---------------------------------------------------------------------------------------------------------


def daily(asked: Asked) -> Sheet:
    messages, doses = by(asked.counts, "answers", 1), by(asked.counts, "doses", 1)
    rows = tuple(
        (f"{day:%Y-%m-%d}", messages[(f"{day}",)], doses[(f"{day}",)], f"{day:%A}")
        for day in days(asked.since, asked.until)
    )
    return Sheet("Traffic by day", ("day", "messages", "doses", "weekday"), rows, chart="columns")


def hourly(asked: Asked) -> Sheet:
    counts = by(asked.counts, "hours", 1)
    rows = tuple((f"{hour:02}:00", counts[(f"{hour:02}",)]) for hour in range(24))
    return Sheet("Traffic by hour (UTC)", ("hour", "messages"), rows, "The hour in which it was answered.", "columns")


def clinic_traffic(asked: Asked) -> Sheet:
    messages, doses, active = (
        by(asked.counts, "answers", 0),
        by(asked.counts, "doses", 0),
        Counter(clinic for clinic, _ in by(asked.counts, "answers", 0, 1)),
    )
    clinics = sorted({*asked.configuration.clinics, *(clinic for (clinic,) in messages)})
    rows = tuple((clinic_name(one), messages[(one,)], doses[(one,)], active[one]) for one in clinics)
    note = "A configured clinic without a message is silent: ask whether its feed still runs."
    return Sheet("Traffic by clinic", ("clinic", "messages", "doses", "days with messages"), rows, note, "bars")


def seconds(asked: Asked) -> Sheet:
    counts = by(asked.counts, "seconds", 1)
    rows = tuple((band, counts[(band,)]) for band in SECONDS)
    return Sheet("Answer times of CT WiZ", ("answered in", "messages"), rows, chart="bars")


def attempts(asked: Asked) -> Sheet:
    counts = by(asked.counts, "attempts", 1)
    rows = tuple((number, counts[(number,)]) for number in sorted((key for (key,) in counts), key=int))
    return Sheet("Attempts until the answer", ("attempts", "messages"), rows)


# facility codes -------------------------------------------------------------------------------------------------------


def configured(asked: Asked) -> Sheet:
    used = by(asked.counts, "facilities", 0, 1)
    refused = by(asked.counts, "facilities", 0, 1, 2)
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
        for clinic in asked.configuration.clinics.values()
    )
    columns = ("clinic", "name", "RXA-11.4", "MSH-4", "facilityID", "messages", "refused")
    return Sheet("Configured", columns, rows, "The codes of clinics.toml, and how many messages went out under them.")


def used(asked: Asked) -> Sheet:
    known = {
        code for clinic in asked.configuration.clinics.values() for code in (clinic.facility, clinic.sending_facility)
    }
    rows = tuple(
        (code, clinic_name(clinic), count, "yes" if code in known else "not any more")
        for (code, clinic), count in ranked(by(asked.counts, "facilities", 1, 0))
    )
    return Sheet("Used", ("facility code", "clinic", "messages", "in clinics.toml"), rows)


def unknown(asked: Asked) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    for (cause, clinic), count in ranked(by(asked.counts, "causes", 1, 0)):
        field = cause.partition(" ")[2].partition(".")[0]
        if field in _FACILITY_FIELDS or cause in ("CLINIC-UNKNOWN", "SECURITY-FAULT") or "-AUTH-" in cause:
            known = explanation(cause) or UNEXPLAINED
            rows.append((clinic_name(clinic), cause, count, known.words, known.fix))
    note = "Answers and findings about facility codes: unknown to CT WiZ, refused, or missing in clinics.toml."
    return Sheet("Unknown or refused", ("clinic", "cause", "messages", "in plain words", "fix"), tuple(rows), note)


# totals by message profile --------------------------------------------------------------------------------------------


def profiles(asked: Asked) -> Sheet:
    counts = by(asked.counts, "profiles", 1, 2)

    def row(profile: str) -> tuple[Cell, ...]:
        of = [counts[profile, state] for state in OUTCOMES]
        return profile, sum(of), *of

    rows = tuple(row(profile) for profile in sorted({profile for profile, _ in counts}))
    columns = ("profile (MSH-21)", "messages", *(state.value.lower().replace("_", " ") for state in OUTCOMES))
    return Sheet("Messages by profile", columns, rows, "Z22 is the VXU of CDC's National IG.")


def kinds_of_message(asked: Asked) -> Sheet:
    counts = by(asked.counts, "kinds_of_message", 1)
    rows = (
        ("first reports of a record's version", counts[("first",)]),
        ("corrections that replace a message", counts[("correction",)]),
    )
    return Sheet("First reports and corrections", ("messages that are", "messages"), rows)


def kinds(asked: Asked) -> Sheet:
    counts = by(asked.counts, "doses", 2)
    rows = tuple((kind, counts[(kind,)], share(counts[(kind,)], counts.total())) for kind in KINDS)
    note = "RXA-9 (NIP001), RXA-20 (table 0322) and RXA-21 (table 0323) in one word."
    return Sheet("Doses by kind", ("kind", "doses", "share"), rows, note, "bars")
