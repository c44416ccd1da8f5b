"""Readers of the files that CDC publishes for its code sets, as XML or as text.

XML comes in two forms, a tag per field or pairs of Name and Value; text is separated by pipes without a line of names,
or by pipes, tabs or commas with one. Columns are found by name in any order, and by CDC's published order where there
are no names. What does not fit is reported by file, row and field, and nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from lxml import etree

from shared.domain.codes.cdc import ndc_form
from shared.domain.codes.cdc.build import Problem, Record, Sheet

_SIZE_CAP: Final = 64 * 1024 * 1024
_PROLOGUE: Final = 4096
_DELIMITERS: Final = "|\t,"
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9]")
_CVX: Final = re.compile(r"[0-9]{1,3}")
_MVX: Final = re.compile(r"[A-Z]{2,3}")
_CPT: Final = re.compile(r"[0-9]{4}[0-9A-Z]")
_DOCUMENT: Final = re.compile(r"[0-9]{24}")
_DOCUMENT_TYPE: Final = re.compile(r"[0-9]{13}")
_URL: Final = re.compile(r"https://\S+")
_DATE: Final = (
    re.compile(r"(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})/(?P<y>[0-9]{4})"),
    re.compile(r"(?P<y>[0-9]{4})(?P<by>[/-]?)(?P<m>[0-9]{2})(?P=by)(?P<d>[0-9]{2})"),
)
# CDC writes a time behind some dates; it is always midnight or of no interest.
_TIME: Final = re.compile(r"[ T][0-9]{1,2}:[0-9:.]+( ?[AP]M)?$")

Form = Callable[[str], str | None]
"""Brings a field into form; None where it cannot be what the field says."""


def _plain(name: str) -> str:
    return _NOT_A_NAME.sub("", name.lower())


def _text(raw: str) -> str | None:
    return raw


def _matching(pattern: re.Pattern[str]) -> Form:
    return lambda raw: raw if pattern.fullmatch(raw) else None


def _cvx(raw: str) -> str | None:
    return raw.lstrip("0").zfill(2) if _CVX.fullmatch(raw) else None


def _date(raw: str) -> str | None:
    day = _TIME.sub("", raw)
    match = next(filter(None, (pattern.fullmatch(day) for pattern in _DATE)), None)
    if match is None:
        return None
    try:
        return date(int(match["y"]), int(match["m"]), int(match["d"])).strftime("%Y%m%d")
    except ValueError:
        return None


def _one_of(*words: str) -> Form:
    by_form = {_plain(word): word for word in words}
    return lambda raw: by_form.get(_plain(raw))


def _flag(raw: str) -> str | None:
    return {"true": "1", "1": "1", "false": "0", "0": "0"}.get(raw.lower())


_CVX_STATUS: Final = _one_of("Active", "Inactive", "Never Active", "Pending", "Non-US")
_STATUS: Final = _one_of("Active", "Inactive")


@dataclass(frozen=True, slots=True)
class Field:
    """A field: our name, what must be in it, the names CDC has for it, and whether it may be missing or empty."""

    name: str
    form: Form
    names: tuple[str, ...]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """One of CDC's files: what it is, its fields, and their order in text without names (an empty name: not ours)."""

    title: str
    fields: tuple[Field, ...]
    order: tuple[str, ...]


_UPDATED: Final = Field("updated", _date, ("last updated", "last_updated_date", "update_date"))
_NDC_FIELDS: Final = (
    Field("id", _matching(re.compile(r"[0-9]+")), ("id", "use id", "sale id")),
    Field("name", _text, ("proprietary name", "use proprietary name", "sale proprietary name"), may_be_empty=True),
    Field("start", _date, ("start date",), may_be_empty=True),
    Field("end", _date, ("end date",), may_be_empty=True),
    Field("cvx", _cvx, ("cvx", "cvx code")),
    Field("ndc", ndc_form.stated, ("ndc11", "use ndc11", "sale ndc11")),
    _UPDATED,
)

