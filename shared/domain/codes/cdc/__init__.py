"""CDC's code sets: vaccines (CVX), manufacturers (MVX), products, packages (NDC), vaccine groups and statements (VIS).

The tables are in the package as compact text. Each is read at its first use. `vaxline codes update` rebuilds them from
the files that CDC publishes. Look-ups accept the spellings of EHRs (`8`, `08`, `skb`, ten-digit NDCs). Source: CDC, IIS
code sets, public domain; docs/codesets.md has the details.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from typing import Final

from shared.domain.codes.cdc import compact, ndc_form
from shared.domain.codes.cdc.rows import Cvx, Group, Kind, Mvx, Ndc, Product, Status, TableInfo, Vis

__all__ = [
    "Cvx",
    "Group",
    "Kind",
    "Mvx",
    "Ndc",
    "Product",
    "Status",
    "TableInfo",
    "Vis",
    "cpt_map",
    "cvx",
    "groups",
    "makers",
    "mvx",
    "mvx_named",
    "ndc",
    "ndc_11",
    "product",
    "products",
    "tables",
    "vis",
    "vis_for",
    "vis_of",
    "vis_url",
]

NO_VACCINE: Final = "998"
"""CVX of a part of a message that is about no vaccination (a forecast, an immunity)."""
UNKNOWN_VACCINE: Final = "999"
_CVX_CODE: Final = re.compile(r"[0-9]{2,3}")
_FIRST_OWN_RANGE: Final = 500
_STATUS: Final = {str(status): status for status in Status}
_NO_LETTERS: Final = re.compile(r"[^\w]+|_")
_KIND: Final = {str(kind): kind for kind in Kind}


# Look-ups -------------------------------------------------------------------------------------------------------------


def cvx(code: str) -> Cvx | None:
    """Return the vaccine of a CVX code with any number of leading zeros."""
    rows = _cvx()
    row = rows.get(code)
    return row if row is not None else rows.get(_cvx_form(code))


def is_newer_cvx(code: str) -> bool:
    """Tell whether a code is well-formed, unknown, and higher than CDC's running numbers in the table.

    CDC gives out running numbers and never takes one back. Numbers from 500 on are ranges of their own (non-US
    vaccines, adjuvants, statements about no vaccine), in which nothing new is expected.
    """
    return _CVX_CODE.fullmatch(code) is not None and cvx(code) is None and _highest_cvx() < int(code) < _FIRST_OWN_RANGE


def mvx(code: str) -> Mvx | None:
    """Return the manufacturer of an MVX code in upper or lower case."""
    rows = _mvx()
    row = rows.get(code)
    return row if row is not None else rows.get(code.strip().upper())


def mvx_named(name: str) -> Mvx | None:
    """Return the manufacturer by the very name that CDC's table has, however it is capitalized and punctuated."""
    return _mvx_by_name().get(_plain_name(name))


def ndc(raw: str) -> Ndc | None:
    """Return the package of an NDC in any spelling; None if CDC does not list it, or if ten digits fit two packages."""
    packages = _ndc()
    package = packages.get(raw)
    if package is not None:
        return package
    matches = [packages[form] for form in ndc_form.readings(raw) if form in packages]
    return matches[0] if len(matches) == 1 else None


def ndc_11(raw: str) -> str | None:
    """Return the 11-digit form of an NDC, 5-4-2 with hyphens.

    Returns:
        The form that the spelling states, or that of the one listed package that fits; otherwise None.
    """
    stated = ndc_form.stated(raw)
    if stated is not None:
        return stated
    package = ndc(raw)
    return package.code if package is not None else None


def products(cvx: str, mvx: str) -> tuple[Product, ...]:
    """Return all trade names of a vaccine from a manufacturer: active ones first, then by their last change."""
    return _products().get((_cvx_form(cvx), mvx.strip().upper()), ())


def product(cvx: str, mvx: str) -> Product | None:
    """Return the first of `products`."""
    return next(iter(products(cvx, mvx)), None)


def makers(cvx: str) -> frozenset[str]:
    """Return the MVX codes that CDC links to a vaccine by product or NDC; empty if the list is not complete."""
    return _makers().get(_cvx_form(cvx), frozenset())


def groups(cvx: str) -> tuple[Group, ...]:
    """Return the vaccine groups that a vaccine counts for, several for a combination, none for other CVX codes."""
    return _groups().get(_cvx_form(cvx), ())


def vis(document: str) -> Vis | None:
    """Return the statement of a 24-character document type string."""
    return _vis().get(document.strip())


def vis_of(cvx: str) -> tuple[Vis, ...]:
    """Return every edition for a vaccine, the newest first; for the CVX of a group, those of its single vaccines."""
    return _vis_of().get(_cvx_form(cvx), ())


def vis_for(cvx: str, edition: str) -> tuple[Vis, ...]:
    """Return the statements of a vaccine with an edition date, those for one vaccine before those for several.

    Args:
        cvx: The vaccine; a combination may have several statements of one date.
        edition: `YYYYMMDD` or `YYYY-MM-DD`.
    """
    day = edition.strip().replace("-", "")
    return tuple(entry for entry in vis_of(cvx) if entry.edition == day)


def vis_url(document: str) -> str:
    """Return the URL of CDC's page with the current edition of a statement, empty if there is none."""
    statement = vis(document)
    return _vis_url().get(statement.document_type, "") if statement is not None else ""


