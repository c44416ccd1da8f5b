"""The sheets about data: completeness, timeliness, vaccines, lots, eligibility, and what looks like a default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from shared.domain.codes import cdc, tables
from shared.domain.outcome import ADMINISTERED, AGES, DOSE_FIELDS, HISTORICAL, PATIENT_FIELDS
from shared.domain.report import Cell, Sheet
from shared.usecases.reporting.sheets import TOP, Asked, clinic_name, ranked, share
from shared.usecases.reporting.tally import DELAYS, Tally, by

# data quality ---------------------------------------------------------------------------------------------------------


def completeness(asked: Asked) -> Sheet:
    counts = by(asked.counts, "fields", 1, 2)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for field in (*PATIENT_FIELDS, *DOSE_FIELDS):
            present, absent = counts[field, "present"], counts[field, "absent"]
            yield field, present, absent, share(present, present + absent)

    note = "Patient fields per message, dose fields per dose that was administered here."
    return Sheet("Completeness by field", ("field", "present", "absent", "complete"), tuple(rows()), note)


def banded(title: str, measure: str, bands: Iterable[str], words: tuple[str, str]) -> Callable[[Asked], Sheet]:
    def make(asked: Asked) -> Sheet:
        counts = by(asked.counts, measure, 1)
        rows = tuple((band, counts[(band,)], share(counts[(band,)], counts.total())) for band in bands)
        return Sheet(title, (*words, "share"), rows, chart="bars")

    return make


def vaccines(asked: Asked) -> Sheet:
    counts = by(asked.counts, "vaccines", 1, 2)

    def row(code: str) -> tuple[Cell, ...]:
        known = cdc.cvx(code)
        of = [counts[code, kind] for kind in (ADMINISTERED, HISTORICAL)]
        everything = sum(count for (vaccine, _), count in counts.items() if vaccine == code)
        return code or "none", everything, *of, known.name if known else ""

    rows = sorted((row(code) for code in {code for code, _ in counts}), key=lambda cells: (-int(cells[1]), cells[0]))
    columns = ("vaccine (CVX)", "doses", ADMINISTERED, HISTORICAL, "name")
    return Sheet("Vaccines", columns, tuple(rows[:TOP]), chart="bars")


def lots(asked: Asked) -> Sheet:
    rows = tuple(
        (lot, vaccine, clinic_name(clinic), count)
        for (lot, vaccine, clinic), count in ranked(by(asked.counts, "lots", 1, 2, 0))[:TOP]
    )
    return Sheet("Lots administered here", ("lot", "vaccine (CVX)", "clinic", "doses"), rows, "The fifty commonest.")


_ELIGIBILITY: Final = {code: text for code, text, _ in tables.ELIGIBILITY.rows}


def eligibility(asked: Asked) -> Sheet:
    counts = by(asked.counts, "eligibility", 2, 1)

    def row(code: str) -> tuple[Cell, ...]:
        of = [counts[code, age] for age in (*AGES, "")]
        return code or "none", _ELIGIBILITY.get(code, ""), sum(of), *of

    rows = tuple(row(code) for code in sorted({code for code, _ in counts}))
    columns = ("eligibility", "meaning", "doses", *(f"{age} years" for age in AGES), "age not known")
    return Sheet("Eligibility by age", columns, rows, "Doses that were administered here.")


_ENOUGH: Final = 20
"""Below so many doses a pattern is chance."""


def suspicious(asked: Asked) -> Sheet:
    rows = tuple(row for make in SUSPICIONS for row in make(asked.counts))
    columns = ("clinic", "pattern", "evidence", "ask the clinic")
    return Sheet("Suspicious patterns", columns, rows, f"Patterns are looked for from {_ENOUGH} doses on.")


_Suspicion = Callable[[Tally], Iterator[tuple[Cell, ...]]]


def _one_lot(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    vaccines: dict[tuple[str, str], set[str]] = {}
    for clinic, lot, vaccine in by(counts, "lots", 0, 1, 2):
        vaccines.setdefault((clinic, lot), set()).add(vaccine)
    doses = by(counts, "lots", 0, 1)
    for (clinic, lot), of in sorted(vaccines.items()):
        if len(of) > 1 and doses[clinic, lot] >= _ENOUGH:
            words = f"lot {lot}: {doses[clinic, lot]} doses of {len(of)} vaccines"
            yield clinic_name(clinic), "one lot for several vaccines", words, "Is a lot number filled in by default?"


def _one_kind(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    kinds = by(counts, "doses", 0, 2)
    for clinic in sorted({clinic for clinic, _ in kinds}):
        here, history = kinds[clinic, ADMINISTERED], kinds[clinic, HISTORICAL]
        if history >= _ENOUGH and not here:
            ask = "Does it mark doses that it gave itself as administered (RXA-9 00)?"
            yield clinic_name(clinic), "nothing administered here", f"{history} historical doses", ask


def _one_eligibility(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    doses = by(counts, "eligibility", 0, 1, 2)
    for clinic in sorted({clinic for clinic, _, _ in doses}):
        mine = {(age, code): count for (of, age, code), count in doses.items() if of == clinic and code}
        ages, known = {age for age, _ in mine if age}, {code for _, code in mine}
        if sum(mine.values()) >= _ENOUGH and len(known) == 1 and len(ages) > 2:
            words = f"{min(known)} for {sum(mine.values())} doses of {len(ages)} age bands"
            yield (
                clinic_name(clinic),
                "one eligibility for everybody",
                words,
                "Is the eligibility a default of the EHR?",
            )


def _vfc_of_adults(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    adults: Counter[str] = Counter()
    for (clinic, age, code), count in by(counts, "eligibility", 0, 1, 2).items():
        if age in AGES[3:] and code in tables.VFC_ELIGIBLE:
            adults[clinic] += count
    for clinic, count in sorted(adults.items()):
        ask = "VFC ends at the 19th birthday: which eligibility holds?"
        yield clinic_name(clinic), "VFC eligibility of adults", f"{count} doses", ask


def _late(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    doses = by(counts, "delays", 0, 1)
    for clinic in sorted({clinic for clinic, _ in doses}):
        whole = sum(doses[clinic, band] for band in DELAYS)
        late = doses[clinic, DELAYS[4]]
        if whole >= _ENOUGH and late * 2 > whole:
            words = f"{late} of {whole} doses after more than 30 days"
            yield (
                clinic_name(clinic),
                "most doses reported late",
                words,
                "Does the feed run daily, or is this a backfill?",
            )


SUSPICIONS: Final[tuple[_Suspicion, ...]] = (_one_lot, _one_kind, _one_eligibility, _vfc_of_adults, _late)