LAYOUTS: Final[dict[str, Layout]] = {
    "cvx": Layout(
        "CVX codes",
        (
            Field("code", _cvx, ("cvx code", "cvx")),
            Field("name", _text, ("short description", "cvx short description")),
            Field("full_name", _text, ("full vaccine name",), may_be_empty=True),
            Field("status", _CVX_STATUS, ("status", "vaccine status")),
            Field("not_a_vaccine", _flag, ("nonvaccine",), may_be_empty=True),
            _UPDATED,
        ),
        ("code", "name", "full_name", "", "status", "not_a_vaccine", "updated"),
    ),
    "mvx": Layout(
        "MVX codes",
        (
            Field("code", _matching(_MVX), ("mvx code", "mvx")),
            Field("name", _text, ("manufacturer name", "manufacturer")),
            Field("status", _STATUS, ("status", "mvx status")),
            _UPDATED,
        ),
        ("code", "name", "", "status", "updated"),
    ),
    "tradename": Layout(
        "product names",
        (
            Field("name", _text, ("cdc product name", "product name")),
            Field("cvx", _cvx, ("cvx code", "cvx")),
            Field("mvx", _matching(_MVX), ("mvx code", "mvx"), may_be_empty=True),
            Field("status", _STATUS, ("product name status",)),
            _UPDATED,
        ),
        ("name", "", "cvx", "", "mvx", "", "status", "updated"),
    ),
    "ndc-use": Layout(
        "NDC units of use",
        _NDC_FIELDS,
        ("id", "", "", "", "name", "", "", "start", "end", "", "", "cvx", "", "", "ndc", "updated"),
    ),
    "ndc-sale": Layout(
        "NDC units of sale",
        _NDC_FIELDS,
        ("id", "", "", "", "name", "", "", "start", "end", "", "", "updated", "cvx", "", "ndc"),
    ),
    "ndc-linker": Layout(
        "NDC linker",
        (
            Field("sale", _matching(re.compile(r"[0-9]+")), ("sale id",)),
            Field("use", _matching(re.compile(r"[0-9]+")), ("use id",)),
            Field("mvx", _matching(_MVX), ("mvx", "mvx code")),
        ),
        ("", "sale", "use", "mvx"),
    ),
    "vis": Layout(
        "VIS barcodes",
        (
            Field("name", _text, ("vis document type description",)),
            Field("edition", _date, ("edition date",)),
            Field("document", _matching(_DOCUMENT), ("vis encoded string", "vis fully encoded text string")),
            Field("status", _one_of("Current", "Historic"), ("status", "edition status")),
            _UPDATED,
        ),
        ("name", "edition", "document", "", "status", "updated"),
    ),
    "cvx-vis": Layout(
        "VIS by CVX",
        (
            Field("cvx", _cvx, ("cvx code", "cvx")),
            Field("document", _matching(_DOCUMENT), ("fully encoded string", "vis fully encoded text string")),
        ),
        ("cvx", "", "document"),
    ),
    "vis-url": Layout(
        "addresses of VIS",
        (
            Field("document_type", _matching(_DOCUMENT_TYPE), ("vis gdti document concept code",)),
            Field("pdf", _matching(_URL), ("vis pdf url",), may_be_empty=True),
            Field("html", _matching(_URL), ("vis html url",), may_be_empty=True),
        ),
        ("", "document_type", "pdf", "html"),
    ),
    "groups": Layout(
        "vaccine groups",
        (
            Field("cvx", _cvx, ("cvx code", "cvx")),
            Field("name", _text, ("vaccine group name",)),
            Field("group", _cvx, ("cvx for vaccine group",)),
        ),
        ("", "cvx", "", "name", "group"),
    ),
    "cpt": Layout(
        "CPT by CVX",
        (
            Field("code", _matching(_CPT), ("cpt code", "cpt")),
            Field("cvx", _cvx, ("cvx code", "cvx"), may_be_empty=True),
            Field("updated", _date, _UPDATED.names, may_be_empty=True),
        ),
        ("code", "", "", "", "cvx", "", "updated"),
    ),
}
"""The files by the names of the command's options. CDC's text of CPT has its descriptions; they are not read."""

_Raw = tuple[int, dict[str, str]]