def tables() -> tuple[TableInfo, ...]:
    """Return what the tables of the package are."""
    shipped = map(_shipped, compact.SHIPPED)
    return tuple(TableInfo(table.name, table.date, len(table.rows), table.form.source) for table in shipped)


def table_date(name: str) -> str:
    """Return the day of the newest change that CDC states in a table, `YYYYMMDD`."""
    return _date(name)


def cpt_map(text: str) -> dict[str, tuple[str, ...]]:
    """Read CPT to CVX from the text of a `cpt.tsv`, which `vaxline codes update --cpt` makes of the user's own file.

    Raises:
        BrokenTableError: The text is no such table.
    """
    return {code: tuple(codes.split()) for code, codes in compact.decode("cpt", text).rows}


# Tables, each read at its first use -----------------------------------------------------------------------------------


def _cvx_form(code: str) -> str:
    digits = code.strip()
    if len(digits) == 2 or not (digits.isascii() and digits.isdigit()):
        return digits
    return str(int(digits)).zfill(2) if len(digits) <= 4 else digits


def _shipped(name: str) -> compact.Table:
    # Importing importlib.resources takes longer than reading all tables, and pkgutil asks the same loader.
    content = pkgutil.get_data(__name__, f"data/{name}.tsv")
    if content is None:
        raise compact.BrokenTableError(f"table {name}: this installation cannot read files of the package")
    return compact.decode(name, content.decode("utf-8"))


@cache
def _cvx() -> dict[str, Cvx]:
    return {
        code: Cvx(code, name, _STATUS[status], _KIND[kind], unspecified == "1", updated)
        for code, name, status, kind, unspecified, updated in _shipped("cvx").rows
    }


@cache
def _highest_cvx() -> int:
    return max(int(code) for code in _cvx() if int(code) < _FIRST_OWN_RANGE)


@cache
def _date(name: str) -> str:
    return _shipped(name).date


@cache
def _mvx() -> dict[str, Mvx]:
    return {code: Mvx(code, name, _STATUS[status], updated) for code, name, status, updated in _shipped("mvx").rows}


@cache
def _mvx_by_name() -> dict[str, Mvx]:
    by_name: dict[str, Mvx] = {}
    for row in _mvx().values():
        by_name.setdefault(_plain_name(row.name), row)
    return by_name


def _plain_name(name: str) -> str:
    return " ".join(_NO_LETTERS.sub(" ", name).split()).casefold()


@cache
def _ndc() -> dict[str, Ndc]:
    return {
        code: Ndc(
            code,
            tuple(vaccines.split()),
            tuple(manufacturers.split()),
            name,
            "use" in unit,
            "sale" in unit,
            start,
            end,
            tuple(inner.split()),
        )
        for code, vaccines, manufacturers, unit, start, end, name, inner in _shipped("ndc").rows
    }


@cache
def _products() -> dict[tuple[str, str], tuple[Product, ...]]:
    found: dict[tuple[str, str], list[Product]] = {}
    for vaccine, manufacturer, name, active, updated in _shipped("products").rows:
        entry = Product(vaccine, manufacturer, name, active == "1", updated)
        found.setdefault((vaccine, manufacturer), []).append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: (entry.active, entry.updated), reverse=True)
    return {key: tuple(entries) for key, entries in found.items()}


@cache
def _makers() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for vaccine, manufacturer in _products():
        found.setdefault(vaccine, set()).add(manufacturer)
    for package in _ndc().values():
        for vaccine in package.cvx:
            found.setdefault(vaccine, set()).update(package.mvx)
    # The list is not complete if a product has no manufacturer.
    return {vaccine: frozenset(codes) for vaccine, codes in found.items() if "" not in codes}


@cache
def _groups() -> dict[str, tuple[Group, ...]]:
    found: dict[str, tuple[Group, ...]] = {}
    for vaccine, group, name in _shipped("groups").rows:
        found[vaccine] = (*found.get(vaccine, ()), Group(group, name))
    return found


@cache
def _vis() -> dict[str, Vis]:
    return {
        document: Vis(document, edition, name, current == "1", updated, tuple(vaccines.split()))
        for document, edition, current, updated, name, vaccines in _shipped("vis").rows
    }


@cache
def _vis_of() -> dict[str, tuple[Vis, ...]]:
    found: dict[str, dict[str, Vis]] = {}
    for entry in _vis().values():
        for vaccine in entry.cvx:
            found.setdefault(vaccine, {})[entry.document] = entry
    # OBX 30956-7 names a statement by the CVX of its group, which CDC's table of statements does not have (IG R1.5,
    # Appendix B). Combinations are left out, because their statements belong to other groups as well.
    by_group: dict[str, dict[str, Vis]] = {}
    for vaccine, memberships in _groups().items():
        if len(memberships) == 1 and memberships[0].cvx not in found:
            by_group.setdefault(memberships[0].cvx, {}).update(found.get(vaccine, {}))
    return {vaccine: tuple(sorted(of.values(), key=_order)) for vaccine, of in (by_group | found).items() if of}


def _order(entry: Vis) -> tuple[int, bool, int, str]:
    return (-int(entry.edition), entry.name.startswith("Multi"), len(entry.cvx), entry.document)


@cache
def _vis_url() -> dict[str, str]:
    return {document_type: html or pdf for document_type, html, pdf in _shipped("vis_url").rows}
