"""The sheets about data quality: completeness, timeliness, vaccines, lots, eligibility, and suspicious patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from shared.domain.codes import cdc, tables
from shared.domain.outcome import ADMINISTERED, ADULT_AGES, AGES, DOSE_FIELDS, HISTORICAL, PATIENT_FIELDS
from shared.domain.report import Cell, Sheet, percentage
from shared.usecases.reporting.sheets import MAX_ROWS, SheetInput, clinic_label, most_frequent_first
from shared.usecases.reporting.tally import DELAYS, LATE_DELAY, Tally, totals

_ELIGIBILITY: Final = {code: text for code, text, _ in tables.ELIGIBILITY.rows}


def completeness(data: SheetInput) -> Sheet:
    """How often each field is present."""
    counts = totals(data.counts, "fields", 1, 2)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for field in (*PATIENT_FIELDS, *DOSE_FIELDS):
            present, absent = counts[field, "present"], counts[field, "absent"]
            yield field, present, absent, percentage(present, present + absent)

    note = "Patient fields per message, dose fields per dose that was administered here."
    return Sheet("Completeness by field", ("field", "present", "absent", "complete"), tuple(rows()), note)


def banded(title: str, measure: str, bands: Iterable[str], columns: tuple[str, str]) -> Callable[[SheetInput], Sheet]:
    """Return a function that makes a sheet with one row per band of a measure.

    Args:
        title: the sheet's title.
        measure: key of `tally.MEASURES`.
        bands: the bands, in their order.
        columns: the heads of the columns for band and count.
    """

    def make(data: SheetInput) -> Sheet:
        counts = totals(data.counts, measure, 1)
        rows = tuple((band, counts[(band,)], percentage(counts[(band,)], counts.total())) for band in bands)
        return Sheet(title, (*columns, "percentage"), rows, chart="bars")

    return make


def vaccines(data: SheetInput) -> Sheet:
    """Doses by vaccine."""
    counts = totals(data.counts, "vaccines", 1, 2)

    def row(code: str) -> tuple[Cell, ...]:
        vaccine = cdc.cvx(code)
        by_kind = [counts[code, kind] for kind in (ADMINISTERED, HISTORICAL)]
        all_kinds = sum(count for (counted, _), count in counts.items() if counted == code)
        return code or "none", all_kinds, *by_kind, vaccine.name if vaccine else ""

    rows = sorted((row(code) for code in {code for code, _ in counts}), key=lambda cells: (-int(cells[1]), cells[0]))
    columns = ("vaccine (CVX)", "doses", ADMINISTERED, HISTORICAL, "name")
    return Sheet("Vaccines", columns, tuple(rows[:MAX_ROWS]), chart="bars")


def lots(data: SheetInput) -> Sheet:
    """The most frequent lots."""
    rows = tuple(
        (lot, vaccine, clinic_label(clinic), count)
        for (lot, vaccine, clinic), count in most_frequent_first(totals(data.counts, "lots", 1, 2, 0))[:MAX_ROWS]
    )
    columns = ("lot", "vaccine (CVX)", "clinic", "doses")
    return Sheet("Lots administered here", columns, rows, f"The {MAX_ROWS} most frequent.")


def eligibility(data: SheetInput) -> Sheet:
    """Doses by eligibility and age."""
    counts = totals(data.counts, "eligibility", 2, 1)

    def row(code: str) -> tuple[Cell, ...]:
        by_age = [counts[code, age] for age in (*AGES, "")]
        return code or "none", _ELIGIBILITY.get(code, ""), sum(by_age), *by_age

    rows = tuple(row(code) for code in sorted({code for code, _ in counts}))
    columns = ("eligibility", "meaning", "doses", *(f"{age} years" for age in AGES), "age not known")
    return Sheet("Eligibility by age", columns, rows, "Doses that were administered here.")


# suspicious patterns --------------------------------------------------------------------------------------------------

_MIN_DOSES: Final = 20
"""With fewer doses a pattern may be chance."""


def suspicious(data: SheetInput) -> Sheet:
    """Patterns that look like a default or a wrong setting of the EHR."""
    rows = tuple(row for find in SUSPICIONS for row in find(data.counts))
    columns = ("clinic", "pattern", "evidence", "ask the clinic")
    return Sheet("Suspicious patterns", columns, rows, f"A pattern needs at least {_MIN_DOSES} doses.")


def _one_lot_for_several_vaccines(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    vaccines_of: dict[tuple[str, str], set[str]] = {}
    for clinic, lot, vaccine in totals(counts, "lots", 0, 1, 2):
        vaccines_of.setdefault((clinic, lot), set()).add(vaccine)
    doses = totals(counts, "lots", 0, 1)
    for (clinic, lot), codes in sorted(vaccines_of.items()):
        if len(codes) > 1 and doses[clinic, lot] >= _MIN_DOSES:
            evidence = f"lot {lot}: {doses[clinic, lot]} doses of {len(codes)} vaccines"
            ask = "Is a lot number filled in by default?"
            yield clinic_label(clinic), "one lot for several vaccines", evidence, ask


def _nothing_administered(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    kinds = totals(counts, "doses", 0, 2)
    for clinic in sorted({clinic for clinic, _ in kinds}):
        administered, historical = kinds[clinic, ADMINISTERED], kinds[clinic, HISTORICAL]
        if historical >= _MIN_DOSES and not administered:
            ask = "Does it mark doses that it gave itself as administered (RXA-9 00)?"
            yield clinic_label(clinic), "nothing administered here", f"{historical} historical doses", ask


def _one_eligibility_for_all_ages(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    doses = totals(counts, "eligibility", 0, 1, 2)
    for clinic in sorted({clinic for clinic, _, _ in doses}):
        own = {(age, code): count for (of, age, code), count in doses.items() if of == clinic and code}
        ages, codes = {age for age, _ in own if age}, {code for _, code in own}
        if sum(own.values()) >= _MIN_DOSES and len(codes) == 1 and len(ages) > 2:
            evidence = f"{min(codes)} for {sum(own.values())} doses of {len(ages)} age bands"
            ask = "Is the eligibility a default of the EHR?"
            yield clinic_label(clinic), "one eligibility for everybody", evidence, ask


def _vfc_of_adults(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    adults: Counter[str] = Counter()
    for (clinic, age, code), count in totals(counts, "eligibility", 0, 1, 2).items():
        if age in ADULT_AGES and code in tables.VFC_ELIGIBLE:
            adults[clinic] += count
    for clinic, count in sorted(adults.items()):
        ask = "VFC ends at the 19th birthday: which eligibility holds?"
        yield clinic_label(clinic), "VFC eligibility of adults", f"{count} doses", ask


def _mostly_late(counts: Tally) -> Iterator[tuple[Cell, ...]]:
    doses = totals(counts, "delays", 0, 1)
    for clinic in sorted({clinic for clinic, _ in doses}):
        all_doses = sum(doses[clinic, band] for band in DELAYS)
        late = doses[clinic, LATE_DELAY]
        if all_doses >= _MIN_DOSES and late * 2 > all_doses:
            evidence = f"{late} of {all_doses} doses after more than 30 days"
            ask = "Does the feed run daily, or is this a backfill?"
            yield clinic_label(clinic), "most doses reported late", evidence, ask


_Suspicion = Callable[[Tally], Iterator[tuple[Cell, ...]]]
SUSPICIONS: Final[tuple[_Suspicion, ...]] = (
    _one_lot_for_several_vaccines,
    _nothing_administered,
    _one_eligibility_for_all_ages,
    _vfc_of_adults,
    _mostly_late,
)
"""Each yields the rows of `suspicious` for the clinics that show its pattern."""