def read(kind: str, path: Path) -> Sheet | tuple[Problem, ...]:
    """The records of one of CDC's files, or everything that is wrong with it.

    Args:
        kind: one of `LAYOUTS`.
        path: the file, as CDC serves it.

    Raises:
        OSError: the file cannot be read.
    """
    layout, file = LAYOUTS[kind], path.name
    if path.stat().st_size > _SIZE_CAP:
        return (Problem(file, 0, "", "is larger than 64 MiB, so it is not CDC's file"),)
    content = path.read_bytes()
    raw = _xml(content, layout) if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else _separated(content, layout)
    if isinstance(raw, str):
        return (Problem(file, 0, "", raw),)
    records: list[Record] = []
    problems: list[Problem] = []
    for number, found in raw:
        values = _in_form(found, layout, Problem(file, number, "", ""), problems)
        records.append(Record(number, values))
    if not records:
        return (Problem(file, 0, "", f"holds no records of {layout.title}"),)
    return tuple(problems) if problems else Sheet(file, tuple(records))


def _in_form(found: dict[str, str], layout: Layout, place: Problem, problems: list[Problem]) -> dict[str, str]:
    """A record's fields in form; adds to `problems` what is not."""
    values: dict[str, str] = {}
    for field in layout.fields:
        raw = " ".join(found.get(field.name, "").split())
        made = field.form(raw) if raw else ""
        if made is None:
            # CDC's files are public and hold no patient, so the value may be shown.
            problems.append(Problem(place.file, place.row, field.name, f"{raw[:40]!r} is not what belongs there"))
        elif not made and not field.may_be_empty:
            problems.append(Problem(place.file, place.row, field.name, "is missing"))
        else:
            values[field.name] = made
    return values


def _our_names(layout: Layout) -> dict[str, str]:
    return {_plain(name): field.name for field in layout.fields for name in field.names}


def _xml(content: bytes, layout: Layout) -> Iterator[_Raw] | str:
    """The records of an XML file; entities and DTDs are not followed."""
    if b"<!DOCTYPE" in content[:_PROLOGUE].upper():
        return "declares a document type, which CDC's files do not; a page saved in its place?"
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(content.lstrip(b"\xef\xbb\xbf \t\r\n"), parser)
    except etree.XMLSyntaxError as error:
        return f"is not well-formed XML (line {error.lineno}); a page saved in its place, or a download cut off?"
    ours = _our_names(layout)
    records = [(number, _fields(record, ours)) for number, record in enumerate(root, 1)]
    if records and not any(found for _, found in records):
        return f"is XML, but not of {layout.title}"
    return iter(records)


def _fields(record: etree._Element, ours: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for cell in record:
        tag = etree.QName(cell).localname
        text = (cell.text or "").strip()
        if tag == "Name":
            name = text
            continue
        link = next((value for key, value in cell.attrib.items() if etree.QName(key).localname == "href"), "")
        field = ours.get(_plain(name if tag == "Value" else tag))
        if field is not None:
            found.setdefault(field, text or str(link))
    return found


def _separated(content: bytes, layout: Layout) -> Iterator[_Raw] | str:
    """The records of a text file, by its line of names or in CDC's order."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    if delimiter not in first:
        return f"is neither XML nor separated text, so it is not CDC's file of {layout.title}"
    ours = _our_names(layout)
    names = [ours.get(_plain(cell), "") for cell in _cells(first, delimiter)]
    order: Sequence[str] = layout.order
    named = len(set(filter(None, names))) > 1
    if named:
        missing = [field.name for field in layout.fields if field.name not in names and not field.may_be_empty]
        if missing:
            return f"has no column for {', '.join(missing)}"
        order = names
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return ((number, _by_order(_cells(line, delimiter), order)) for number, line in rows[named:])


def _cells(line: str, delimiter: str) -> list[str]:
    # Only commas come quoted; CDC's pipes and tabs leave quotation marks as they are.
    return next(csv.reader(io.StringIO(line)), []) if delimiter == "," else line.split(delimiter)


def _by_order(cells: Sequence[str], order: Sequence[str]) -> dict[str, str]:
    return {name: cell for name, cell in zip(order, cells, strict=False) if name}
