"""A first [sources.…] section of clinics.toml for a CSV file that vaxline has not seen.

Columns are matched by what EHRs often call them, then by likeness. Dates tell their format, if one reads all of them.
Nothing of a patient is written: the words of columns that say what a dose is are the only values shown.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shared.domain.clinics import Source
from shared.domain.codes.table import normalized
from shared.exports.blanks import says_nothing
from shared.exports.column import ColumnKind
from shared.exports.columns import BY_NAME, COLUMNS, spelling
from shared.exports.csv.header import Header
from shared.exports.csv.opening import Opened, opened
from shared.exports.csv.unknown import may_change_meaning, words_of
from shared.exports.presets import PRESETS
from shared.exports.text import Text
from shared.exports.values import Dates
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace

_ROWS_READ: Final = 5_000
_LIKE: Final = 0.84
_WORDS_SHOWN: Final = 8
_FEW_WORDS: Final = 30
"""A column with more different words is no list of words but text, which may be about a patient."""
_OF_PEOPLE: Final = frozenset(
    {
        "by",
        "name",
        "who",
        "whom",
        "person",
        "id",
        "number",
        "no",
        "date",
        "time",
        "comment",
        "comments",
        "note",
        "notes",
    }
)
"""A column named with one of these may hold names, numbers or dates of a patient, few as they may be."""
_OF_PRESET: Final = 2
"""Columns that only a preset knows, from which on a file counts as having its layout."""

_OFTEN: Final[Mapping[str, tuple[str, ...]]] = {
    "patient_id": ("pt id", "pt mrn", "patient number", "patient no", "chart number", "chart no", "record number",
                   "pat id", "person id", "emr id", "medical record no", "patient mrn"),
    "last_name": ("last", "surname", "pt last name", "patient last name", "pat last name", "lname"),
    "first_name": ("first", "pt first name", "patient first name", "pat first name", "fname"),
    "middle_name": ("middle", "middle initial", "mi", "patient middle name"),
    "birth_date": ("birthdate", "pt dob", "patient dob", "patient birth date", "birthday", "born"),
    "sex": ("patient sex", "pt sex", "administrative sex", "legal sex", "birth sex"),
    "address_street": ("address", "street", "address 1", "address line 1", "street address", "addr1"),
    "address_other": ("address 2", "address line 2", "apt", "unit", "addr2"),
    "address_zip": ("postal code", "zipcode", "patient zip"),
    "address_county": ("county",),
    "address_country": ("country",),
    "phone": ("home phone", "cell phone", "mobile phone", "mobile", "cell", "phone no", "patient phone"),
    "guardian_last_name": ("parent last name", "mother last name", "responsible party last name"),
    "guardian_first_name": ("parent first name", "mother first name", "responsible party first name"),
    "dose_id": ("immunization id", "vaccine id", "event id", "administration id", "shot id", "order id", "dose no"),
    "dose_date": ("given on", "date given", "service date", "date of service", "immunization date", "shot date",
                  "vaccine date", "given date", "date administered", "administered date", "administered on", "dos",
                  "admin dt", "administration dt", "vaccination dt", "dose dt"),
    "clinic": ("facility", "site name", "location", "department", "facility name", "location name", "practice"),
    "cvx": ("vaccine code", "cvx cd", "vaccine cvx", "vaccine cvx code"),
    "vaccine_name": ("vaccine", "vaccine description", "immunization", "immunization name", "vaccine display name"),
    "ndc": ("ndc number", "ndc 11", "vaccine ndc"),
    "mvx": ("mfg", "mfr", "manufacturer code", "manufacturer name", "vaccine manufacturer"),
    "lot": ("lot no", "lot num", "batch", "batch number", "vaccine lot", "vaccine lot number", "lot id"),
    "expiry": ("exp date", "lot exp", "lot exp date", "expiration", "exp dt", "lot expiration", "expires"),
    "amount": ("dosage", "dose amount", "dose quantity", "quantity", "amount given"),
    "units": ("unit", "dose unit", "dose units", "amount units", "amount unit"),
    "route": ("admin route", "route of admin", "administration route", "route code"),
    "site": ("body site", "admin site", "anatomical site", "injection site", "administration site"),
    "eligibility": ("vfc status", "vfc", "vfc eligible", "eligibility code", "vfc code", "vfc eligibility status",
                    "financial class"),
    "funding_source": ("funding", "vaccine source", "stock", "fund source", "vaccine funding"),
    "administered_by_last_name": ("administered by", "given by", "vaccinator", "admin by", "administrator"),
    "administered_by_npi": ("administered by npi", "vaccinator npi", "provider npi"),
    "ordered_by_last_name": ("ordering provider", "ordered by", "ordering provider name"),
    "ordered_by_npi": ("ordering provider npi", "ordering npi"),
    "comment": ("comments", "notes", "note", "remarks"),
    "event_status": ("status", "vaccine status", "vax status", "administration status", "immunization status",
                     "record status", "event status"),
    "is_historical": ("historical", "is historical", "historical flag", "historical indicator", "hist",
                      "historical yn"),
    "was_refused": ("refused", "refusal", "declined", "vaccine refused", "refused yn", "patient refused"),
    "refusal_reason": ("reason refused", "reason for refusal", "declined reason", "refusal reason code"),
    "information_source": ("source", "information source", "record source", "event record type", "immunization source"),
    "action": ("action code", "record action"),
}  # fmt: skip
_BY_SPELLING: Final = {spelling(word): name for name, words in _OFTEN.items() for word in words}
_DATE_FORMATS: Final = (
    "%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%m/%d/%y", "%d.%m.%Y", "%d-%b-%Y", "%d-%b-%y",
    "%b %d, %Y", "%d %b %Y", "%Y/%m/%d", "%m.%d.%Y", "%B %d, %Y",
)  # fmt: skip
_KNOWN_FORMATS: Final = Source("", "csv").date_formats
_DATES: Final = frozenset({ColumnKind.DATE, ColumnKind.MONTH})


@dataclass(slots=True)
class _Guess:
    """The configuration that a file seems to need.

    Attributes:
        source: The source that reads it best.
        header: Its header.
        mapped: vaxline's column → the file's, of those that names alone do not tell.
        unknown: The file's columns that nothing fits.
        doubtful: Those of them that may change what a row means.
        words: The commonest words of columns that may change what a row means.
        formats: The formats of its dates; empty if those that vaxline tries anyway read them.
        unread: Columns whose dates no format reads.
    """

    source: Source
    header: Header
    mapped: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    unread: list[str] = field(default_factory=list)


def suggested(item: StoredObject, objects: Objects, name: str) -> str:
    """Return a section of clinics.toml for a CSV file.

    Args:
        item: The file.
        objects: Reads it.
        name: The name of the source.

    Returns:
        TOML. What a person has to decide stands in comments.
    """
    guess = _guess(item, objects, name)
    return "\n".join(_section(guess, name)) + "\n" if guess else f"# {name}: the file is empty.\n"


def _guess(item: StoredObject, objects: Objects, name: str) -> _Guess | None:
    encoding = _encoding(item, objects)
    best: tuple[int, Source, Header] | None = None
    for preset in ("", *(key for key, value in PRESETS.items() if value.format == "csv")):
        delimiter = PRESETS[preset].delimiter if preset else ","
        source = Source(name, "csv", preset=preset, delimiter=delimiter, encoding=encoding)
        file = _open(item, objects, source)
        if file.likeliest is not None and (best is None or _fit(file.likeliest, source) > best[0]):
            best = (_fit(file.likeliest, source), replace(source, delimiter=file.delimiter), file.likeliest)
    if best is None:
        return None
    guess = _Guess(best[1], best[2])
    _match(guess)
    guess.source = replace(guess.source, columns=MappingProxyType(dict(guess.mapped)))
    _look_at_values(guess, item, objects)
    return guess


def _open(item: StoredObject, objects: Objects, source: Source) -> Opened:
    with objects.open(item) as stream:
        return opened(Text(stream, source.encoding), source)


def _encoding(item: StoredObject, objects: Objects) -> str:
    """UTF-8 (also by its byte order mark, or UTF-16), or Windows-1252."""
    with objects.open(item) as stream:
        head = stream.read(1 << 20)
    try:
        head[: len(head) - 3 if len(head) == 1 << 20 else None].decode("utf-8")
    except UnicodeDecodeError:
        return "utf-8" if head[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b") else "windows-1252"
    return "utf-8"


def _fit(header: Header, source: Source) -> int:
    """How well a source reads a header: by columns known, and by those that only its preset knows."""
    preset = PRESETS.get(source.preset)
    if preset is None:
        return header.known * 10
    there = set(map(spelling, header.names))
    own = {spelling(own) for own in (*preset.columns.values(), *preset.left_out)} & there
    return header.known * 10 + len(own) if len(own) >= _OF_PRESET else -1


# columns --------------------------------------------------------------------------------------------------------------


def _match(guess: _Guess) -> None:
    """Find the columns that vaxline's names, aliases and presets do not tell."""
    header = guess.header
    read = {index for place in header.places for index in (place.index, *place.others)}
    preset = PRESETS.get(guess.source.preset)
    left_out = set(map(spelling, preset.left_out)) if preset else set()
    free = [own for index, own in enumerate(header.names) if index not in read and spelling(own) not in left_out]
    known = {place.column.name for place in header.places if place.index >= 0}
    for find in (_by_words, _by_likeness):
        for own in list(free):
            name = find(own)
            if own.strip() and name and name not in known and name not in guess.mapped:
                guess.mapped[name] = own
                free.remove(own)
    guess.unknown = [own for own in free if own.strip() and not may_change_meaning(own)]
    guess.doubtful = [own for own in free if own.strip() and may_change_meaning(own)]


