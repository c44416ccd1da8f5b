"""One CSV row to a patient and a dose, by the layout's table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.domain.codes import local, tables
from shared.domain.model import (
    NO_CODE,
    Action,
    Address,
    Code,
    Completion,
    Dose,
    Finding,
    Name,
    NextOfKin,
    Patient,
    Provider,
    Telecom,
    Vis,
)
from shared.exports import values
from shared.exports.columns import FROM_PATIENT, Column, ColumnKind
from shared.exports.csv.header import Header
from shared.exports.parsers import SEPARATOR, Parser, parser
from shared.exports.values import Dates
from shared.exports.visits import information_source
from shared.replaced import replace

_CACHE: Final = 20_000
_ML: Final = tables.UNITS.by_spelling["mL"]


@dataclass(slots=True)
class _Field:
    """A column at its place in this file, with its parser; `parse` None takes the text as it is."""

    column: Column
    index: int
    default: str
    own_name: str
    parse: Parser | None
    known: dict[str, str | tuple[Code, ...] | None] = field(default_factory=dict)


@dataclass(slots=True)
class Cells:
    """The values of one row by column name: texts, and codes (one, or several where the column repeats)."""

    texts: dict[str, str] = field(default_factory=dict)
    codes: dict[str, tuple[Code, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def code(self, name: str) -> Code:
        found = self.codes.get(name)
        return found[0] if found else NO_CODE


class RowReader:
    """Reads the rows of one file. Rows of one patient come one after the other, so the last patient is kept."""

    def __init__(self, header: Header, dates: Dates, part: str) -> None:
        self._part = part
        fields = [
            _Field(column, index, default, header.own_name(column.name), parser(column, dates))
            for column, index, default in header.places
        ]
        self._patient_fields = [one for one in fields if one.column.name in FROM_PATIENT]
        self._dose_fields = [one for one in fields if one.column.name not in FROM_PATIENT]
        self._patient_places = [one.index for one in self._patient_fields if one.index >= 0]
        self._last: tuple[list[str], Patient, tuple[Finding, ...]] = ([], Patient(), ())

    def read(self, cells: list[str], row: int) -> tuple[Patient, Dose, tuple[Finding, ...]]:
        """The patient and the dose of a row, and what could not be read in it."""
        said = [cells[index] for index in self._patient_places]
        if said != self._last[0]:
            patient_cells = _parsed(self._patient_fields, cells, row)
            self._last = (said, patient(patient_cells), tuple(patient_cells.findings))
        _, whose, findings = self._last
        if findings:
            findings = tuple(replace(finding, row=row) for finding in findings)
        dose_cells = _parsed(self._dose_fields, cells, row)
        return whose, dose(dose_cells, row, self._part), (*findings, *dose_cells.findings)


def _parsed(fields: list[_Field], cells: list[str], row: int) -> Cells:
    parsed = Cells()
    texts, coded = parsed.texts, parsed.codes
    for one in fields:
        raw = cells[one.index].strip() if one.index >= 0 else ""
        if not raw:
            raw = one.default
            if not raw:
                continue
        parse = one.parse
        if parse is None:
            texts[one.column.name] = raw if raw.isprintable() else _plain(raw, one, row, parsed.findings)
            continue
        try:
            value = one.known[raw]
        except KeyError:
            if len(one.known) >= _CACHE:
                one.known.clear()
            value = one.known[raw] = parse(raw)
        if value is None:
            _unread(one, raw, row, parsed)
        elif isinstance(value, str):
            texts[one.column.name] = value
        elif value:
            coded[one.column.name] = value
    return parsed


def _plain(raw: str, one: _Field, row: int, findings: list[Finding]) -> str:
    """A text without line breaks (a note keeps them), empty where it was damaged."""
    if "\x00" in raw:
        findings.append(Finding("VALUE-NUL", one.column.path, row, one.own_name, raw))
        return ""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return lines if one.column.kind is ColumnKind.NOTE else " ".join(lines.split("\n"))


def _unread(one: _Field, raw: str, row: int, parsed: Cells) -> None:
    """Notes what cannot be read; where clinics.toml may have a map for it, the values are kept as they stand."""
    column = one.column
    finding = _unreadable(one, raw, row)
    if not local.table_of(finding):
        parsed.findings.append(finding)
        return
    assert one.parse is not None
    kept: list[Code] = []
    for piece in filter(None, map(str.strip, raw.split(SEPARATOR) if column.repeats else (raw,))):
        value = one.parse(piece)
        if value is None:
            parsed.findings.append(_unreadable(one, piece, row))
            kept.append(local.unread(piece))
        elif not isinstance(value, str):
            kept += value
    parsed.codes[column.name] = tuple(kept)


def _unreadable(one: _Field, raw: str, row: int) -> Finding:
    return Finding(one.column.unreadable, one.column.path, row, one.own_name, raw)


# Assembly -------------------------------------------------------------------------------------------------------------


def patient(cells: Cells) -> Patient:
    """The patient of a row."""
    text, code = cells.text, cells.code
    return Patient(
        mrn=text("patient_id"),
        name=Name(text("last_name"), text("first_name"), text("middle_name"), text("suffix")),
        birth_date=text("birth_date"),
        sex=code("sex").code,
        mothers_maiden_name=text("mothers_maiden_name"),
        races=cells.codes.get("race", ()),
        ethnicity=code("ethnicity"),
        addresses=_addresses(cells),
        telecoms=_telecoms(cells),
        multiple_birth=code("multiple_birth").code or ("Y" if text("birth_order") else ""),
        birth_order=text("birth_order"),
        death_date=text("death_date"),
        death_indicator=code("deceased").code or ("Y" if text("death_date") else ""),
        publicity=code("publicity_code"),
        publicity_date=text("publicity_date"),
        protection=code("protection").code,
        protection_date=text("protection_date"),
        registry_status=code("registry_status").code,
        registry_status_date=text("registry_status_date"),
        next_of_kin=_next_of_kin(cells),
    )


def _addresses(cells: Cells) -> tuple[Address, ...]:
    text = cells.text
    country = cells.code("address_country").code
    place = Address(
        text("address_street"),
        text("address_other"),
        text("address_city"),
        text("address_state"),
        values.zip_code(text("address_zip"), country),
        country,
        cells.code("address_type").code or "H",
        text("address_county"),
    )
    return (place,) if place else ()


def _telecoms(cells: Cells) -> tuple[Telecom, ...]:
    found = []
    if number := cells.text("phone"):
        telecom = values.phone(number, cells.code("phone_use").code or "PRN")
        if telecom:
            found.append(telecom)
    if address := cells.text("email"):
        found.append(Telecom("NET", "Internet", email=address))
    return tuple(found)


def _next_of_kin(cells: Cells) -> tuple[NextOfKin, ...]:
    text = cells.text
    name = Name(text("guardian_last_name"), text("guardian_first_name"))
    if not name:
        return ()
    number = text("guardian_phone")
    telecom = values.phone(number) if number else None
    relationship = cells.code("guardian_relationship")
    return (NextOfKin(name, relationship, telecoms=(telecom,) if telecom else ()),)


def dose(cells: Cells, row: int, part: str) -> Dose:
    """The dose of a row, completion and information source inferred where the row states none."""
    text, code = cells.text, cells.code
    reason = code("refusal_reason")
    stated = code("completion").code
    completion = Completion(stated) if stated else Completion.COMPLETE
    if not stated and (reason or reason.alternate_code):
        completion = Completion.REFUSED
    action = code("action").code
    quantity = text("amount")
    return Dose(
        id=text("dose_id"),
        date=text("dose_date"),
        vaccine=_vaccine(code("cvx"), text("vaccine_name")),
        ndc=text("ndc"),
        completion=completion,
        information_source=information_source(code("information_source"), completion, text("lot")),
        action=Action(action) if action else Action.ADD,
        amount=quantity,
        units=(code("units") or _ML) if quantity else NO_CODE,
        lot=text("lot"),
        expiry=text("expiry"),
        manufacturer=code("mvx"),
        route=code("route"),
        site=code("site"),
        refusal_reason=reason,
        eligibility=code("eligibility"),
        funding_source=code("funding_source"),
        vis=_vis(cells),
        dose_number=text("dose_number"),
        comment=text("comment"),
        administered_by=_provider(cells, *_ADMINISTERED_BY),
        ordered_by=_provider(cells, *_ORDERED_BY),
        entered_by=_provider(cells, *_ENTERED_BY),
        row=row,
        part=part,
    )


_NOBODY: Final = Provider()
_ADMINISTERED_BY, _ORDERED_BY, _ENTERED_BY = (
    (f"{role}_npi", f"{role}_last_name", f"{role}_first_name")
    for role in ("administered_by", "ordered_by", "entered_by")
)


def _vaccine(code: Code, text: str) -> Code:
    if not text:
        return code
    return replace(code, text=text)


def _provider(cells: Cells, npi: str, last_name: str, first_name: str) -> Provider:
    number, own, family = cells.text(npi), cells.code(npi).alternate_code, cells.text(last_name)
    if not number and not own and not family:
        return _NOBODY
    if own:
        return Provider(own, family, cells.text(first_name), id_type=local.LOCAL)
    authority = "NPI" if number else ""
    return Provider(number, family, cells.text(first_name), "", authority, authority)


def _vis(cells: Cells) -> tuple[Vis, ...]:
    """The statements handed out: the n-th of each column belongs together, a single date stands for all."""
    documents = _pieces(cells.text("vis_document"))
    vaccines = cells.codes.get("vis_cvx", ())
    if not documents and not vaccines:
        return ()
    editions = _pieces(cells.text("vis_edition"))
    presented = _pieces(cells.text("vis_presented"))
    count = max(len(documents), len(vaccines))
    if len(presented) == 1:
        presented *= count
    return tuple(
        Vis(
            document=documents[n] if n < len(documents) else "",
            vaccine=vaccines[n] if n < len(vaccines) else NO_CODE,
            edition=editions[n] if n < len(editions) else "",
            presented=presented[n] if n < len(presented) else "",
        )
        for n in range(count)
    )


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in text.split(SEPARATOR)] if text else []
