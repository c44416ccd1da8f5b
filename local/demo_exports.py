"""Exports of the demo's three clinics, of invented people: two CSV feeds and one FHIR bulk export.

Everything follows from the seed and the day, so the same call writes the same bytes. Doses are generated one by one, so
a large export needs no memory. Some rows have errors on purpose (`ERRORS`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, TextIO

from local import demo_exports_fhir
from shared.exports import columns
from shared.exports.formats import looks_like

SEED: Final = 7
Row = dict[str, str]
"""One dose in vaxline's own CSV layout: column → text."""

_FAMILIES: Final = ("Sampleton", "Mockford", "Exampleby", "Fictionwell", "Núñez-Sampleton", "O'Mockery", "Syntheson")
_GIVEN: Final = ("Ada", "Bo", "Cleo", "Dara", "Eli", "Fay", "Gus", "Hana", "Ivo", "Juno", "Kai", "Zoé")
_CITIES: Final = (("Hartford", "06103"), ("New London", "06320"), ("Waterbury", "06702"), ("Norwich", "06360"))
_PROVIDERS: Final = (("1234567893", "Nurseby", "Nadia"), ("1245319599", "Doctorow", "Dov"))
_RACES: Final = ("2106-3", "2054-5", "2028-9", "2106-3;2054-5", "2131-1")


@dataclass(frozen=True, slots=True)
class _Vaccine:
    cvx: str
    name: str
    ndc: str
    mvx: str
    route: str
    vis: Mapping[str, str]
    is_for_children: bool


def _edition(cvx: str, day: str) -> Mapping[str, str]:
    return {"vis_cvx": cvx, "vis_edition": day}


_VACCINES: Final = (
    _Vaccine("03", "MMR", "00006-4681-00", "MSD", "C38299", _edition("03", "2021-08-06"), is_for_children=True),
    _Vaccine("21", "varicella", "00006-4827-00", "MSD", "C38299", _edition("21", "2021-08-06"), is_for_children=True),
    _Vaccine("10", "IPV", "49281-0860-10", "PMC", "C28161", _edition("10", "2021-08-06"), is_for_children=True),
    _Vaccine("20", "DTaP", "58160-0810-11", "SKB", "C28161", _edition("107", "2021-08-06"), is_for_children=True),
    _Vaccine(
        "08",
        "Hep B, adolescent or pediatric",
        "58160-0820-11",
        "SKB",
        "C28161",
        {"vis_document": "253088698300005911160720"},
        is_for_children=True,
    ),
    _Vaccine("115", "Tdap", "58160-0842-11", "SKB", "C28161", _edition("115", "2021-08-06"), is_for_children=False),
    _Vaccine("187", "zoster recombinant", "58160-0823-11", "SKB", "C28161", {}, is_for_children=False),
    _Vaccine("133", "PCV 13", "00005-1971-02", "PFR", "C28161", {}, is_for_children=False),
)

# Kind of each dose in a sequence of twenty; the others were given here.
_KINDS: Final = {5: "historical", 9: "historical", 12: "refused", 15: "not administered", 18: "historical"}

_ERRORS_REPEAT_AFTER: Final = 400
ERRORS: Final[Mapping[str, Mapping[int, Row]]] = {
    "elm": {
        3: {"dose_date": "2026-02-30"},
        8: {"patient_id": ""},
        11: {"lot": ""},
        14: {"dose_date": "1901-05-05"},
        21: {"cvx": "98", "ndc": "", "vaccine_name": "skin test"},
        24: {"mvx": "ZZZ"},
        28: {"patient_id": "ELM-LONG-RECORD-NUMBER-0001", "address_zip": "O61O3"},
        31: {"expiry": "2020-01-31"},
        35: {"action": "D"},
        39: {"route": "somehow"},
    },
    "harbor": {
        2: {"lot": ""},
        6: {"clinic": "Harbor Annex"},
        10: {"first_name": "INFANT"},
        13: {"eligibility": "has insurance?"},
        17: {"dose_date": "1901-05-05"},
        22: {"mvx": "ZZZ"},
    },
    "hilltop": {
        4: {"lot": ""},
        7: {"cvx": "98", "vaccine_name": "skin test"},
        11: {"dose_date": "last Tuesday"},
        16: {"action": "D"},
    },
}
"""Source → number of a dose in the feed → changed columns. The numbers repeat every `_ERRORS_REPEAT_AFTER` doses."""