def _by_words(own: str) -> str:
    return _BY_SPELLING.get(spelling(own), "")


def _by_likeness(own: str) -> str:
    """The column whose name is most like the file's. A column that may change the meaning is not guessed."""
    if may_change_meaning(own):
        return ""
    spellings = {normalized(word): column.name for column in COLUMNS for word in (column.name, *column.aliases)}
    close = difflib.get_close_matches(normalized(own), list(spellings), n=1, cutoff=_LIKE)
    return spellings[close[0]] if close else ""


# values ---------------------------------------------------------------------------------------------------------------


def _look_at_values(guess: _Guess, item: StoredObject, objects: Objects) -> None:
    with objects.open(item) as stream:
        file = opened(Text(stream, guess.source.encoding), guess.source)
        if file.header is None:
            return
        guess.header = file.header
        rows = [row for _, row in zip(range(_ROWS_READ), _whole(file), strict=False)]
    of_dates = [place for place in guess.header.places if place.column.kind in _DATES and place.index >= 0]
    values = {place.column.name: _values(rows, place.index) for place in of_dates}
    guess.formats, guess.unread = _formats(values)
    for own in (*guess.doubtful, *filter(may_change_meaning, guess.mapped.values())):
        if _OF_PEOPLE.intersection(words_of(own)):
            continue
        words = Counter(_values(rows, guess.header.names.index(own)))
        if len(words) <= _FEW_WORDS:
            guess.words[own] = tuple(word for word, _ in words.most_common(_WORDS_SHOWN))


