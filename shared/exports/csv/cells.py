"""Reads the cells of a CSV row into a patient and a dose."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from shared.domain.codes import cdc, local, tables
from shared.domain.identity import normalized_id
from shared.domain.model import (
    ADMINISTERED,
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
from shared.exports import blanks, values
from shared.exports.columns import FROM_PATIENT, Becomes, Column, ColumnKind
from shared.exports.csv.doubts import Doubts
from shared.exports.csv.header import Header, Place
from shared.exports.parsers import SEPARATOR, Parser, parser
from shared.exports.values import Dates
from shared.exports.visits import information_source
from shared.replaced import replace

_PARSED_KEPT: Final = 20_000
_ML: Final = tables.UNITS.by_spelling["mL"]


@dataclass(slots=True)
class _FileColumn:
    """A column as one file has it.

    Attributes:
        spec: The column.
        index: The index of its cell, -1 if the file does not have it.
        default: The source's default for it.
        own_name: The file's name of it.
        parse: Its parser; None takes the text as it is.
        nothing: The texts that stand for an empty cell.
        parsed: Values parsed before. Cells repeat: this saves 46 us a row, 7 % of what converting it costs.
    """

    spec: Column
    index: int
    default: str
    own_name: str
    parse: Parser | None
    nothing: frozenset[str]
    parsed: dict[str, str | tuple[Code, ...] | None] = field(default_factory=dict)

    def value(self, raw: str) -> str | tuple[Code, ...] | None:
        """Parse a cell; None if it cannot be read."""
        assert self.parse is not None
        try:
            return self.parsed[raw]
        except KeyError:
            if len(self.parsed) >= _PARSED_KEPT:
                self.parsed.clear()
            value = self.parsed[raw] = self.parse(raw)
            return value

    def unreadable(self, raw: str, row: int) -> Finding:
        """The finding about a cell that cannot be read."""
        return Finding(self.spec.unreadable, self.spec.path, row, self.own_name, raw)


@dataclass(slots=True)
class Cells:
    """The values of one row.

    Attributes:
        texts: Texts by column name.
        codes: Codes by column name; several if the column repeats.
        findings: What could not be read.
    """

    texts: dict[str, str] = field(default_factory=dict)
    codes: dict[str, tuple[Code, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return the text of a column, empty if it has none."""
        return self.texts.get(name, "")

    def code(self, name: str) -> Code:
        """Return the first code of a column, or the empty code."""
        codes = self.codes.get(name)
        return codes[0] if codes else NO_CODE


class RowReader:
    """Reads the rows of one file. Rows of one patient are consecutive, so the last patient is kept."""

    def __init__(self, header: Header, dates: Dates, part: str) -> None:
        self._part = part
        columns = [
            _FileColumn(
                place.column,
                place.index,
                _default(place),
                header.own_name(place.column.name),
                parser(place.column, dates),
                nothing_in(place.column, header.not_known),
            )
            for place in header.places
        ]
        self._doubts = Doubts(header)
        # As the value of a cell, the default would make every dose a refusal.
        self._default_reason = tables.REFUSAL_REASON.look_up(header.default("refusal_reason")) or NO_CODE
        self._patient_columns = [column for column in columns if column.spec.name in FROM_PATIENT]
        self._dose_columns = [column for column in columns if column.spec.name not in FROM_PATIENT]
        self._patient_needs, self._dose_needs = (
            [column for column in group if column.spec.needs and column.spec.becomes is not Becomes.QUALIFIES]
            for group in (self._patient_columns, self._dose_columns)
        )
        self._coarse = [column for column in self._patient_columns if column.spec.name == "sex" and column.index >= 0]
        self._patient_indexes = [column.index for column in self._patient_columns if column.index >= 0]
        self._last: tuple[list[str], Patient, tuple[Finding, ...]] = ([], Patient(), ())

    def doubts(self, cells: list[str], row: int) -> list[Finding]:
        """Bring the cells of columns for one field together, and name what stands against reading the row."""
        return self._doubts.of(cells, row)

    def read(self, cells: list[str], row: int) -> tuple[Patient, Dose, tuple[Finding, ...]]:
        """Read the patient and the dose of a row, with a finding for each value that cannot be read."""
        patient_cells = [cells[index] for index in self._patient_indexes]
        if patient_cells != self._last[0]:
            parsed = _parsed(self._patient_columns, cells, row)
            _note_lonely(self._patient_needs, parsed, row)
            for column in self._coarse:
                raw = cells[column.index].strip()
                if tables.SEX.is_coarse(raw):
                    parsed.findings.append(Finding("SEX-AS-UNKNOWN", "PID-8", row, column.own_name, raw))
            self._last = (patient_cells, patient(parsed), tuple(parsed.findings))
        _, read_patient, findings = self._last
        if findings:
            findings = tuple(replace(finding, row=row) for finding in findings)
        parsed = _parsed(self._dose_columns, cells, row)
        _note_lonely(self._dose_needs, parsed, row)
        read_dose = dose(parsed, row, self._part, self._default_reason)
        return read_patient, read_dose, (*findings, *parsed.findings)