_FEEDS: Final = (("elm", 0.5), ("harbor", 0.3), ("hilltop", 0.2))
"""Source and its fraction of all doses."""


def generate(folder: Path, *, today: date, doses: int = 120, seed: int = SEED) -> None:
    """Write the exports, one folder per source as in the inbox.

    Args:
        folder: the parent folder; it is created where it does not exist.
        today: the day of the export; the latest dose is a day older.
        doses: approximate number of all doses.
        seed: another seed gives other people.
    """
    for source, fraction in _FEEDS:
        count = max(1, round(doses * fraction))
        source_folder = folder / source
        source_folder.mkdir(parents=True, exist_ok=True)
        _WRITERS[source](source_folder, today, rows(source, count, today, seed))


def rows(source: str, count: int, today: date, seed: int = SEED) -> Iterator[Row]:
    """Yield the doses of one feed, those with errors included."""
    random = Random(f"{seed}/{source}")  # noqa: S311 - invented people are no secret
    number = patient = 0
    while number < count:
        patient += 1
        person = _person(source, patient, today, random)
        for visit in range(random.randint(1, 2)):
            day = today - timedelta(days=1 + random.randint(0, 20) + 60 * visit)
            for vaccine in _vaccines(person, random):
                number += 1
                if number > count:
                    return
                row = person | _dose(source, number, day, vaccine, is_child=bool(person["guardian_last_name"]))
                yield row | ERRORS[source].get(number % _ERRORS_REPEAT_AFTER, {})


def _vaccines(person: Row, random: Random) -> list[_Vaccine]:
    is_child = bool(person["guardian_last_name"])
    fitting = [vaccine for vaccine in _VACCINES if vaccine.is_for_children is is_child]
    return random.sample(fitting, random.randint(1, min(3, len(fitting))))


def _person(source: str, number: int, today: date, random: Random) -> Row:
    is_child = random.random() < (0.9 if source == "elm" else 0.4)
    age_in_days = random.randint(400, 6_000) if is_child else random.randint(7_000, 30_000)
    city, zip_code = random.choice(_CITIES)
    family = random.choice(_FAMILIES)
    return {
        "patient_id": f"{source[:3].upper()}-{number:06}",
        "last_name": family,
        "first_name": random.choice(_GIVEN),
        "birth_date": (today - timedelta(days=age_in_days)).isoformat(),
        "sex": random.choice("FM"),
        "race": random.choice(_RACES),
        "ethnicity": random.choice(("2186-5", "2135-2")),
        "mothers_maiden_name": random.choice(_FAMILIES) if is_child else "",
        "address_street": f"{random.randint(1, 999)} Invented Street",
        "address_city": city,
        "address_state": "CT",
        "address_zip": zip_code,
        "address_country": "USA",
        "phone": f"860-555-01{random.randint(0, 99):02}",
        "guardian_last_name": family if is_child else "",
        "guardian_first_name": random.choice(_GIVEN) if is_child else "",
        "guardian_relationship": "MTH" if is_child else "",
    }