def _whole(file: Opened) -> Iterator[Sequence[str]]:
    assert file.header is not None
    return (record for record in file.records if isinstance(record, list) and len(record) == file.header.width)


def _values(rows: Iterable[Sequence[str]], index: int) -> list[str]:
    return [row[index].strip() for row in rows if row[index].strip() and not says_nothing(row[index].strip())]


def _formats(values: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], list[str]]:
    """The formats that read every date, fewest first, and the columns in which some are read by none."""
    samples = {value for several in values.values() for value in several}
    if all(Dates(_KNOWN_FORMATS).day_or_month(value) for value in samples):
        return (), []
    chosen: list[str] = []
    left = {value for value in samples if Dates(()).day_or_month(value) is None}
    while left:
        best = max(_DATE_FORMATS, key=lambda form: sum(map(bool, map(Dates((form,)).day, left))))
        read = {value for value in left if Dates((best,)).day(value)}
        if not read:
            break
        chosen.append(best)
        left -= read
    unread = [name for name, several in values.items() if any(value in left for value in several)]
    return tuple(chosen), unread


# the section ----------------------------------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _section(guess: _Guess, name: str) -> Iterator[str]:
    yield f"[sources.{name}]"
    yield 'format = "csv"'
    yield from _keys(guess)
    yield from _to_decide(guess)
    if guess.mapped:
        yield ""
        yield f"[sources.{name}.columns]"
        for column, own in guess.mapped.items():
            words = ", ".join(guess.words.get(own, ()))
            note = f"# {BY_NAME[column].words}" + (f"; check its words: {words}" if words else "")
            yield f"{column} = {_quoted(own)}".ljust(34) + note


def _keys(guess: _Guess) -> Iterator[str]:
    source = guess.source
    if guess.header.index("clinic") < 0:
        yield '# clinic = "…"                    # the key of the clinic: the file names none'
    if source.preset:
        yield f"preset = {_quoted(source.preset)}"
    if source.delimiter != (PRESETS[source.preset].delimiter if source.preset else ","):
        yield f"delimiter = {_quoted(source.delimiter)}"
    if source.encoding != "utf-8":
        yield f"encoding = {_quoted(source.encoding)}"
    if guess.formats:
        yield f"date_formats = [{', '.join(map(_quoted, guess.formats))}]"


def _to_decide(guess: _Guess) -> Iterator[str]:
    for column in guess.unread:
        yield f"# {column}: some dates are in no format that vaxline knows"
    if guess.unknown:
        yield f"# not read: {', '.join(guess.unknown)}"
        yield "# ignore = […]                    # of these, the ones that are not wanted"
    for own in guess.doubtful:
        values = f" ({', '.join(guess.words[own])})" if guess.words.get(own) else ""
        yield f"# decide: {_quoted(own)}{values} holds every row until columns or ignore names it:"
        yield "#   event_status, was_refused, is_historical, completion, action, …"
    found = {column.name for column in COLUMNS if _has(guess.header, column.name)} | guess.mapped.keys()
    missing = [column.name for column in COLUMNS if column.required and column.name not in found]
    if "ndc" in found and "cvx" in missing:
        missing.remove("cvx")
    if missing:
        yield f"# required, and not found: {', '.join(missing)}"


def _has(header: Header, column: str) -> bool:
    return header.index(column) >= 0