@lru_cache(maxsize=256)
def nothing_in(column: Column, not_known: frozenset[str]) -> frozenset[str]:
    """Return the texts that say that a cell of a column is empty.

    A word that the column's table has is no such text: `NA` is a completion status.

    Args:
        column: The column.
        not_known: Further words of the file's layout.
    """
    words: set[str] = {*blanks.WORDS, *blanks.SIGNS}
    if column.is_name:
        words = {*blanks.NO_NAMES, *blanks.SIGNS}
    elif column.identifies:
        words = {word for word in words if not blanks.is_damaged(word)}
    texts = blanks.as_written(words | not_known)
    if column.kind is ColumnKind.TEXT:
        # 00000 stands for a zip code that somebody had to enter: it is left out and said.
        texts |= {"0"} if column.name == "address_zip" else blanks.ZEROS
    if column.table is not None:
        return frozenset(text for text in texts if column.table.look_up(text) is None)
    if column.kind is ColumnKind.MVX:
        return frozenset(text for text in texts if cdc.mvx(text) is None)
    return texts


def _default(place: Place) -> str:
    return "" if place.column.name == "refusal_reason" else place.default


def _parsed(columns: list[_FileColumn], cells: list[str], row: int) -> Cells:
    parsed = Cells()
    texts, codes = parsed.texts, parsed.codes
    for column in columns:
        raw = cells[column.index].strip() if column.index >= 0 else ""
        if raw.startswith("="):
            raw = blanks.plain(raw)
        if not raw or raw in column.nothing:
            raw = column.default
            if not raw:
                continue
        if column.parse is None:
            texts[column.spec.name] = raw if raw.isprintable() else _plain(raw, column, row, parsed.findings)
            continue
        value = column.value(raw)
        if value is None:
            _keep_unreadable(column, raw, row, parsed)
        elif isinstance(value, str):
            texts[column.spec.name] = value
        elif value:
            codes[column.spec.name] = value
    return parsed


def _note_lonely(columns: list[_FileColumn], parsed: Cells, row: int) -> None:
    """Notes the values that are not sent because another one is missing beside them."""
    texts, codes = parsed.texts, parsed.codes
    for column in columns:
        name = column.spec.name
        if (name not in texts and name not in codes) or column.default:
            continue
        if not any(needed in texts or needed in codes for needed in column.spec.needs):
            value = texts.get(name) or "; ".join(code.code or code.alternate_code for code in codes.get(name, ()))
            parsed.findings.append(Finding("VALUE-WITHOUT-OTHER", column.spec.path, row, column.own_name, value))


def _plain(raw: str, column: _FileColumn, row: int, findings: list[Finding]) -> str:
    """A text without line breaks (a note keeps them); empty if it holds NUL."""
    if "\x00" in raw:
        findings.append(Finding("VALUE-NUL", column.spec.path, row, column.own_name, raw))
        return ""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return lines if column.spec.kind is ColumnKind.NOTE else " ".join(lines.split("\n"))


def _keep_unreadable(column: _FileColumn, raw: str, row: int, parsed: Cells) -> None:
    """Notes a value that cannot be read. If clinics.toml can map it, it is kept as a local code."""
    finding = column.unreadable(raw, row)
    if not local.table_of(finding):
        parsed.findings.append(finding)
        return
    codes: list[Code] = []
    for piece in filter(None, map(str.strip, raw.split(SEPARATOR) if column.spec.repeats else (raw,))):
        value = column.value(piece)
        if value is None:
            parsed.findings.append(column.unreadable(piece, row))
            codes.append(local.unread(piece))
        elif not isinstance(value, str):
            codes += value
    parsed.codes[column.spec.name] = tuple(codes)


# Assembly -------------------------------------------------------------------------------------------------------------


def patient(cells: Cells) -> Patient:
    """Return the patient of a row."""
    text, code = cells.text, cells.code
    return Patient(
        mrn=normalized_id(text("patient_id")),
        name=Name(text("last_name"), text("first_name"), text("middle_name"), text("suffix")),
        birth_date=text("birth_date"),
        sex=code("sex").code,
        mothers_maiden_name=text("mothers_maiden_name"),
        races=cells.codes.get("race", ()),
        ethnicity=code("ethnicity"),
        addresses=_addresses(cells),
        telecoms=_telecoms(cells),
        multiple_birth=values.multiple_birth(code("multiple_birth").code, text("birth_order")),
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
        text("address_zip"),
        country,
        cells.code("address_type").code or "H",
        text("address_county"),
    )
    return (place,) if place else ()