def _dose(source: str, number: int, day: date, vaccine: _Vaccine, *, is_child: bool) -> Row:
    kind = _KINDS.get(number % 20, "given")
    npi, family, given = _PROVIDERS[number % len(_PROVIDERS)]
    row = {
        "dose_id": f"{source[:3].upper()}D{number:07}",
        "dose_date": day.isoformat(),
        "clinic": _CLINIC_NAMES[source],
        "completion": {"refused": "RE", "not administered": "NA"}.get(kind, "CP"),
        "information_source": {"given": "00", "historical": "01"}.get(kind, ""),
        "action": "A",
        "cvx": vaccine.cvx,
        "vaccine_name": vaccine.name,
        "refusal_reason": ("00" if is_child else "03") if kind == "refused" else "",
    }
    if kind != "given":
        return row
    return row | {
        "ndc": vaccine.ndc,
        "mvx": vaccine.mvx,
        "lot": f"SYN{vaccine.cvx}{number % 9}",
        "expiry": (day + timedelta(days=300)).isoformat(),
        "amount": "0.5",
        "units": "mL",
        "route": vaccine.route,
        "site": ("LT" if is_child else "LA") if number % 2 else ("RT" if is_child else "RA"),
        "eligibility": ("V02" if number % 3 else "V01") if is_child else "V01",
        "funding_source": "VXC50" if is_child else "PHC70",
        **vaccine.vis,
        "vis_presented": day.isoformat() if vaccine.vis else "",
        "administered_by_npi": npi,
        "administered_by_last_name": family,
        "administered_by_first_name": given,
        "ordered_by_npi": _PROVIDERS[1][0],
        "ordered_by_last_name": _PROVIDERS[1][1],
        "ordered_by_first_name": _PROVIDERS[1][2],
        "comment": "Well child visit.\nNo reaction after 15 minutes." if number % 17 == 0 else "",
    }


_CLINIC_NAMES: Final = {"elm": "ELM01", "harbor": "Harbor Main", "hilltop": "Hilltop Community Clinic"}


# the three formats ----------------------------------------------------------------------------------------------------


