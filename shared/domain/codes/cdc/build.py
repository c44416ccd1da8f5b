"""Builds code tables from the records of CDC's files.

The codes, dates and states of a record were checked by the reader of its file; here records are compared with each
other. A problem stops the update. A note is about a flaw in CDC's data that does no harm.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.codes.cdc.compact import FORMS, Table
from shared.domain.codes.cdc.rows import Kind, Status


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its number from 1, and its fields by vaxline's names."""

    number: int
    values: Mapping[str, str]

    def __getitem__(self, field: str) -> str:
        return self.values.get(field, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong: the file as the caller named it, the number of the record (0: the whole file), the field."""

    file: str
    row: int
    field: str
    words: str

    def __str__(self) -> str:
        places = (self.file, f"row {self.row}" if self.row else "", f"field {self.field}" if self.field else "")
        return f"{', '.join(filter(None, places))}: {self.words}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The records of one of CDC's files."""

    file: str
    records: tuple[Record, ...]

    def note(self, record: Record, field: str, words: str) -> Problem:
        """Return a problem of one of its records."""
        return Problem(self.file, record.number, field, words)


@dataclass(frozen=True, slots=True)
class Built:
    """One table, with the problems and notes of its making. A table with problems must not be used."""

    table: Table
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


Sheets = Mapping[str, Sheet]
Dates = Mapping[str, str]
Rows = dict[tuple[str, ...], tuple[str, ...]]

_NAME_LENGTH: Final = 60
_ABBREVIATED: Final = (
    ("preservative free", "PF"),
    ("SARS-COV-2 COVID-19", "COVID-19"),
    ("Non-US Vaccine Product", "Non-US"),
    ("Non-US Vaccine", "Non-US"),
)
_KEY_WIDTH: Final = max(form.key for form in FORMS.values())
_KINDS: Final = (
    (Kind.ANTIBODY, re.compile(r"immune globulin|antitoxin|monoclonal|\bm?ab\b|rho\(d\)", re.IGNORECASE)),
    (Kind.SKIN_TEST, re.compile(r"skin test", re.IGNORECASE)),
    (Kind.OTHER, re.compile(r"adjuvant$", re.IGNORECASE)),
)
_SPECIAL: Final = frozenset({"998", "999", "99"})
_UNSPECIFIED: Final = re.compile(r"unspecified|unknown formulation", re.IGNORECASE)


def short_name(description: str) -> str:
    """Shorten a description to at most 60 characters: by CDC's own abbreviations, then by leaving out phrases."""
    text = " ".join(description.split())
    if len(text) <= _NAME_LENGTH:
        return text
    for long, short in _ABBREVIATED:
        text = text.replace(long, short)
    if len(text) <= _NAME_LENGTH:
        return text
    head = text[: _NAME_LENGTH + 1]
    # Whole phrases are left out, so that "preservative free" does not lose its second word.
    phrase = max(head.rfind(", "), head.rfind(" ("))
    return text[:phrase] if phrase > _NAME_LENGTH // 3 else head.rpartition(" ")[0]


def _kind(record: Record) -> Kind:
    if record["code"] in _SPECIAL:
        return Kind.SPECIAL
    words = f"{record['name']} {record['full_name']}"
    kind = next((kind for kind, pattern in _KINDS if pattern.search(words)), Kind.VACCINE)
    return Kind.OTHER if kind is Kind.VACCINE and record["not_a_vaccine"] == "1" else kind


def _cvx(sheets: Sheets, _: Dates) -> Built:
    alike = Counter(short_name(record["name"]) for record in sheets["cvx"].records)

    def row(record: Record) -> tuple[str, ...]:
        # An active code is used for doses, so it is no "unspecified formulation", whatever its description says.
        words = f"{record['name']} {record['full_name']}"
        loose = record["status"] != Status.ACTIVE and _UNSPECIFIED.search(words) is not None
        name = short_name(record["name"])
        return (
            record["code"],
            name if alike[name] == 1 else record["name"],
            record["status"],
            _kind(record),
            "1" if loose else "0",
            record["updated"],
        )

    return _one_to_one("cvx", sheets["cvx"], row)


def _mvx(sheets: Sheets, _: Dates) -> Built:
    return _one_to_one(
        "mvx",
        sheets["mvx"],
        lambda record: (record["code"], record["name"], record["status"], record["updated"]),
    )


def _products(sheets: Sheets, _: Dates) -> Built:
    rows: Rows = {}
    for record in sheets["tradename"].records:
        active = "1" if record["status"] == Status.ACTIVE else "0"
        row = (record["cvx"], record["mvx"], record["name"], active, record["updated"])
        # CDC repeats the name of a product that came back; the latest row counts.
        rows[row[:3]] = max(rows.get(row[:3], row), row, key=lambda entry: (entry[4], entry[3]))
    return Built(_table("products", rows, (record["updated"] for record in sheets["tradename"].records)))


def _groups(sheets: Sheets, dates: Dates) -> Built:
    rows: Rows = {
        (record["cvx"], record["group"]): (record["cvx"], record["group"], record["name"])
        for record in sheets["groups"].records
    }
    return Built(_table("groups", rows, [dates.get("cvx", "")]))


def _ndc(sheets: Sheets, _: Dates) -> Built:
    use, sale, linker = sheets["ndc-use"], sheets["ndc-sale"], sheets["ndc-linker"]
    code_of = {
        "use": {record["id"]: record["ndc"] for record in use.records},
        "sale": {record["id"]: record["ndc"] for record in sale.records},
    }
    makers: dict[str, list[str]] = {}
    inner: dict[str, list[str]] = {}
    notes: list[Problem] = []
    for record in linker.records:
        outer_code, inner_code = code_of["sale"].get(record["sale"], ""), code_of["use"].get(record["use"], "")
        for side, code in (("sale", outer_code), ("use", inner_code)):
            if code:
                makers.setdefault(code, []).append(record["mvx"])
            else:
                notes.append(linker.note(record, side, f"no unit of {side} has the id {record[side]}"))
        if outer_code and inner_code and outer_code != inner_code:
            inner.setdefault(outer_code, []).append(inner_code)
    packages: dict[str, list[tuple[str, Record]]] = {}
    for unit, sheet in (("use", use), ("sale", sale)):
        for record in sheet.records:
            packages.setdefault(record["ndc"], []).append((unit, record))
    rows: Rows = {}
    for code, entries in packages.items():
        ends = [record["end"] for _, record in entries]
        rows[code,] = (
            code,
            _joined(record["cvx"] for _, record in entries),
            _joined(makers.get(code, ())),
            "+".join(sorted({unit for unit, _ in entries}, reverse=True)),
            min((record["start"] for _, record in entries if record["start"]), default=""),
            max(ends) if all(ends) else "",
            min(record["name"] for _, record in entries),
            _joined(inner.get(code, ())),
        )
    updated = (record["updated"] for sheet in (use, sale) for record in sheet.records)
    return Built(_table("ndc", rows, updated), notes=tuple(notes))


def _vis(sheets: Sheets, _: Dates) -> Built:
    statements, by_cvx = sheets["vis"], sheets["cvx-vis"]
    by_document = {record["document"]: record for record in statements.records}
    vaccines: dict[str, list[str]] = {document: [] for document in by_document}
    problems: list[Problem] = []
    for record in by_cvx.records:
        if record["document"] in by_document:
            vaccines[record["document"]].append(record["cvx"])
        else:
            problems.append(by_cvx.note(record, "document", f"{record['document']} is not in {statements.file}"))
    rows: Rows = {
        (document,): (
            document,
            record["edition"],
            "1" if record["status"] == "Current" else "0",
            record["updated"],
            record["name"],
            _joined(vaccines[document]),
        )
        for document, record in by_document.items()
    }
    updated = (record["updated"] for record in statements.records)
    return Built(_table("vis", rows, updated), tuple(problems))


def _vis_url(sheets: Sheets, dates: Dates) -> Built:
    rows: Rows = {
        (record["document_type"],): (record["document_type"], record["html"], record["pdf"])
        for record in sheets["vis-url"].records
    }
    return Built(_table("vis_url", rows, [dates.get("vis", "")]))


def _cpt(sheets: Sheets, _: Dates) -> Built:
    vaccines: dict[str, list[str]] = {}
    for record in sheets["cpt"].records:
        if record["cvx"]:
            vaccines.setdefault(record["code"], []).append(record["cvx"])
    rows: Rows = {(code,): (code, _joined(codes)) for code, codes in vaccines.items()}
    return Built(_table("cpt", rows, (record["updated"] for record in sheets["cpt"].records)))


@dataclass(frozen=True, slots=True)
class Recipe:
    """The builder of a table, and CDC's files that it needs, by the names of the command's options."""

    inputs: tuple[str, ...]
    build: Callable[[Sheets, Dates], Built]


# In the order of building: groups and addresses have no dates, so they take the date of the table they belong to.
RECIPES: Final[dict[str, Recipe]] = {
    "cvx": Recipe(("cvx",), _cvx),
    "mvx": Recipe(("mvx",), _mvx),
    "products": Recipe(("tradename",), _products),
    "ndc": Recipe(("ndc-use", "ndc-sale", "ndc-linker"), _ndc),
    "groups": Recipe(("groups",), _groups),
    "vis": Recipe(("vis", "cvx-vis"), _vis),
    "vis_url": Recipe(("vis-url",), _vis_url),
    "cpt": Recipe(("cpt",), _cpt),
}


def _one_to_one(name: str, sheet: Sheet, row: Callable[[Record], tuple[str, ...]]) -> Built:
    """A table with one row per record. A code that occurs twice with different content is a problem."""
    rows: Rows = {}
    problems: list[Problem] = []
    for record in sheet.records:
        made = row(record)
        if rows.setdefault(made[:1], made) != made:
            problems.append(sheet.note(record, "code", f"{made[0]} is in the file twice, with different content"))
    return Built(_table(name, rows, (record["updated"] for record in sheet.records)), tuple(problems))


def _table(name: str, rows: Rows, dates: Iterable[str]) -> Table:
    return Table(name, max(dates, default=""), tuple(sorted(rows.values(), key=_natural)))


def _natural(row: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Sorts codes by number: 9, 10, 100."""
    return tuple((len(cell), cell) if cell.isdigit() else (0, cell) for cell in row[:_KEY_WIDTH])


def _joined(codes: Iterable[str]) -> str:
    return " ".join(sorted(set(filter(None, codes)), key=lambda code: (len(code), code)))
