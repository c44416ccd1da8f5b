"""An EHR that goes on living: new visits, corrections, deletions, spoiled rows; and what it exports of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Final

REFUSED_LOT: Final = "REFUSE"
"""The registry of these tests drops an order with such a lot."""

_COLUMNS: Final = (
    "patient_id", "dose_id", "last_name", "first_name", "birth_date", "sex", "dose_date", "clinic", "information_source",
    "action", "cvx", "ndc", "mvx", "lot", "expiry", "amount", "units", "route", "site", "eligibility", "funding_source",
)  # fmt: skip
Row = dict[str, str]
_SHOTS: Final = (
    ("03", "00006-4681-00", "MSD", "C38299"),
    ("21", "00006-4827-00", "MSD", "C38299"),
    ("10", "49281-0860-10", "PMC", "C28161"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the newest export said of a dose: lot and action, and what any said of it before.

    It is not clear where two exports of one second disagree, or where it went back to what it was: an export in between
    that is taken up late looks newer than the one that said nothing new (docs/architecture.md, "Known limits").
    """

    second: datetime
    said: tuple[str, str]
    ever: frozenset[tuple[str, str]]
    is_clear: bool = True


@dataclass(slots=True)
class Ehr:
    """One source's patients and doses; `clinics` are the names that it exports."""

    source: str
    clinics: tuple[str, ...]
    random: Random
    rows: dict[str, Row] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    told: dict[str, Told] = field(default_factory=dict)
    _patients: int = 0
    _doses: int = 0

    def live(self, visits: int) -> None:
        """Some time passes: so many new visits, and something is corrected or deleted."""
        random = self.random
        for _ in range(visits):
            self._visit()
        for dose in random.sample(sorted(self.rows), min(len(self.rows), random.randint(0, max(1, visits // 6)))):
            self._change(dose)

    def export(self, now: datetime) -> tuple[bytes, int]:
        """A file and its number of data rows: everything, or what changed since; a row may stand there twice."""
        random = self.random
        whole = random.random() < 0.5
        # A visit comes with all its doses: where exports bring parts of one, order has a known limit.
        visits = {_visit_of(self.rows[dose]) for dose in self.changed}
        names = [dose for dose, row in self.rows.items() if whole or _visit_of(row) in visits]
        if names and random.random() < 0.2:
            names.append(random.choice(names))
        if random.random() < 0.3:
            random.shuffle(names)
        if random.random() < 0.8:
            # A row that stays out of an export comes with a later one.
            self.changed.clear()
        for name in names:
            self._tell(name, now.replace(microsecond=0))
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows[name] for name in names)
        return text.getvalue().encode(), len(names)

    def _tell(self, name: str, second: datetime) -> None:
        said = (self.rows[name]["lot"], self.rows[name]["action"])
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
            self._doses += 1
            name = f"{self.source[:3].upper()}D{self._doses}"
            self.rows[name] = {
                "patient_id": f"{self.source[:3].upper()}{number}",
                "dose_id": name,
                "last_name": f"Sampleton{number}",
                "first_name": "Ada",
                "birth_date": f"20{number % 9 + 16}-{number % 12 + 1:02}-{number % 28 + 1:02}",
                "sex": "F",
                "dose_date": day,
                "clinic": clinic,
                "information_source": "00",
                "action": "A",
                "cvx": cvx,
                "ndc": ndc,
                "mvx": mvx,
                "lot": random.choice(("", "", REFUSED_LOT, REFUSED_LOT, *[f"LOT{self._doses}"] * 40)),
                "expiry": "2027-06-30",
                "amount": "0.5",
                "units": "mL",
                "route": route,
                "site": "LT",
                "eligibility": "V02",
                "funding_source": "VXC50",
            }
            self.changed.add(name)

    def _change(self, dose: str) -> None:
        row = self.rows[dose]
        kind = self.random.random()
        if kind < 0.6:
            row["lot"] = f"FIX{self.random.randint(1, 10**6)}"
        elif kind < 0.8:
            row["action"] = "A" if row["action"] == "D" else "D"
        elif kind < 0.9:
            row["lot"] = "" if self.random.random() < 0.5 else REFUSED_LOT
        else:
            for other in self.rows.values():
                if other["patient_id"] == row["patient_id"]:
                    other["sex"] = "M" if row["sex"] == "F" else "F"
                    self.changed.add(other["dose_id"])
            return
        self.changed.add(dose)


def _visit_of(row: Row) -> tuple[str, str, str]:
    return (row["patient_id"], row["clinic"], row["dose_date"])
