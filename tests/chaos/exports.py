"""An EHR that goes on living: visits, corrections, moves, merges, deletions, spoiled rows; and what it exports."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Final, NamedTuple

REFUSED_LOT: Final = "REFUSE"
"""The registry of these tests drops an order with such a lot."""

_PERSON: Final = ("patient_id", "last_name", "first_name", "birth_date", "sex")
_COLUMNS: Final = (
    *_PERSON, "dose_id", "dose_date", "clinic", "information_source", "action", "cvx", "ndc", "mvx", "lot", "expiry",
    "amount", "units", "route", "site", "eligibility", "funding_source",
)  # fmt: skip
Row = dict[str, str]
_SHOTS: Final = (
    ("03", "00006-4681-00", "MSD", "C38299"),
    ("21", "00006-4827-00", "MSD", "C38299"),
    ("10", "49281-0860-10", "PMC", "C28161"),
)
SPELLINGS: Final = {"elm": ("elm", "Elm Street"), "oak": ("oak", "OAK CLINIC")}
"""How exports spell a clinic; the second spelling may be missing in clinics.toml for a while."""


class Said(NamedTuple):
    """The content of a row that a move or a correction changes."""

    patient_id: str
    clinic: str
    day: str
    lot: str
    action: str


@dataclass(frozen=True, slots=True)
class Told:
    """The content of a dose in the newest export, and in the exports before it.

    It is not clear where two exports of one second disagree, or where it went back to what it was: an export in between
    that is taken up late looks newer than the one that said nothing new (ADR 0021, "Limits").
    """

    second: datetime
    said: Said
    ever: frozenset[Said]
    is_clear: bool = True


@dataclass(slots=True)
class Ehr:
    """One EHR's patients and doses. `sources` are the feeds that it exports to, `clinics` the clinics that use it.

    The numbers of two EHRs are the same; `prefix` keeps them apart at the IIS.
    """

    sources: tuple[str, ...]
    clinics: tuple[str, ...]
    random: Random
    prefix: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    told: dict[str, Told] = field(default_factory=dict)
    before: dict[str, Row] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    _patients: int = 0

    @property
    def space(self) -> str:
        """The number space of its sources (`clinics.number_space`)."""
        return self.sources[0]

    def live(self, visits: int) -> None:
        """Some time passes: so many new visits, and some doses or patients change."""
        random = self.random
        for _ in range(visits):
            self._visit()
        for dose in random.sample(sorted(self.rows), min(len(self.rows), random.randint(0, 4 + visits // 3))):
            self._change(dose)

    def export(self, now: datetime) -> tuple[bytes, int]:
        """A file and its number of data rows: everything, what changed since, or the visits of what changed.

        A row may stand there twice. The file says that it was made `now`.
        """
        random = self.random
        kind = random.choice(("whole", "whole", "visits", "doses"))
        visits = {_visit_of(self.rows[dose]) for dose in self.changed}
        names = [
            dose
            for dose, row in self.rows.items()
            if kind == "whole" or dose in self.changed or (kind == "visits" and _visit_of(row) in visits)
        ]
        if names and random.random() < 0.2:
            names.append(random.choice(names))
        if random.random() < 0.3:
            random.shuffle(names)
        if random.random() < 0.8:
            # A row that stays out of an export comes with a later one.
            self.changed.clear()
        for name in names:
            self._tell(name, now.replace(microsecond=0))
        spelled = {clinic: random.choice((0, 0, 1)) for clinic in self.clinics}
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(self._exported(name, spelled) for name in names)
        return text.getvalue().encode(), len(names)

    def _exported(self, name: str, spelled: dict[str, int]) -> Row:
        row = self.rows[name]
        if name in self.bare and row["action"] == "D":
            return {"dose_id": name, "action": "D"}
        return row | {"clinic": SPELLINGS[row["clinic"]][spelled[row["clinic"]]]}

    def _tell(self, name: str, second: datetime) -> None:
        row = self.rows[name]
        said = Said(*(row[column] for column in ("patient_id", "clinic", "dose_date", "lot", "action")))
        before = self.told.get(name)
        if before is None:
            self.told[name] = Told(second, said, frozenset({said}))
        elif before.said == said:
            self.told[name] = replace(before, second=second)
        else:
            is_clear = before.second != second and said not in before.ever
            self.told[name] = Told(second, said, before.ever | {said}, is_clear=is_clear)

    def _visit(self) -> None:
        random = self.random
        if self._patients == 0 or random.random() < 0.7:
            self._patients += 1
        number = random.randint(max(1, self._patients - 5), self._patients)
        day = f"2026-02-{random.randint(1, 28):02}"
        clinic = random.choice(self.clinics)
        for cvx, ndc, mvx, route in random.sample(_SHOTS, random.choice((1, 1, 2))):
            name = f"D{len(self.rows) + 1}"
            self.rows[name] = self._person(number) | {
                "dose_id": name,
                "dose_date": day,
                "clinic": clinic,
                "information_source": "00",
                "action": "A",
                "cvx": cvx,
                "ndc": ndc,
                "mvx": mvx,
                "lot": random.choice(("", "", REFUSED_LOT, REFUSED_LOT, *[f"LOT{len(self.rows)}"] * 40)),
                "expiry": "2027-06-30",
                "amount": "0.5",
                "units": "mL",
                "route": route,
                "site": "LT",
                "eligibility": "V02",
                "funding_source": "VXC50",
            }
            self.changed.add(name)

    def _person(self, number: int) -> Row:
        """The patient of a number as the EHR has it. Two numbers in a row may be one person, registered twice."""
        known = next((row for row in self.rows.values() if row["patient_id"] == f"P{number}"), None)
        if known is not None:
            return {column: known[column] for column in _PERSON}
        one = number - number % 2 if number % 3 == 0 else number
        return {
            "patient_id": f"P{number}",
            "last_name": f"Sampleton{one}",
            "first_name": "Adaline",
            "birth_date": f"20{one % 9 + 16}-{one % 12 + 1:02}-{one % 28 + 1:02}",
            "sex": "F",
        }

    # what changes ----------------------------------------------------------------------------------------------------

    def _change(self, dose: str) -> None:
        row = self.rows[dose]
        change = self.random.choice(
            (self._new_lot,) * 4
            + (self._delete_or_restore,) * 3
            + (self._spoil, self._change_sex, self._respell, self._merge)
            + (self._move_day, self._move_clinic, self._move_patient, self._move_back)
        )
        change(row)
        self.changed.add(dose)

    def _new_lot(self, row: Row) -> None:
        row["lot"] = f"FIX{self.random.randint(1, 10**6)}"

    def _spoil(self, row: Row) -> None:
        row["lot"] = "" if self.random.random() < 0.5 else REFUSED_LOT

    def _delete_or_restore(self, row: Row) -> None:
        row["action"] = "A" if row["action"] == "D" else "D"
        if self.random.random() < 0.5:
            self.bare.add(row["dose_id"])

    def _change_sex(self, row: Row) -> None:
        self._set(row["patient_id"], sex="M" if row["sex"] == "F" else "F")

    def _respell(self, row: Row) -> None:
        self._set(row["patient_id"], first_name="Adeline" if row["first_name"] == "Adaline" else "Adaline")

    def _merge(self, row: Row) -> None:
        """All doses of a record number go to another record number, of whoever that is."""
        other = self.rows[self.random.choice(sorted(self.rows))]
        for one in [one for one in self.rows.values() if one["patient_id"] == row["patient_id"]]:
            self._move(one, **{column: other[column] for column in _PERSON})

    def _move_day(self, row: Row) -> None:
        self._move(row, dose_date=f"2026-02-{self.random.randint(1, 28):02}")

    def _move_clinic(self, row: Row) -> None:
        self._move(row, clinic=self.random.choice(self.clinics))

    def _move_patient(self, row: Row) -> None:
        other = self.rows[self.random.choice(sorted(self.rows))]
        self._move(row, **{column: other[column] for column in _PERSON})

    def _move_back(self, row: Row) -> None:
        before = self.before.get(row["dose_id"])
        if before is not None:
            number = int(before["patient_id"][1:])
            self._move(row, clinic=before["clinic"], dose_date=before["dose_date"], **self._person(number))

    def _move(self, row: Row, **values: str) -> None:
        self.before[row["dose_id"]] = dict(row)
        row.update(values)
        self.changed.add(row["dose_id"])

    def _set(self, patient: str, **values: str) -> None:
        for row in self.rows.values():
            if row["patient_id"] == patient:
                row.update(values)
                self.changed.add(row["dose_id"])


def _visit_of(row: Row) -> tuple[str, str, str]:
    return (row["patient_id"], row["clinic"], row["dose_date"])