def _telecoms(cells: Cells) -> tuple[Telecom, ...]:
    telecoms = []
    if number := cells.text("phone"):
        telecom = values.phone(number, cells.code("phone_use").code or "PRN")
        if telecom:
            telecoms.append(telecom)
    if address := cells.text("email"):
        telecoms.append(Telecom("NET", "Internet", email=address))
    return tuple(telecoms)


def _next_of_kin(cells: Cells) -> tuple[NextOfKin, ...]:
    text = cells.text
    name = Name(text("guardian_last_name"), text("guardian_first_name"))
    if not name:
        return ()
    number = text("guardian_phone")
    telecom = values.phone(number) if number else None
    relationship = cells.code("guardian_relationship")
    return (NextOfKin(name, relationship, telecoms=(telecom,) if telecom else ()),)


def dose(cells: Cells, row: int, part: str, default_reason: Code = NO_CODE) -> Dose:
    """Return the dose of a row.

    If the row states no completion, a refusal reason makes it a refusal. If it states no information source, a lot
    makes it a dose given here (`visits.information_source`).

    Args:
        cells: The row's values. Takes a finding if they contradict each other.
        row: Its number.
        part: The name of its file.
        default_reason: The reason of refusals that state none.
    """
    text, code = cells.text, cells.code
    reason = code("refusal_reason")
    completion, action = _event(cells, row)
    if completion is Completion.REFUSED and reason == NO_CODE:
        reason = default_reason
    quantity = text("amount")
    return Dose(
        id=normalized_id(text("dose_id")),
        date=text("dose_date"),
        vaccine=_vaccine(code("cvx"), text("vaccine_name")),
        ndc=text("ndc"),
        completion=completion,
        information_source=information_source(_source(cells, row), completion, text("lot")),
        action=action,
        amount=quantity,
        units=_units(cells) if quantity else NO_CODE,
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


def _event(cells: Cells, row: int) -> tuple[Completion, Action]:
    """RXA-20 and RXA-21, of all columns that say something about them. Statements that differ are a finding."""
    code = cells.code
    action, status, refused = code("action").code, code("event_status").code, code("was_refused").code
    stated = {code("completion").code, status, "RE" if refused == "Y" else ""}
    stated.add("NA" if code("missed_appointment").code == "Y" else "")
    stated -= {"", tables.DELETED}
    reason = code("refusal_reason")
    if not stated and (reason or reason.alternate_code):
        stated.add("RE")
    contradictions = set(stated) if len(stated) > 1 else set()
    if refused == "N" and "RE" in stated:
        contradictions |= {"RE", "not refused"}
    if status == tables.DELETED:
        contradictions |= {"deleted", action} if action and action != status else set()
        action = status
    if contradictions:
        value = ", ".join(sorted(contradictions))
        # What a deletion says besides is not needed, but whether it is one.
        path = "RXA-21" if status == tables.DELETED else "RXA-20"
        cells.findings.append(Finding("STATUS-CONTRADICTS", path, row, "completion", value))
    extract = code("extract_type").code
    if extract in _WITHOUT_NAMES:
        cells.findings.append(Finding("EXTRACT-WITHOUT-NAMES", "PID-5", row, "extract_type", extract))
    completion = Completion(next(iter(stated))) if len(stated) == 1 else Completion.COMPLETE
    return completion, Action(action) if action else Action.ADD


_WITHOUT_NAMES: Final = frozenset({"D", "P"})
_IS_HISTORICAL: Final = {
    "Y": tables.INFORMATION_SOURCE.by_spelling["01"],
    "N": tables.INFORMATION_SOURCE.by_spelling[ADMINISTERED],
}


def _source(cells: Cells, row: int) -> Code:
    """RXA-9 as the row states it, in NIP001 or by yes and no."""
    stated, by_flag = cells.code("information_source"), _IS_HISTORICAL.get(cells.code("is_historical").code, NO_CODE)
    if not by_flag or not stated:
        return stated or by_flag
    if (stated.code == ADMINISTERED) != (by_flag.code == ADMINISTERED):
        value = f"{stated.code}, {by_flag.code}"
        cells.findings.append(Finding("SOURCE-CONTRADICTS", "RXA-9", row, "information_source", value))
    return stated


def _units(cells: Cells) -> Code:
    """RXA-7: mL if the row states none. A unit that cannot be read is not mL."""
    return cells.code("units") if "units" in cells.codes else _ML


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
    """The statements handed out: the n-th values of the columns belong together; a single date is that of all."""
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