def _write_own_layout(folder: Path, today: date, doses: Iterator[Row]) -> None:
    names = [column.name for column in columns.COLUMNS]
    with (folder / f"doses-{today.isoformat()}.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(doses)


def _us_date(text: str) -> str:
    try:
        return date.fromisoformat(text).strftime("%m/%d/%Y")
    except ValueError:
        return text


def _translate(**translations: str) -> Callable[[str], str]:
    return lambda text: translations.get(text, text)


_AS_IT_IS: Final = _translate()

# Columns of the harbor's export, in its order: its name, vaxline's name or "", how its values are written.
_HARBOR: Final[tuple[tuple[str, str, Callable[[str], str]], ...]] = (
    ("Pt MRN", "patient_id", _AS_IT_IS),
    ("Pt Last", "last_name", _AS_IT_IS),
    ("Pt First", "first_name", _AS_IT_IS),
    ("DOB", "birth_date", _us_date),
    ("Gender", "sex", _translate(F="Female", M="Male")),
    ("Race", "race", _AS_IT_IS),
    ("Ethnic Group", "ethnicity", lambda text: "Hispanic" if text == "2135-2" else "Not Hispanic"),
    ("Addr 1", "address_street", _AS_IT_IS),
    ("City", "address_city", _AS_IT_IS),
    ("ST", "address_state", _AS_IT_IS),
    # As after a spreadsheet that drops leading zeros.
    ("Zip", "address_zip", lambda text: text.lstrip("0")),
    ("Home Phone", "phone", lambda text: f"({text[:3]}) {text[4:]}"),
    ("Guarantor Last", "guardian_last_name", _AS_IT_IS),
    ("Guarantor First", "guardian_first_name", _AS_IT_IS),
    ("Guarantor Rel", "guardian_relationship", _translate(MTH="Mother")),
    ("Imm ID", "dose_id", _AS_IT_IS),
    ("Given On", "dose_date", _us_date),
    ("Dept", "clinic", _AS_IT_IS),
    ("Imm Status", "completion", _translate(CP="Given", RE="Refused", NA="Not given")),
    ("Source", "information_source", lambda text: {"00": "New", "01": "Historical"}.get(text, text)),
    ("Row Action", "action", _translate(A="Add", D="Deleted")),
    ("CVX", "cvx", lambda text: text.lstrip("0")),
    ("NDC", "ndc", lambda text: text.replace("-", "")),
    ("Mfr", "mvx", _AS_IT_IS),
    ("Lot #", "lot", _AS_IT_IS),
    ("Exp", "expiry", _us_date),
    ("Dose Amt", "amount", _translate(**{"0.5": ".5"})),
    ("Route", "route", _translate(C28161="IM", C38299="SubQ")),
    ("Body Site", "site", _translate(LA="Left arm", RA="Right arm", LT="Left thigh", RT="Right thigh")),
    ("Refusal", "refusal_reason", lambda text: {"00": "Parent refused", "03": "Patient refused"}.get(text, text)),
    ("VFC Status", "eligibility", _translate(V01="Not eligible", V02="Medicaid")),
    ("Stock", "funding_source", _translate(PHC70="Private", VXC50="State supplied")),
    ("Provider NPI", "administered_by_npi", _AS_IT_IS),
    ("Provider Last", "administered_by_last_name", _AS_IT_IS),
    ("Provider First", "administered_by_first_name", _AS_IT_IS),
    ("Chart Note", "comment", _AS_IT_IS),
    ("Last Updated By", "", _AS_IT_IS),
)


def _write_other_layout(folder: Path, today: date, doses: Iterator[Row]) -> None:
    name = f"IMM_EXTRACT_{today:%Y%m%d}.txt"
    with (folder / name).open("w", encoding="windows-1252", newline="") as file:
        writer = csv.writer(file, delimiter="|", lineterminator="\r\n")
        writer.writerow([own for own, _, _ in _HARBOR])
        for row in doses:
            writer.writerow([write(row.get(name, "")) if name else "demo" for _, name, write in _HARBOR])
        # A note that contains the delimiter without quotation marks, so the row has more cells than columns.
        file.write("|".join(["HAR-999999", "Sampleton", "Ada", "a|b", *[""] * (len(_HARBOR) - 4)]) + "\r\n")


def _write_fhir(folder: Path, today: date, doses: Iterator[Row]) -> None:
    """Write a folder of NDJSON files with a manifest. A patient is written before the first of their doses."""
    folder = folder / today.isoformat()
    folder.mkdir(exist_ok=True)
    names = ("Immunization", "Location", "Organization", "Patient", "Practitioner")
    with ExitStack() as stack:
        files: dict[str, TextIO] = {
            name: stack.enter_context((folder / f"{name}.000.ndjson").open("w", encoding="utf-8")) for name in names
        }

        def write(resource: Mapping[str, Any]) -> None:
            files[resource["resourceType"]].write(json.dumps(resource, ensure_ascii=False) + "\n")

        for resource in demo_exports_fhir.referenced_resources(_CLINIC_NAMES["hilltop"], _PROVIDERS):
            write(resource)
        last = ""
        for row in doses:
            if row["patient_id"] != last:
                last = row["patient_id"]
                write(demo_exports_fhir.patient(row))
            write(demo_exports_fhir.immunization(row))
        files["Immunization"].write('{"resourceType":"Immunization","id":"HILD-cut-off","status":\n')
    manifest = demo_exports_fhir.manifest([f"{name}.000.ndjson" for name in names], today)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), "utf-8")


_WRITERS: Final[Mapping[str, Callable[[Path, date, Iterator[Row]], None]]] = {
    "elm": _write_own_layout,
    "harbor": _write_other_layout,
    "hilltop": _write_fhir,
}


def looks_like_fhir(path: Path) -> bool:
    """Say whether a user's own file belongs to a FHIR bulk export: by its name, else by its first character."""
    name = path.name.casefold().removesuffix(".gz")
    if name.endswith((".ndjson", ".jsonl", ".json")) or name == "_success":
        return True
    if name.endswith((".csv", ".tsv", ".txt")):
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip().startswith(b"{")


def source_for(path: Path) -> str:
    """Return the demo's source for a user's own file: by its first bytes, else by its name."""
    with path.open("rb") as file:
        export_format = looks_like(file)
    if export_format == "csv" and looks_like_fhir(path):
        export_format = "fhir"
    return f"yours-{export_format}"
